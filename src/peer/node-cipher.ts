/** The ultravisor's cryptography, by Node's own library: AES-256-GCM, SHA-512, random bytes. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import type { Sha512 } from '../guest/digest.ts'
import type { PageCipher } from '../ultravisor/page-crypto.ts'

const ALGORITHM = 'aes-256-gcm'
const TAG = { authTagLength: 16 } as const

/** The same bytes without Buffer's ways; no copy. */
const viewOf = (buffer: Buffer): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)

/** AES-256-GCM with tags of 16 bytes. `open` answers undefined for whatever does not fit. */
export const nodeCipher: PageCipher = {
  randomBytes: (count) => viewOf(randomBytes(count)),
  seal: (key, iv, aad, plain) => {
    const run = createCipheriv(ALGORITHM, key, iv, TAG)
    run.setAAD(aad)
    const cipher = viewOf(run.update(plain))
    run.final()
    return { cipher, tag: viewOf(run.getAuthTag()) }
  },
  open: (key, iv, aad, cipher, tag) => {
    const run = createDecipheriv(ALGORITHM, key, iv, TAG)
    run.setAAD(aad)
    run.setAuthTag(tag)
    const plain = viewOf(run.update(cipher))
    try {
      run.final()
    } catch {
      return undefined
    }
    return plain
  },
}

export const nodeSha512: Sha512 = {
  init: () => {
    const run = createHash('sha512')
    return {
      update: (bytes) => {
        run.update(bytes)
      },
      digest: () => viewOf(run.digest()),
    }
  },
}
