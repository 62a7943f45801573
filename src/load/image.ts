/** The guest that every VM of a run boots: made-up files, laid out once for each worker. */
import { asGfn, asGpa, type Gfn, PAGE_SIZE, pagesIn } from '../abi/page.ts'
import { buildGuest, type Guest } from '../guest/guest.ts'
import { randomSource } from '../peer/file-source.ts'
import type { GuestFiles } from '../peer/guest-load.ts'
import { nodeSha512 } from '../peer/node-cipher.ts'

const KERNEL_BYTES = 262_144
const INITRD_BYTES = 131_072
const KERNEL_BASE = asGpa(0x10_0000)

export interface Image {
  readonly guest: Guest
  readonly files: GuestFiles
  /** Bytes of the VM's one slot. */
  readonly size: number
  /** The first frame behind the guest, and how many are left there to be played with. */
  readonly free: Gfn
  readonly freeCount: number
}

/** `pages` of the VM; a string says why no guest fits in. */
export function imageOf(pages: number, seed: number): Image | string {
  const files = {
    kernel: randomSource(KERNEL_BYTES, seed),
    initrd: randomSource(INITRD_BYTES, seed + 1),
  }
  const size = pages * PAGE_SIZE
  const guest = buildGuest({
    ...files,
    bootargs: 'console=hvc0',
    slots: [{ start: asGpa(0), size }],
    sha512: nodeSha512,
    kernelBase: KERNEL_BASE,
  })
  if (typeof guest === 'string') return guest
  const end = guest.placements.reduce((max, { gpa, memSize }) => Math.max(max, gpa + memSize), 0)
  const free = pagesIn(end)
  return { guest, files, size, free: asGfn(free), freeCount: pages - free }
}
