/**
 * Reads the program headers of an ELF64 file, in either byte order: what a boot loader needs.
 *
 * Source: the System V ABI, "Object files" and "Program loading". The file may be anything: every
 * wrong field ends in a sentence, never in a throw, and at most `ELF_LIMITS` is read.
 */

import type { ByteSource } from './byte-source.ts'
import { viewOf } from './fdt.ts'

/** e_machine of 64-bit PowerPC, in either byte order. */
export const ELF_MACHINE_PPC64 = 21
export const ELF_LIMITS = { programHeadersMax: 4096 } as const

const HEADER_BYTES = 64
const PROGRAM_HEADER_BYTES = 56
const CLASS_64 = 2
const LITTLE = 1
const BIG = 2
const PT_LOAD = 1

export interface ElfSegment {
  /** Physical address in bytes, below 2^53. */
  readonly paddr: number
  /** Virtual address; a kernel's lie above 2^53. */
  readonly vaddr: bigint
  readonly fileOffset: number
  /** Bytes that come from the file; the rest up to `memSize` is zeros. */
  readonly fileSize: number
  readonly memSize: number
}

export interface Elf {
  readonly byteOrder: 'little' | 'big'
  readonly machine: number
  /** Virtual address of the first instruction. */
  readonly entry: bigint
  /** The PT_LOAD segments that take memory, in the file's order. */
  readonly segments: readonly ElfSegment[]
}

interface Header {
  readonly little: boolean
  readonly tableOffset: number
  readonly tableEntries: number
}

/** True when the bytes start as an ELF file does, of whatever class. */
export const isElf = (head: Uint8Array): boolean =>
  head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46

/** Reads header and PT_LOAD segments; a string says which field has which value. Never throws. */
export function readElf(source: ByteSource): Elf | string {
  if (source.size < HEADER_BYTES) return `elf: ${source.size} bytes, expected at least 64`
  const head = source.read(0, HEADER_BYTES)
  const header = headerOf(head, source.size)
  if (typeof header === 'string') return header
  const view = viewOf(head)
  const byteOrder = header.little ? 'little' : 'big'
  const machine = view.getUint16(18, header.little)
  const entry = view.getBigUint64(24, header.little)
  const segments = segmentsOf(source, header)
  return typeof segments === 'string' ? segments : { byteOrder, machine, entry, segments }
}

function headerOf(head: Uint8Array, fileSize: number): Header | string {
  if (!isElf(head)) return 'elf: the file does not start with 7f 45 4c 46'
  const [, , , , fileClass, order] = head
  if (fileClass !== CLASS_64) return `elf: class is ${fileClass}, expected 2 (64 bit)`
  if (order !== LITTLE && order !== BIG) return `elf: data is ${order}, expected 1 or 2`
  const little = order === LITTLE
  const view = viewOf(head)
  const tableOffset = Number(view.getBigUint64(32, little))
  const entryBytes = view.getUint16(54, little)
  const tableEntries = view.getUint16(56, little)
  if (entryBytes !== PROGRAM_HEADER_BYTES) return `elf: e_phentsize is ${entryBytes}, expected 56`
  if (tableEntries < 1 || tableEntries > ELF_LIMITS.programHeadersMax) {
    return `elf: e_phnum is ${tableEntries}, expected 1 to ${ELF_LIMITS.programHeadersMax}`
  }
  const tableBytes = tableEntries * PROGRAM_HEADER_BYTES
  if (tableOffset + tableBytes > fileSize) {
    return `elf: ${tableBytes} bytes of program headers at ${tableOffset} end beyond ${fileSize}`
  }
  return { little, tableOffset, tableEntries }
}

function segmentsOf(source: ByteSource, header: Header): readonly ElfSegment[] | string {
  const { little, tableOffset, tableEntries } = header
  const view = viewOf(source.read(tableOffset, tableEntries * PROGRAM_HEADER_BYTES))
  const segments: ElfSegment[] = []
  for (let index = 0; index < tableEntries; index++) {
    const at = index * PROGRAM_HEADER_BYTES
    const word = (offset: number): bigint => view.getBigUint64(at + offset, little)
    if (view.getUint32(at, little) !== PT_LOAD) continue
    const segment = {
      paddr: Number(word(24)),
      vaddr: word(16),
      fileOffset: Number(word(8)),
      fileSize: Number(word(32)),
      memSize: Number(word(40)),
    }
    const wrong = segmentError(segment, source.size)
    if (wrong !== undefined) return `elf: segment ${index}: ${wrong}`
    if (segment.memSize > 0) segments.push(segment)
  }
  return segments.length === 0 ? 'elf: no segment is to be loaded' : segments
}

function segmentError(segment: ElfSegment, sourceSize: number): string | undefined {
  const { paddr, fileOffset, fileSize, memSize } = segment
  if (memSize < fileSize) return `p_memsz is ${memSize}, expected at least p_filesz ${fileSize}`
  if (fileOffset + fileSize > sourceSize) {
    return `${fileSize} bytes at ${fileOffset} end beyond the file's ${sourceSize}`
  }
  if (paddr + memSize > Number.MAX_SAFE_INTEGER) {
    return `p_paddr 0x${paddr.toString(16)} and p_memsz ${memSize} reach 2^53`
  }
  return undefined
}
