/**
 * cpio archives of the `newc` kind, as an initrd carries them.
 *
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst. Archives may follow
 * one another; the next thing starts at a multiple of 512 after the trailer. The bytes come from
 * a guest: a wrong one ends in a sentence, never in a throw, and the work is linear in the bytes.
 */

import { isLatinName, latinBytesOf, latinOf, roundUp } from './text.ts'

/** Fixed part of an entry: a magic of 6 characters and 13 numbers of 8 hexadecimal digits. */
export const CPIO_HEADER_BYTES = 110
/** Archives are padded to this many bytes. */
export const CPIO_BLOCK_BYTES = 512
export const CPIO_TRAILER = 'TRAILER!!!'

export const CPIO_LIMITS = { entriesMax: 65_536, nameBytesMax: 4096 } as const

export interface CpioEntry {
  readonly name: string
  /** A view into the archive's bytes, not a copy. */
  readonly data: Uint8Array
  /** Offset of the next entry, in bytes from the archive's start. */
  readonly end: number
}

export interface CpioArchive {
  /** All entries but the trailer. */
  readonly entries: readonly CpioEntry[]
  /** Offset of the first byte behind the trailer. */
  readonly end: number
  /** `end` rounded up to 512: where whatever comes after the archive starts. */
  readonly paddedEnd: number
}

/** A file to be written; the mode is that of a plain file, readable by its owner. */
export interface CpioFile {
  readonly name: string
  readonly data: Uint8Array
}

/** True when an archive starts here: `070701`, or `070702` (the same with a checksum). */
export function isCpio(bytes: Uint8Array): boolean {
  const magic = latinOf(bytes.subarray(0, 6))
  return magic === '070701' || magic === '070702'
}

/** Reads one archive up to its trailer; a string says what is wrong where. Never throws. */
export function readCpio(bytes: Uint8Array): CpioArchive | string {
  const entries: CpioEntry[] = []
  let at = 0
  while (true) {
    const entry = entryAt(bytes, at)
    if (typeof entry === 'string') return entry
    if (entry.name === CPIO_TRAILER) {
      return { entries, end: entry.end, paddedEnd: roundUp(entry.end, CPIO_BLOCK_BYTES) }
    }
    if (entries.length === CPIO_LIMITS.entriesMax) {
      return `cpio: more than ${CPIO_LIMITS.entriesMax} entries`
    }
    entries.push(entry)
    at = entry.end
  }
}

/** Reads the entry at `at`, an offset in bytes from the archive's start. Never throws. */
export function entryAt(bytes: Uint8Array, at: number): CpioEntry | string {
  const header = bytes.subarray(at, at + CPIO_HEADER_BYTES)
  if (header.length < CPIO_HEADER_BYTES) {
    return `cpio: the archive ends at ${bytes.length} without a trailer`
  }
  if (!isCpio(header)) return `cpio: magic at ${at} is not 070701 or 070702`
  const [dataSize, nameSize] = [fieldOf(header, 6), fieldOf(header, 11)]
  if (dataSize === undefined) return `cpio: the file size at ${at} is not hexadecimal`
  if (nameSize === undefined) return `cpio: the name size at ${at} is not hexadecimal`
  if (nameSize < 1 || nameSize > CPIO_LIMITS.nameBytesMax) {
    const range = `1 to ${CPIO_LIMITS.nameBytesMax}`
    return `cpio: the name at ${at} has ${nameSize} bytes, expected ${range}`
  }
  const nameEnd = at + CPIO_HEADER_BYTES + nameSize
  const dataStart = roundUp(nameEnd, 4)
  if (dataStart > bytes.length || dataStart + dataSize > bytes.length) {
    return `cpio: the entry at ${at} with ${dataSize} bytes of data ends beyond ${bytes.length}`
  }
  if (bytes[nameEnd - 1] !== 0) return `cpio: the name at ${at} does not end in NUL`
  return {
    name: latinOf(bytes.subarray(at + CPIO_HEADER_BYTES, nameEnd - 1)),
    data: bytes.subarray(dataStart, dataStart + dataSize),
    end: roundUp(dataStart + dataSize, 4),
  }
}

/**
 * Writes an archive with its trailer, padded to 512; a string names the file that cannot be one.
 */
export function writeCpio(files: readonly CpioFile[]): Uint8Array | string {
  for (const file of files) {
    const wrong = nameError(file.name)
    if (wrong !== undefined) return wrong
  }
  if (files.length > CPIO_LIMITS.entriesMax) {
    return `cpio: ${files.length} files, expected at most ${CPIO_LIMITS.entriesMax}`
  }
  const all = [...files, { name: CPIO_TRAILER, data: new Uint8Array(0) }]
  const size = all.reduce((sum, file) => sum + bytesOf(file), 0)
  const archive = new Uint8Array(roundUp(size, CPIO_BLOCK_BYTES))
  let at = 0
  for (const [index, file] of all.entries()) {
    archive.set(headerFor(file, index + 1), at)
    archive.set(latinBytesOf(file.name), at + CPIO_HEADER_BYTES)
    archive.set(file.data, at + roundUp(CPIO_HEADER_BYTES + file.name.length + 1, 4))
    at += bytesOf(file)
  }
  return archive
}

function nameError(name: string): string | undefined {
  if (name === '' || name === CPIO_TRAILER) return `cpio: '${name}' cannot name a file`
  if (!isLatinName(name)) return `cpio: the name '${name}' holds a character of no byte`
  if (name.length + 1 > CPIO_LIMITS.nameBytesMax) {
    return `cpio: a name of ${name.length} bytes, expected less than ${CPIO_LIMITS.nameBytesMax}`
  }
  return undefined
}

const bytesOf = (file: CpioFile): number =>
  roundUp(CPIO_HEADER_BYTES + file.name.length + 1, 4) + roundUp(file.data.length, 4)

function headerFor(file: CpioFile, inode: number): Uint8Array {
  const trailer = file.name === CPIO_TRAILER
  const fields = new Array<number>(13).fill(0)
  fields[0] = trailer ? 0 : inode
  fields[1] = trailer ? 0 : 0o100400
  fields[4] = 1
  fields[6] = file.data.length
  fields[11] = file.name.length + 1
  return latinBytesOf(
    `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
  )
}

function fieldOf(header: Uint8Array, index: number): number | undefined {
  const text = latinOf(header.subarray(6 + index * 8, 14 + index * 8))
  return /^[0-9a-fA-F]{8}$/.test(text) ? Number.parseInt(text, 16) : undefined
}
