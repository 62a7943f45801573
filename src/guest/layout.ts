/**
 * Where the parts of a guest lie.
 *
 * From the kernel's base upward: kernel, RTAS, ESM blob, device tree, initrd, each on a page of its
 * own, with the gap that QEMU leaves behind a kernel. The top of the RMA stays free: the ultravisor
 * takes its own reservations from there, downwards (svm_fdt_mem_rsv()).
 */

import { asGpa, type Gpa, isGpa, PAGE_SIZE, UV_SLOTS_MAX } from '../abi/page.ts'
import { roundUp } from '../formats/text.ts'
import type { BlobPlace } from './esm-blob.ts'

/** A memory slot of the guest; both in bytes, multiples of 64 KiB. */
export interface GuestSlot {
  readonly start: Gpa
  readonly size: number
}

/** Where QEMU's pseries machine loads a kernel whose segments start at physical address 0. */
export const KERNEL_BASE = asGpa(0x40_0000)
/** The RMA never reaches higher, whatever slot 0 does. Source: svm_fdt_get_rmo_top(). */
export const RMA_BYTES_MAX = 768 * 1024 * 1024
/** Room that QEMU leaves between a kernel and what follows it, before rounding up to a page. */
const KERNEL_GAP_BYTES = 0x2_0000

/** Bytes of each part. */
export interface PartSizes {
  readonly kernel: number
  readonly rtas: number
  readonly blob: number
  readonly tree: number
  readonly initrd: number
}

/** First address of each part. */
export interface Layout {
  readonly kernel: Gpa
  readonly rtas: Gpa
  readonly blob: Gpa
  readonly tree: Gpa
  readonly initrd: Gpa
}

/** What is wrong with the slots, if anything. */
export function slotsError(slots: readonly GuestSlot[]): string | undefined {
  if (slots.length > UV_SLOTS_MAX) {
    return `slots: ${slots.length}, expected at most ${UV_SLOTS_MAX}`
  }
  let end = 0
  for (const slot of sortedSlots(slots)) {
    const at = `slot at ${hex(slot.start)}`
    if (!isGpa(slot.start) || slot.start % PAGE_SIZE !== 0) return `${at}: not on a page of 64 KiB`
    if (!isGpa(slot.size) || slot.size === 0 || slot.size % PAGE_SIZE !== 0) {
      return `${at}: its size ${slot.size} is not a number of pages of 64 KiB`
    }
    if (slot.start < end) return `${at}: overlaps the slot before it, which ends at ${hex(end)}`
    end = slot.start + slot.size
    if (!Number.isSafeInteger(end)) return `${at}: ends beyond 2^53`
  }
  return slots.some((slot) => slot.start === 0) ? undefined : 'slots: none starts at address 0'
}

/** Slots by address. */
export const sortedSlots = (slots: readonly GuestSlot[]): readonly GuestSlot[] =>
  [...slots].sort((a, b) => a.start - b.start)

/** Finds a place for every part in slot 0; a string names the part that has none. */
export function layOut(
  kernelBase: Gpa,
  sizes: PartSizes,
  blobPlace: BlobPlace,
  slotEnd: number,
): Layout | string {
  const rmaTop = Math.min(slotEnd, RMA_BYTES_MAX)
  const top = rmaTop < slotEnd ? 'the top of the RMA' : 'the end of slot 0'
  const kernelEnd = kernelBase + sizes.kernel
  if (kernelEnd > rmaTop) return misfit('kernel', sizes.kernel, kernelBase, top, rmaTop)
  const rtas = roundUp(kernelEnd + KERNEL_GAP_BYTES, PAGE_SIZE)
  if (rtas + sizes.rtas > rmaTop) return misfit('RTAS area', sizes.rtas, rtas, top, rmaTop)
  const behindRtas = roundUp(rtas + sizes.rtas, PAGE_SIZE)
  const blobFirst = blobPlace === 'tree' ? sizes.blob : 0
  if (behindRtas + blobFirst > rmaTop) {
    return misfit('ESM blob', sizes.blob, behindRtas, top, rmaTop)
  }
  const tree = roundUp(behindRtas + blobFirst, PAGE_SIZE)
  if (tree + sizes.tree > rmaTop) return misfit('device tree', sizes.tree, tree, top, rmaTop)
  const behindTree = roundUp(tree + sizes.tree, PAGE_SIZE)
  const initrd = behindTree + sizes.blob - blobFirst
  if (initrd + sizes.initrd > slotEnd) {
    return misfit('initrd', sizes.initrd, initrd, 'the end of slot 0', slotEnd)
  }
  return {
    kernel: kernelBase,
    rtas: asGpa(rtas),
    blob: asGpa(blobPlace === 'tree' ? behindRtas : behindTree),
    tree: asGpa(tree),
    initrd: asGpa(initrd),
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`

const misfit = (what: string, size: number, from: number, top: string, end: number): string =>
  `${what} of ${size} bytes does not fit between ${hex(from)} and ${top} at ${hex(end)}`
