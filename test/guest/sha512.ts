import { createHash } from 'node:crypto'
import type { Sha512 } from '../../src/guest/digest.ts'

/** Node's SHA-512 behind the port. */
export const sha512: Sha512 = {
  init: () => {
    const hash = createHash('sha512')
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => new Uint8Array(hash.digest()),
    }
  },
}

/** SHA-512 of some bytes in hexadecimal, without the port. */
export const hexDigest = (bytes: Uint8Array | string): string =>
  createHash('sha512').update(bytes).digest('hex')
