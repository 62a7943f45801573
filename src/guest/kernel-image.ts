/**
 * The kernel as it will lie in memory: an ELF file's segments at their physical addresses, or a
 * flat file as one segment at 0. All addresses count from the kernel's base.
 *
 * Source: QEMU hw/ppc/spapr.c (the loader adds its load address to the segments' own) and the
 * ultravisor's svm_esmb_digest_chk(), which measures `kernel-size` bytes from the base. The
 * machine an ELF file is made for is reported, not checked: nothing is executed here.
 */

import type { ByteSource } from '../formats/byte-source.ts'
import { isElf, readElf } from '../formats/elf.ts'
import { type Sha512, updateFrom, updateZeros } from './digest.ts'

export interface KernelSegment {
  /** Bytes from the kernel's base. */
  readonly offset: number
  readonly fileOffset: number
  readonly fileSize: number
  /** Bytes in memory: those of the file, then zeros. */
  readonly memSize: number
}

export interface KernelImage {
  readonly format: 'elf' | 'flat'
  /** e_machine of an ELF file (21 is 64-bit PowerPC); 0 for a flat file. */
  readonly machine: number
  /** In ascending order, without overlap. */
  readonly segments: readonly KernelSegment[]
  /** Bytes from the base to the end of the last segment: what is measured. */
  readonly size: number
}

/** Finds the segments of a kernel; a string says why the file is none. */
export function kernelImageOf(kernel: ByteSource): KernelImage | string {
  if (kernel.size === 0) return 'kernel: the file is empty'
  if (!isElf(kernel.read(0, Math.min(4, kernel.size)))) {
    const segment = { offset: 0, fileOffset: 0, fileSize: kernel.size, memSize: kernel.size }
    return { format: 'flat', machine: 0, segments: [segment], size: kernel.size }
  }
  const elf = readElf(kernel)
  if (typeof elf === 'string') return `kernel: ${elf}`
  const segments = elf.segments
    .map(({ paddr, fileOffset, fileSize, memSize }) => ({
      offset: paddr,
      fileOffset,
      fileSize,
      memSize,
    }))
    .sort((a, b) => a.offset - b.offset)
  let size = 0
  for (const segment of segments) {
    if (segment.offset < size) {
      return `kernel: two segments overlap at physical address 0x${segment.offset.toString(16)}`
    }
    size = segment.offset + segment.memSize
  }
  return { format: 'elf', machine: elf.machine, segments, size }
}

/** SHA-512 over the image as it lies in memory, gaps and zeros behind the file's bytes included. */
export function kernelDigest(sha512: Sha512, kernel: ByteSource, image: KernelImage): Uint8Array {
  const run = sha512.init()
  let at = 0
  for (const { offset, fileOffset, fileSize, memSize } of image.segments) {
    updateZeros(run, offset - at)
    updateFrom(run, kernel, fileOffset, fileSize)
    updateZeros(run, memSize - fileSize)
    at = offset + memSize
  }
  return run.digest()
}
