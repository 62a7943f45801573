/**
 * What a guest that turns secure says of itself, and whether that is what its blob promises.
 *
 * Source: svm-esm.c, svm-esmb.c and svm-fdt.c of the firmware.
 *
 * DIFF: the node `/digests` lies in clear in the blob. In a real blob it is sealed with a key that
 * only the machine's TPM opens, so that it also says who made the guest.
 */

import { readCpio } from '../formats/cpio.ts'
import type { Fdt } from '../formats/fdt.ts'
import { FDT_MAGIC } from '../formats/fdt.ts'
import { addressOf, headerOf, property, readFdt, u32At } from '../formats/fdt-read.ts'
import { DIGEST_BYTES, type Sha512 } from '../guest/digest.ts'
import { hashRange, type Range, rangeAt, readRange } from './esm-memory.ts'
import { UV_LIMITS } from './limits.ts'
import type { Svm } from './svm.ts'

/** Path in an archive under which the blob is looked for. */
const ARCHIVE_PATH = 'opt/ibm/pef'
const ARCHIVE_BLOCK_BYTES = 512

/** The RTAS area, and the code at its start. */
export interface RtasArea extends Range {
  readonly textLength: number
}

/** A blob, and the initrd without the archive that may have carried it. */
export interface FoundBlob {
  readonly bytes: Uint8Array
  readonly initrd: Range
}

/** What is measured, in this order. */
export interface Measured {
  readonly rtas: Range
  readonly kernel: Range
  readonly initrd: Range
  /** With its final NUL, as the tree has it. */
  readonly bootargs: Uint8Array
}

/** Size of the device tree whose first bytes these are; a string says what is wrong. */
export function treeSizeOf(first: Uint8Array): number | string {
  const header = headerOf(first)
  if (typeof header === 'string') return header
  if (header.totalSize <= UV_LIMITS.treeBytesMax) return header.totalSize
  const most = UV_LIMITS.treeBytesMax
  return `the device tree has ${header.totalSize} bytes, at most ${most} are taken`
}

/** Reads the tree; `/memory@0` must start at 0. Source: svm_fdt_get_rmo_top(). */
export function treeOf(bytes: Uint8Array): Fdt | string {
  const tree = readFdt(bytes)
  if (typeof tree === 'string') return tree
  const reg = property(tree, '/memory@0', 'reg')
  if (reg === undefined || reg.length < 16) return '/memory@0 has no reg of 16 bytes'
  return addressOf(reg) === 0 ? tree : '/memory@0 does not start at 0'
}

export function rtasOf(tree: Fdt): RtasArea | string {
  const start = addressIn(tree, '/rtas', 'linux,rtas-base')
  const length = cellIn(tree, '/rtas', 'rtas-size')
  const textLength = cellIn(tree, '/rtas', 'slof,rtas-size')
  if (start === undefined) return '/rtas has no linux,rtas-base'
  if (length === undefined) return '/rtas has no rtas-size'
  if (textLength === undefined) return '/rtas has no slof,rtas-size'
  // DIFF: the firmware would measure code behind the area, from pages it never brought in.
  if (textLength > length) return `RTAS code of ${textLength} bytes in an area of ${length}`
  return { ...rangeAt(start, length), textLength }
}

export const initrdOf = (tree: Fdt): Range | string => {
  const start = addressIn(tree, '/chosen', 'linux,initrd-start')
  const end = addressIn(tree, '/chosen', 'linux,initrd-end')
  if (start === undefined) return '/chosen has no linux,initrd-start'
  if (end === undefined) return '/chosen has no linux,initrd-end'
  return rangeAt(start, end - start)
}

/** Where the tree says that the blob lies, if it says so. */
export function blobRangeOf(tree: Fdt): Range | undefined {
  const start = addressIn(tree, '/chosen', 'linux,esm-blob-start')
  const end = addressIn(tree, '/chosen', 'linux,esm-blob-end')
  return start === undefined || end === undefined ? undefined : rangeAt(start, end - start)
}

/** Looks for the blob in an archive in front of the initrd. Source: svm_esm_cpio_esmb(). */
export function blobBeforeInitrd(svm: Svm, initrd: Range): FoundBlob | string {
  const start = Math.ceil(initrd.start / 4) * 4
  const length = Math.min(initrd.start + initrd.length - start, UV_LIMITS.archiveBytesMax)
  const archive = readCpio(readRange(svm, rangeAt(start, length)))
  if (typeof archive === 'string') return archive
  const file = archive.entries.find((entry) => entry.data.length > 0)
  if (file === undefined) return 'the archive in front of the initrd is empty'
  if (!file.name.startsWith(ARCHIVE_PATH)) return `the archive begins with ${file.name}`
  const bytes = fromMagic(file.data)
  if (bytes === undefined) return `${file.name} holds no flattened tree`
  const end = Math.ceil((start + archive.end) / ARCHIVE_BLOCK_BYTES) * ARCHIVE_BLOCK_BYTES
  const skipped = end - start
  return { bytes, initrd: rangeAt(initrd.start + skipped, initrd.length - skipped) }
}

/** Size of the kernel image that the blob speaks of, in bytes. */
export function kernelSizeOf(blob: Fdt): number | string {
  return cellIn(blob, '/digests', 'kernel-size') ?? 'the blob has no /digests kernel-size'
}

/** Names the parts that differ from the blob; undefined when none does. */
export function differenceFrom(
  blob: Fdt,
  sha512: Sha512,
  svm: Svm,
  measured: Measured,
): string | undefined {
  const wrong: string[] = []
  for (const part of ['rtas', 'kernel', 'initrd'] as const) {
    const run = sha512.init()
    hashRange(run, svm, measured[part])
    if (!isDigest(property(blob, '/digests', part), run.digest())) wrong.push(part)
  }
  const run = sha512.init()
  // The final NUL is not measured.
  run.update(measured.bootargs.subarray(0, measured.bootargs.length - 1))
  if (!isDigest(property(blob, '/digests', 'bootargs'), run.digest())) wrong.push('bootargs')
  return wrong.length === 0 ? undefined : `the digest differs: ${wrong.join(', ')}`
}

function isDigest(expected: Uint8Array | undefined, got: Uint8Array): boolean {
  if (expected === undefined || expected.length !== DIGEST_BYTES) return false
  return expected.every((byte, i) => byte === got[i])
}

function addressIn(tree: Fdt, path: string, name: string): number | undefined {
  const value = property(tree, path, name)
  return value === undefined ? undefined : addressOf(value)
}

function cellIn(tree: Fdt, path: string, name: string): number | undefined {
  const value = property(tree, path, name)
  return value === undefined ? undefined : u32At(value, 0)
}

function fromMagic(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    if (view.getUint32(at) === FDT_MAGIC) return bytes.subarray(at)
  }
  return undefined
}
