/**
 * The ESM blob: what the ultravisor measures a guest against.
 *
 * Source: the ultravisor's svm/svm-esmb.c (which values it reads) and svm/svm-esm.c (the second
 * way to find the blob: a cpio archive in front of the initrd, its path beginning with
 * `opt/ibm/pef`).
 * DIFF: the real blob seals its digests with a key that only the machine's TPM opens; here the
 * node `/digests` lies in clear, so it proves that nothing was damaged, not who made it.
 */

import { type CpioFile, writeCpio } from '../formats/cpio.ts'
import { fdtNode, u32Value, writeFdt } from '../formats/fdt-write.ts'
import { DIGEST_BYTES } from './digest.ts'

/** SHA-512 of each part, 64 bytes, and what the kernel's covers. */
export interface GuestDigests {
  /** Over the code of RTAS only. */
  readonly rtas: Uint8Array
  /** Over `kernelSize` bytes from the kernel's base. */
  readonly kernel: Uint8Array
  /** Over the initrd, without the archive that may carry the blob in front of it. */
  readonly initrd: Uint8Array
  /** Over the boot arguments without their final NUL. */
  readonly bootargs: Uint8Array
  readonly kernelSize: number
}

/** Where the blob lies: at an address that the device tree gives, or in front of the initrd. */
export type BlobPlace = 'tree' | 'cpio'

const ARCHIVE_PATH = 'opt/ibm/pef/esm-blob'

const NO_DIGEST = new Uint8Array(DIGEST_BYTES)
/** Stands in while sizes are settled: a blob is as long with these digests as with any other. */
export const NO_DIGESTS: GuestDigests = {
  rtas: NO_DIGEST,
  kernel: NO_DIGEST,
  initrd: NO_DIGEST,
  bootargs: NO_DIGEST,
  kernelSize: 0,
}

/** The blob's bytes, or those of the archive with the blob in it (a multiple of 512). */
export function esmBlobOf(digests: GuestDigests, place: BlobPlace): Uint8Array | string {
  const { rtas, kernel, initrd, bootargs, kernelSize } = digests
  const values = { rtas, kernel, 'kernel-size': u32Value(kernelSize), initrd, bootargs }
  const root = fdtNode('', {}, [fdtNode('digests', values)])
  const blob = writeFdt({ root, bootCpuId: 0, reservations: [] })
  if (typeof blob === 'string' || place === 'tree') return blob
  const file: CpioFile = { name: ARCHIVE_PATH, data: blob }
  return writeCpio([file])
}
