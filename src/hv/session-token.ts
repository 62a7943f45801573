/**
 * Tokens that resume a session: 32 random bytes as text. Only their digests are kept, so that neither
 * a log nor a dump of the process holds one.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

export const digestOf = (token: string): Uint8Array => createHash('sha256').update(token).digest()

/** A digest as the key of a table. To look a guess up tells nothing: nobody can choose its digest. */
export const keyOf = (digest: Uint8Array): string => Buffer.from(digest).toString('hex')

/** Takes as long wherever the two differ. */
export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b)
