/** Reads the memory of another process of ours: heap, buffers, stacks, whatever it can write to. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const PIECE_BYTES = 4_194_304

/** Hands every piece on, the pieces of one region in a row; @returns how many bytes. */
export function readMemory(pid: number, region: () => (piece: Uint8Array) => void): number {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')
  const file = openSync(`/proc/${pid}/mem`, 'r')
  let total = 0
  try {
    const piece = Buffer.alloc(PIECE_BYTES)
    for (const line of maps) {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? []
      if (from !== '')
        total += readRegion(file, BigInt(`0x${from}`), BigInt(`0x${to}`), piece, region())
    }
  } finally {
    closeSync(file)
  }
  return total
}

function readRegion(
  file: number,
  from: bigint,
  to: bigint,
  piece: Buffer,
  take: (piece: Uint8Array) => void,
): number {
  let total = 0
  for (let at = from; at < to; ) {
    const length = Math.min(PIECE_BYTES, Number(to - at))
    let got = 0
    try {
      got = readSync(file, piece, 0, length, at)
    } catch {
      // The process goes on meanwhile: what it has given back is no memory of its any more.
    }
    if (got <= 0) break
    take(piece.subarray(0, got))
    total += got
    at += BigInt(got)
  }
  return total
}
