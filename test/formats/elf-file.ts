/** Makes ELF64 files for tests, field by field from the System V ABI. */

interface Segment {
  readonly type: number
  readonly paddr: number
  readonly vaddr: bigint
  readonly fileOffset: number
  readonly fileSize: number
  readonly memSize: number
}

/** An empty PT_LOAD segment at 0. */
export const SEGMENT: Segment = {
  type: 1,
  paddr: 0,
  vaddr: 0n,
  fileOffset: 0,
  fileSize: 0,
  memSize: 0,
}

interface Options {
  readonly segments: readonly Segment[]
  readonly size: number
  readonly byteOrder?: 'little' | 'big'
  readonly machine?: number
  readonly entry?: bigint
}

/** A file of `size` bytes: header at 0, program headers at 64, zeros behind. */
export function elfFile(options: Options): Uint8Array {
  const { segments, size, byteOrder = 'little', machine = 21, entry = 0n } = options
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  const little = byteOrder === 'little'
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1])
  view.setUint16(18, machine, little)
  view.setBigUint64(24, entry, little)
  view.setBigUint64(32, 64n, little)
  view.setUint16(54, 56, little)
  view.setUint16(56, segments.length, little)
  for (const [index, segment] of segments.entries()) {
    const at = 64 + index * 56
    view.setUint32(at, segment.type, little)
    view.setBigUint64(at + 8, BigInt(segment.fileOffset), little)
    view.setBigUint64(at + 16, segment.vaddr, little)
    view.setBigUint64(at + 24, BigInt(segment.paddr), little)
    view.setBigUint64(at + 32, BigInt(segment.fileSize), little)
    view.setBigUint64(at + 40, BigInt(segment.memSize), little)
  }
  return bytes
}
