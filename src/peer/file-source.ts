/** Files of a guest as byte sources: read where they lie, never held whole. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { ByteSource } from '../formats/byte-source.ts'
import { prng } from '../lib/prng.ts'

/** A file that is open until `close`. */
export interface FileSource extends ByteSource {
  readonly close: () => void
}

/** Bytes that a caller gets at a time from `chunksOf`. */
const CHUNK_BYTES = 1_048_576

/** Opens a file. Each `read` gives bytes of its own. Throws what the operating system answers. */
export function openFile(path: string): FileSource {
  const file = openSync(path, 'r')
  const stat = fstatSync(file)
  if (!stat.isFile()) {
    closeSync(file)
    throw new Error(`${path} is not a file`)
  }
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length)
    let at = 0
    while (at < length) {
      const got = readSync(file, bytes, at, length - at, offset + at)
      if (got === 0) throw new Error(`${path} has become shorter than ${stat.size} bytes`)
      at += got
    }
    return bytes
  }
  return { size: stat.size, read, close: () => closeSync(file) }
}

/** Bytes that look like no file: the same for the same seed. */
export function randomSource(size: number, seed: number): ByteSource {
  const random = prng(seed)
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let i = 0; i < words.length; i++) words[i] = random.int(2 ** 32)
  const bytes = new Uint8Array(words.buffer, 0, size)
  return { size, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** A range of a source, piece by piece. The source's bytes must stay valid behind the next read. */
export function* chunksOf(
  source: ByteSource,
  offset: number,
  length: number,
): Generator<Uint8Array> {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    yield source.read(offset + at, Math.min(CHUNK_BYTES, length - at))
  }
}
