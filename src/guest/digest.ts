/** Hashing behind a port: this floor has no crypto of its own. */

import type { ByteSource } from '../formats/byte-source.ts'
import { invariant } from '../lib/assert.ts'

/** Makes SHA-512 computations. */
export interface Sha512 {
  readonly init: () => Sha512Run
}

/** One computation: bytes in order, then once the digest of 64 bytes. */
export interface Sha512Run {
  readonly update: (bytes: Uint8Array) => void
  readonly digest: () => Uint8Array
}

/** Bytes of a SHA-512 digest. */
export const DIGEST_BYTES = 64

/** Bytes that are read from a file at a time: a big file is never in memory whole. */
const CHUNK_BYTES = 1024 * 1024
const ZEROS = new Uint8Array(65_536)

export function digestOf(sha512: Sha512, bytes: Uint8Array): Uint8Array {
  const run = sha512.init()
  run.update(bytes)
  return run.digest()
}

/** Feeds `length` bytes of a file from `offset`. */
export function updateFrom(
  run: Sha512Run,
  source: ByteSource,
  offset: number,
  length: number,
): void {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const wanted = Math.min(CHUNK_BYTES, length - at)
    const bytes = source.read(offset + at, wanted)
    invariant(bytes.length === wanted, `the file gives the ${wanted} bytes at ${offset + at}`)
    run.update(bytes)
  }
}

/** Feeds `length` zeros. */
export function updateZeros(run: Sha512Run, length: number): void {
  for (let left = length; left > 0; left -= ZEROS.length) {
    run.update(left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left))
  }
}
