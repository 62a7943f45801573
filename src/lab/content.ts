/**
 * What pages hold in the lab: tags that say who wrote them, so that a page found in the wrong place
 * speaks for itself.
 */
import { asLpid, type Gfn, type Lpid, type Page } from '../abi/page.ts'
import { isZeros, tagOfBytes } from '../ultravisor/page-contents.ts'

/** Who wrote a page, and when. */
export const Writer = {
  /** The boot loader, in clear, before the switch. */
  Boot: 1,
  /** The guest, to a secure page: the host must never see it. */
  GuestSecret: 2,
  /** The guest, to a shared page. */
  GuestPublic: 3,
  /** The host, to a shared page. */
  Host: 4,
  /** The host, to a page that it holds as ciphertext. */
  Tamper: 5,
} as const
export type Writer = (typeof Writer)[keyof typeof Writer]

/** A tag begins with this, which no other content of the lab does. */
const MARK = 0x5eedn
const WRITER_SHIFT = 44n
const LPID_SHIFT = 24n
const LPID_MASK = 0xfffn
/** The lowest tag of each writer, by its number, and the one past them all. */
const FIRST_TAGS = [0n, 1n, 2n, 3n, 4n, 5n, 6n].map((n) => (MARK << 48n) | (n << WRITER_SHIFT))

/** The content that `writer` gives a page at its n-th write. */
export function contentOf(writer: Writer, lpid: Lpid, gfn: Gfn, n = 0): bigint {
  const place = (BigInt(n % 256) << 36n) | (BigInt(lpid) << LPID_SHIFT) | BigInt(gfn)
  return (MARK << 48n) | (BigInt(writer) << WRITER_SHIFT) | place
}

/**
 * The guest for which `writer` wrote the page; undefined when it is zeros, ciphertext or a guest's file.
 * One page of ciphertext in a million begins as a tag of the writer does: it names any guest.
 */
export function writtenFor(writer: Writer, page: Page): Lpid | undefined {
  if (page === null) return undefined
  const tag = typeof page === 'bigint' ? page : tagOfBytes(page)
  if (tag < (FIRST_TAGS[writer] as bigint) || tag >= (FIRST_TAGS[writer + 1] as bigint))
    return undefined
  return asLpid(Number((tag >> LPID_SHIFT) & LPID_MASK))
}

/** True when both pages hold the same bytes; a tag is a page that begins with it. */
export function samePage(left: Page, right: Page): boolean {
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array ? sameBytes(left, right) : holdsTag(left, right ?? 0n)
  }
  return right instanceof Uint8Array ? holdsTag(right, left ?? 0n) : (left ?? 0n) === (right ?? 0n)
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left === right) return true
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}

function holdsTag(bytes: Uint8Array, tag: bigint): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getBigUint64(0) === tag && isZeros(bytes.subarray(8))
}
