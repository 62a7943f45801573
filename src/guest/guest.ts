/**
 * Builds a guest as a boot loader would: kernel, initrd, RTAS, ESM blob and device tree, each
 * with the place where it lies when the guest calls UV_ESM(kernelBase, fdtGpa).
 *
 * Source: QEMU's pseries machine with SLOF, as far as the ultravisor's svm/svm-esm.c looks at it.
 * Big files stay ranges of their file: the caller maps or streams them.
 */

import { asGpa, type Gfn, type Gpa, gfnOf, isGpa, PAGE_SIZE, pagesIn } from '../abi/page.ts'
import type { ByteSource } from '../formats/byte-source.ts'
import { utf8Of } from '../formats/text.ts'
import { digestOf, type Sha512, updateFrom } from './digest.ts'
import { type BlobPlace, esmBlobOf, type GuestDigests, NO_DIGESTS } from './esm-blob.ts'
import { guestTree } from './guest-tree.ts'
import { type KernelImage, kernelDigest, kernelImageOf } from './kernel-image.ts'
import {
  type GuestSlot,
  KERNEL_BASE,
  type Layout,
  layOut,
  type PartSizes,
  slotsError,
} from './layout.ts'
import { RTAS_TEXT } from './rtas-text.ts'

export interface GuestInput {
  readonly kernel: ByteSource
  readonly initrd: ByteSource
  /** Boot arguments, without NUL. */
  readonly bootargs: string
  /** One of them starts at 0; everything is laid into that one. */
  readonly slots: readonly GuestSlot[]
  readonly sha512: Sha512
  /**
   * Added to the physical addresses of the kernel's segments; a multiple of 64 KiB, default
   * 0x400000. With base 0 the guest is as good as any other, but the firmware answers UV_ESM with
   * U_P2.
   */
  readonly kernelBase?: Gpa
  /** Bytes of the RTAS area, code and data; default 65,536. */
  readonly rtasSize?: number
  /** Where the ESM blob lies; default 'tree'. */
  readonly blobPlace?: BlobPlace
}

/** Limits of a guest. Source of the first: COMMAND_LINE_SIZE of Linux on powerpc. */
export const GUEST_LIMITS = {
  /** With the final NUL. */
  bootargsBytesMax: 2048,
  rtasBytesMax: 16 * 1024 * 1024,
} as const

export type GuestPart = 'kernel' | 'rtas' | 'esm-blob' | 'device-tree' | 'initrd'

/** Bytes, or a range of one of the two files. */
export type Content =
  | { readonly from: 'bytes'; readonly bytes: Uint8Array }
  | { readonly from: 'kernel' | 'initrd'; readonly offset: number; readonly length: number }

/** What lies where. The content comes first, zeros follow up to `memSize`. */
export interface Placement {
  readonly gpa: Gpa
  readonly what: GuestPart
  readonly content: Content
  readonly memSize: number
}

/** Pages of one part: `count` frames from `from`. */
export interface PartFrames {
  readonly what: GuestPart
  readonly from: Gfn
  readonly count: number
}

export interface Guest {
  /** First argument of UV_ESM. */
  readonly kernelBase: Gpa
  /** Second argument of UV_ESM. */
  readonly fdtGpa: Gpa
  readonly kernel: KernelImage
  /** Bytes of the kernel's image in memory. */
  readonly kernelSize: number
  readonly digests: GuestDigests
  /** By address, without overlap. */
  readonly placements: readonly Placement[]
}

interface Parts {
  readonly input: GuestInput
  readonly image: KernelImage
  readonly layout: Layout
  readonly digests: GuestDigests
  readonly blob: Uint8Array
  readonly tree: Uint8Array
  readonly rtasSize: number
}

/** Builds a guest; a string says what cannot be, and names the part, its size and the room. */
export function buildGuest(input: GuestInput): Guest | string {
  const { kernelBase = KERNEL_BASE, rtasSize = PAGE_SIZE, blobPlace = 'tree' } = input
  const wrong = inputError(input, kernelBase, rtasSize) ?? slotsError(input.slots)
  if (wrong !== undefined) return wrong
  const image = kernelImageOf(input.kernel)
  if (typeof image === 'string') return image
  const draft = esmBlobOf(NO_DIGESTS, blobPlace)
  if (typeof draft === 'string') return draft
  const [kernelBytes, initrdBytes] = [image.size, input.initrd.size]
  const sizes = { kernel: kernelBytes, rtas: rtasSize, blob: draft.length, initrd: initrdBytes }
  const layoutAndTree = placeParts(input, { ...sizes, tree: 0 }, kernelBase, blobPlace)
  if (typeof layoutAndTree === 'string') return layoutAndTree
  const digests = digestsOf(input, image)
  const blob = esmBlobOf(digests, blobPlace)
  if (typeof blob === 'string') return blob
  const parts = { input, image, digests, blob, rtasSize, ...layoutAndTree }
  return {
    kernelBase,
    fdtGpa: parts.layout.tree,
    kernel: image,
    kernelSize: image.size,
    digests,
    placements: placementsOf(parts),
  }
}

