/**
 * How a page leaves secure memory and comes back.
 *
 * Source: page_encrypt.c and svm_get_encrypt_key(): AES-256-GCM, a key for each SVM made at its
 * first page-out, an IV of a random fixed part of 4 bytes and a 64-bit counter. IV and tag stay
 * here.
 *
 * DIFF: the firmware authenticates nothing but the page itself; since it keeps the tag of each
 * frame, a swapped or older page is refused all the same. Here LPID and GFN are bound as well, so
 * that a key shared by mistake would not help either. The counter is written big-endian.
 */
import { type Gfn, type Lpid, PAGE_SIZE, type Page } from '../abi/page.ts'
import { bytesOfTag } from '../abi/page-bytes.ts'
import { isZeros, tagOfBytes } from './page-contents.ts'
import type { Svm } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

export const KEY_BYTES = 32
export const IV_BYTES = 12
export const TAG_BYTES = 16
const FIXED_BYTES = 4
/** Of a page that is a tag. */
const WORD_BYTES = 8
const COUNTER_END = 2n ** 64n

/** AES-256-GCM and random bytes, from the outside. */
export interface PageCipher {
  /** `count` unpredictable bytes. */
  readonly randomBytes: (count: number) => Uint8Array
  /**
   * A key of 32 bytes, an IV of 12; the tag has 16. The cipher text lies in memory of its own: that of
   * `plain` is used again. Undefined when encryption fails.
   */
  readonly seal: (
    key: Uint8Array,
    iv: Uint8Array,
    aad: Uint8Array,
    plain: Uint8Array,
  ) => { readonly cipher: Uint8Array; readonly tag: Uint8Array } | undefined
  /** Undefined when the tag does not fit. */
  readonly open: (
    key: Uint8Array,
    iv: Uint8Array,
    aad: Uint8Array,
    cipher: Uint8Array,
    tag: Uint8Array,
  ) => Uint8Array | undefined
}

/** The key of one SVM and what its next IV is made of. */
export interface PageKey {
  readonly key: Uint8Array
  fixed: Uint8Array
  /** 0 to 2^64 - 1. */
  counter: bigint
}

/** An encrypted page for the HV, with what stays in the ultravisor. */
export interface SealedPage {
  readonly page: Page
  readonly iv: Uint8Array
  readonly tag: Uint8Array
}

const ZEROS = new Uint8Array(PAGE_SIZE)

/** Encrypts a page; undefined when the cipher fails. */
export function sealPage(uv: Ultravisor, svm: Svm, gfn: Gfn, page: Page): SealedPage | undefined {
  svm.key ??= newKey(uv)
  const iv = nextIv(uv, svm.key)
  const plain = bytesOf(page, svm.contentMode === 'tag')
  const sealed = uv.cipher.seal(svm.key.key, iv, boundTo(svm.lpid, gfn), plain)
  if (sealed === undefined) return undefined
  return { page: pageOf(sealed.cipher), iv, tag: sealed.tag }
}

/** Decrypts what the HV gave; undefined when it is not what `seal` was made for. */
export function openPage(
  uv: Ultravisor,
  svm: Svm,
  gfn: Gfn,
  page: Page,
  seal: Uint8Array,
): { readonly page: Page } | undefined {
  if (svm.key === undefined) return undefined
  const iv = seal.slice(0, IV_BYTES)
  const tag = seal.slice(IV_BYTES)
  const cipher = bytesOf(page, false)
  const plain = uv.cipher.open(svm.key.key, iv, boundTo(svm.lpid, gfn), cipher, tag)
  if (plain === undefined) return undefined
  // In a VM of tags a page of bytes stays one: as a tag it would tell the HV that it holds zeros.
  const isShort = svm.contentMode === 'bytes' || plain.length === WORD_BYTES
  return { page: isShort && isZeros(plain) ? null : pageOf(plain) }
}

function newKey(uv: Ultravisor): PageKey {
  return {
    key: uv.cipher.randomBytes(KEY_BYTES),
    fixed: uv.cipher.randomBytes(FIXED_BYTES),
    counter: uv.ivCounterStart,
  }
}

function nextIv(uv: Ultravisor, key: PageKey): Uint8Array {
  const iv = new Uint8Array(IV_BYTES)
  iv.set(key.fixed)
  new DataView(iv.buffer).setBigUint64(FIXED_BYTES, key.counter)
  key.counter++
  if (key.counter === COUNTER_END) {
    key.counter = 0n
    key.fixed = uv.cipher.randomBytes(FIXED_BYTES)
  }
  return iv
}

function boundTo(lpid: Lpid, gfn: Gfn): Uint8Array {
  const aad = new Uint8Array(16)
  const view = new DataView(aad.buffer)
  view.setBigUint64(0, BigInt(lpid))
  view.setBigUint64(8, BigInt(gfn))
  return aad
}

function bytesOf(page: Page, zerosAreTag: boolean): Uint8Array {
  if (page instanceof Uint8Array) return page
  if (page === null) return zerosAreTag ? bytesOfTag(0n) : ZEROS
  return bytesOfTag(page)
}

const pageOf = (bytes: Uint8Array): Page =>
  bytes.length === WORD_BYTES ? tagOfBytes(bytes) : bytes
