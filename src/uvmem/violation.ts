/**
 * What the invariants of the hypervisor are called, and which broken ones are known defects.
 *
 * Source: lab.md I1 and I6, as far as the hypervisor alone can see them; hv.md section 5 for the
 * defects.
 */
import type { DevicePfn, Frame, Gfn, Lpid } from '../abi/page.ts'

/** What holds whenever no call is under way. */
export const Invariant = {
  /** I1: after H_SVM_INIT_DONE no frame of a slot is normal, where the profile secures the rest. */
  NoNormalAfterDone: 'no-normal-after-done',
  /** I6: a device PFN in use is mapped somewhere. */
  UsedPfnIsMapped: 'used-pfn-is-mapped',
  /** I6: a device PFN that is mapped is in use. */
  MappedPfnIsUsed: 'mapped-pfn-is-used',
  /** I6: a device PFN is mapped in one place at most. */
  PfnMappedOnce: 'pfn-mapped-once',
  /** I6: a secure frame's PFN is mapped at that very GFN. */
  SecureFrameIsMapped: 'secure-frame-is-mapped',
  /** A device page that is mapped belongs to a frame in state secure. */
  DevicePageIsTracked: 'device-page-is-tracked',
  /** A secure frame lies in a memory slot. */
  SecureFrameHasSlot: 'secure-frame-has-slot',
  /** Only pages in use have notes. */
  NoteIsOfUsedPage: 'note-is-of-used-page',
  /** The marks of a drop do not outlive it. */
  MarksExpire: 'marks-expire',
  /** No PFN is promised while nothing is under way. */
  NothingPromised: 'nothing-promised',
  /** The pools' counters agree with their contents. */
  CountersAgree: 'counters-agree',
  /** A frame of normal memory is mapped in one place at most. */
  FrameMappedOnce: 'frame-mapped-once',
  /** A frame that is mapped or pinned is in use. */
  HeldFrameIsUsed: 'held-frame-is-used',
  /** A frame in use is mapped or pinned. */
  UsedFrameIsHeld: 'used-frame-is-held',
  /** A frame that is mapped or pinned belongs to the VM that does so. */
  FrameIsOwn: 'frame-is-own',
  /** A page is swapped out or mapped, not both. */
  SwappedIsUnmapped: 'swapped-is-unmapped',
  /** A slot that has no memory behind it maps nothing. */
  UnmappedRegionIsEmpty: 'unmapped-region-is-empty',
  /** INIT_DONE is never set without INIT_START. */
  FlagsAgree: 'flags-agree',
  /** A normal VM has no uvmem slots, and those of another one do not cover each other. */
  UvmemSlotsAreCurrent: 'uvmem-slots-are-current',
} as const
export type Invariant = (typeof Invariant)[keyof typeof Invariant]

/** Defects of the real code that a violation can come from. */
export const KnownDefect = {
  /** H_SVM_PAGE_IN keeps PFN and mark when UV_PAGE_IN fails. */
  LeakedPfn: 'leaked-pfn',
  /** A second H_SVM_INIT_START, or a slot forgotten and known again, leaves marks that are not true. */
  StaleMark: 'stale-mark',
  /** A device page that no uvmem slot tracks. */
  UntrackedPage: 'untracked-page',
  /** skip_page_out and remove_gfn stick after a failed drop. */
  StickyMark: 'sticky-mark',
  /** Reset, abort and a failed start leave uvmem slots behind. */
  UvmemSlotsPileUp: 'uvmem-slots-pile-up',
  /** The uvmem code is not told of slots that go or come. */
  HotplugUntold: 'hotplug-untold',
  /** Failures of a hot-added slot, of a flush or of a reset are ignored. */
  FailureIgnored: 'failure-ignored',
} as const
export type KnownDefect = (typeof KnownDefect)[keyof typeof KnownDefect]

/** One place where an invariant does not hold. */
export interface Violation {
  readonly invariant: Invariant
  readonly lpid?: Lpid
  /** The first frame it is about. */
  readonly gfn?: Gfn
  /** The first device page it is about. */
  readonly pfn?: DevicePfn
  /** The first frame of normal memory it is about. */
  readonly frame?: Frame
  /** How many in a row, 1 or more. */
  readonly count: number
  /** The defect of the profile that explains it; without one, we are wrong. */
  readonly defect?: KnownDefect
}

/** Takes violations in. */
export type Report = (violation: Violation) => void

/** A run of something that is mapped in a row. */
export interface Held {
  readonly start: number
  readonly count: number
}
