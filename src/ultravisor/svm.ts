/** One secure VM, as the ultravisor knows it. Source: struct svm in svm_host.h. */
import { asGfn, type Gfn, type Lpid } from '../abi/page.ts'
import type { BlockPool } from '../lib/block-pool.ts'
import { FrameTable } from './frame-table.ts'
import { MemSlots } from './mem-slots.ts'
import { PageContents } from './page-contents.ts'
import type { PageKey } from './page-crypto.ts'
import type { PageInTracking } from './page-in-tracking.ts'
import { PageTable } from './page-table.ts'
import type { UvFault } from './trap.ts'

export const SvmState = {
  /** In transition: the guest still runs as a normal VM. */
  Active: 0,
  Secure: 1,
  /** The transition failed; the HV may take its pages back. */
  Abort: 2,
} as const
export type SvmState = (typeof SvmState)[keyof typeof SvmState]

/** What content stands for in this SVM when nobody has said otherwise. */
export type ContentMode =
  /** Pages are 65,536 bytes: a page of zeros is encrypted as such. */
  | 'bytes'
  /** Pages are tags: a page of zeros is encrypted as tag 0, in eight bytes. */
  | 'tag'

export interface Svm {
  readonly lpid: Lpid
  state: SvmState
  readonly slots: MemSlots
  readonly frames: FrameTable
  readonly pages: PageTable
  readonly contents: PageContents
  contentMode: ContentMode
  /** Made at the first page-out. */
  key: PageKey | undefined
  /** Only while the guest turns secure. */
  tracking: PageInTracking | undefined
  /** 2 MiB units taken from the budget for slots. */
  reservedUnits: number
  /** Calls of this guest that wait for the hypervisor. */
  callsInFlight: number
  /** Why the ultravisor wants the guest killed, once it does. */
  abortReason: string | undefined
  /** The SVM is stopped: the firmware would have died. */
  fault: UvFault | undefined
  /** Terminated: nobody finds it by its LPID any more. */
  gone: boolean
}

/** `memory` is where its pages lie; without it they get one of their own. */
export function newSvm(lpid: Lpid, contentMode: ContentMode, memory?: BlockPool): Svm {
  return {
    lpid,
    state: SvmState.Active,
    slots: new MemSlots(),
    frames: new FrameTable(),
    pages: new PageTable(),
    contents: new PageContents(memory),
    contentMode,
    key: undefined,
    tracking: undefined,
    reservedUnits: 0,
    callsInFlight: 0,
    abortReason: undefined,
    fault: undefined,
    gone: false,
  }
}

/** The hypercalls carry 64-bit addresses: a GFN loses what a GPA cannot hold. */
export const wrapGfn = (gfn: number): Gfn => asGfn(gfn % 2 ** 48)
