/**
 * The code of RTAS as a pseries guest finds it: it hands its argument on in a hypercall.
 *
 * Source: Power ISA 3.0 for the encodings; the five instructions are those that the ultravisor's
 * svm_esm_blob_chk() expects at `linux,rtas-base`. Big-endian, as RTAS always runs.
 */

import { u32Value } from '../formats/fdt-write.ts'

const R3 = 3
const R4 = 4
/** Number of the hypercall KVMPPC_H_RTAS. */
const H_RTAS = 0xf000

const or = (to: number, from: number, other: number): number =>
  0x7c00_0378 | (from << 21) | (to << 16) | (other << 11)
const addis = (to: number, from: number, value: number): number =>
  0x3c00_0000 | (to << 21) | (from << 16) | value
const ori = (to: number, from: number, value: number): number =>
  0x6000_0000 | (from << 21) | (to << 16) | value
/** System call to the hypervisor (level 1). */
const SC_1 = 0x4400_0022
const BLR = 0x4e80_0020

/** mr r4,r3; lis r3,0; ori r3,r3,0xf000; sc 1; blr. */
export const RTAS_TEXT: Uint8Array = u32Value(
  or(R4, R3, R3),
  addis(R3, 0, 0),
  ori(R3, R3, H_RTAS),
  SC_1,
  BLR,
)
