/**
 * A cipher for pages that are tags: seals one in eight bytes that nothing else produces.
 *
 * DIFF: no secrecy at all, as nobody attacks it here. What it keeps of AES-GCM is what the protocol
 * relies on: a page that is not the very one that was sealed last, for that frame, is refused.
 */
import { type PageCipher, TAG_BYTES } from '../../ultravisor/page-crypto.ts'

/** The top byte of every sealed page. */
const CIPHER_MARK = 0xe7

/** Sealed page number `iv` (24 bits) of a frame (8 bits for LPID and GFN each) with a content. */
export function cipherOf(iv: number, code: number, lpid: number, gfn: number): bigint {
  const place = (BigInt(lpid) << 48n) | (BigInt(gfn) << 40n)
  return (BigInt(CIPHER_MARK) << 56n) | place | (BigInt(iv) << 16n) | BigInt(code)
}

/** True for a page that was sealed. */
export const isCipherPage = (page: bigint): boolean => page >> 56n === BigInt(CIPHER_MARK)

/** What identifies contents by a small number, and back. */
export interface Contents {
  readonly codeOf: (tag: bigint) => number
  readonly tagOf: (code: number) => bigint
}

export function newTagCipher(contents: Contents): PageCipher {
  return {
    randomBytes: (count) => new Uint8Array(count),
    seal: (_key, iv, aad, plain) => {
      const number = new DataView(iv.buffer, iv.byteOffset).getUint32(8)
      const place = new DataView(aad.buffer, aad.byteOffset)
      const [lpid, gfn] = [place.getUint32(4), place.getUint32(12)]
      const cipher = bytesOf(cipherOf(number, contents.codeOf(tagIn(plain)), lpid, gfn))
      return { cipher, tag: tagFor(cipher, aad) }
    },
    open: (_key, _iv, aad, cipher, tag) => {
      if (cipher.length !== 8) return undefined
      const expected = tagFor(cipher, aad)
      for (let i = 0; i < TAG_BYTES; i++) if (expected[i] !== tag[i]) return undefined
      return bytesOf(contents.tagOf(Number(tagIn(cipher) & 0xffffn)))
    },
  }
}

/** Names the sealed page and the frame it was sealed for. */
function tagFor(cipher: Uint8Array, aad: Uint8Array): Uint8Array {
  const tag = new Uint8Array(TAG_BYTES)
  tag.set(cipher)
  tag.set(aad.subarray(6, 8), 8)
  tag.set(aad.subarray(10, 16), 10)
  return tag
}

/** IV and tag of sealed page number `iv` with the content `code`, as a frame's record keeps them. */
export function sealOf(iv: number, code: number, lpid: number, gfn: number): Seal {
  const aad = new Uint8Array(16)
  const view = new DataView(aad.buffer)
  view.setUint32(4, lpid)
  view.setUint32(12, gfn)
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(8, iv)
  return { iv: bytes, tag: tagFor(bytesOf(cipherOf(iv, code, lpid, gfn)), aad) }
}

export interface Seal {
  readonly iv: Uint8Array
  readonly tag: Uint8Array
}

const tagIn = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)

function bytesOf(tag: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, tag)
  return bytes
}