/**
 * The frames that a switch must touch, by part: the device tree, RTAS, initrd, ESM blob and the
 * whole kernel image, "the necessary and sufficient GFNs". A blob in front of the initrd is
 * counted with it.
 */
export function necessaryGfns(guest: Guest): readonly PartFrames[] {
  const { kernelBase, kernelSize, placements } = guest
  const frames: PartFrames[] = [framesOf('kernel', kernelBase, kernelSize)]
  for (const { what, gpa, memSize } of placements) {
    if (what === 'kernel') continue
    const before = frames.at(-1)
    const own = framesOf(what, gpa, memSize)
    // Every part starts on a page of its own but an initrd behind its archive.
    if (before !== undefined && own.from < before.from + before.count) {
      const count = own.from + own.count - before.from
      frames[frames.length - 1] = { what, from: before.from, count }
    } else frames.push(own)
  }
  return frames
}

function framesOf(what: GuestPart, gpa: Gpa, size: number): PartFrames {
  const from = gfnOf(gpa)
  return { what, from, count: pagesIn(gpa + size) - from }
}

function inputError(input: GuestInput, kernelBase: Gpa, rtasSize: number): string | undefined {
  if (!isGpa(kernelBase) || kernelBase % PAGE_SIZE !== 0) {
    return `kernel base 0x${kernelBase.toString(16)} is not on a page of 64 KiB`
  }
  const { rtasBytesMax, bootargsBytesMax } = GUEST_LIMITS
  if (!Number.isInteger(rtasSize) || rtasSize < RTAS_TEXT.length || rtasSize > rtasBytesMax) {
    return `RTAS area of ${rtasSize} bytes, expected ${RTAS_TEXT.length} to ${rtasBytesMax}`
  }
  if (input.initrd.size === 0) return 'initrd: the file is empty'
  if (input.bootargs.includes('\0')) return 'boot arguments hold a NUL'
  const bootargsBytes = utf8Of(input.bootargs).length + 1
  if (bootargsBytes > bootargsBytesMax) {
    return `boot arguments of ${bootargsBytes} bytes, expected at most ${bootargsBytesMax}`
  }
  return undefined
}

/**
 * Settles the layout, then writes the tree that tells it; the tree's size is the same either way.
 */
function placeParts(
  input: GuestInput,
  sizes: PartSizes,
  kernelBase: Gpa,
  blobPlace: BlobPlace,
): { layout: Layout; tree: Uint8Array } | string {
  const zero = asGpa(0)
  const nowhere = { kernel: zero, rtas: zero, blob: zero, tree: zero, initrd: zero }
  const { bootargs, slots } = input
  const draft = guestTree({ bootargs, slots, layout: nowhere, sizes, blobPlace })
  if (typeof draft === 'string') return draft
  const slotEnd = slots.find(({ start }) => start === 0)?.size ?? 0
  const layout = layOut(kernelBase, { ...sizes, tree: draft.length }, blobPlace, slotEnd)
  if (typeof layout === 'string') return layout
  const tree = guestTree({ bootargs, slots, layout, sizes, blobPlace })
  return typeof tree === 'string' ? tree : { layout, tree }
}

function digestsOf(input: GuestInput, image: KernelImage): GuestDigests {
  const { sha512, kernel, initrd, bootargs } = input
  const run = sha512.init()
  updateFrom(run, initrd, 0, initrd.size)
  return {
    rtas: digestOf(sha512, RTAS_TEXT),
    kernel: kernelDigest(sha512, kernel, image),
    initrd: run.digest(),
    bootargs: digestOf(sha512, utf8Of(bootargs)),
    kernelSize: image.size,
  }
}

function placementsOf(parts: Parts): readonly Placement[] {
  const { input, image, layout, blob, tree, rtasSize } = parts
  const kernel = image.segments.map(({ offset, fileOffset, fileSize, memSize }): Placement => {
    const content = { from: 'kernel', offset: fileOffset, length: fileSize } as const
    return { gpa: asGpa(layout.kernel + offset), what: 'kernel', content, memSize }
  })
  const bytesAt = (gpa: Gpa, what: GuestPart, bytes: Uint8Array, memSize: number): Placement => ({
    gpa,
    what,
    content: { from: 'bytes', bytes },
    memSize,
  })
  const initrd: Placement = {
    gpa: layout.initrd,
    what: 'initrd',
    content: { from: 'initrd', offset: 0, length: input.initrd.size },
    memSize: input.initrd.size,
  }
  const others = [
    bytesAt(layout.rtas, 'rtas', RTAS_TEXT, rtasSize),
    bytesAt(layout.blob, 'esm-blob', blob, blob.length),
    bytesAt(layout.tree, 'device-tree', tree, tree.length),
    initrd,
  ]
  return [...kernel, ...others].sort((a, b) => a.gpa - b.gpa)
}
