/**
 * What the lab knows of a guest's memory beside the two cores: what each page must hold.
 *
 * The rules are those of the invariants I4 and I8: a page holds what the guest last wrote, a shared
 * one what either side last wrote, and a page that the host changed while it was paged out is never
 * taken back.
 */
import type { Gfn, Lpid, Page } from '../abi/page.ts'
import { FrameState, isShared } from '../ultravisor/frame-state.ts'
import type { Svm } from '../ultravisor/svm.ts'

export class GuestMemory {
  readonly lpid: Lpid
  /** What the boot loader put; a page that is missing here was never touched. */
  readonly boot: Map<Gfn, Page>
  /** What each page must hold once the guest is secure; zeros where nothing is said. */
  readonly expected = new Map<Gfn, Page>()
  /** Pages that the host changed while they were paged out. */
  readonly tampered = new Set<Gfn>()
  /** Pages that the guest shared, as its last call left them. */
  readonly shared = new Set<Gfn>()

  constructor(lpid: Lpid, boot = new Map<Gfn, Page>()) {
    this.lpid = lpid
    this.boot = boot
  }

  /** A new switch begins: nothing has come in yet. */
  begin(): void {
    this.expected.clear()
    this.tampered.clear()
    this.shared.clear()
  }

  /** A page came in during the switch: it holds what the boot loader put. */
  cameIn(gfn: Gfn): void {
    this.expected.set(gfn, this.boot.get(gfn) ?? null)
  }

  wrote(gfn: Gfn, page: Page): void {
    this.expected.set(gfn, page)
  }

  /** A frame that changed hands, or that the guest has no more, holds zeros. */
  forget(gfn: Gfn): void {
    this.expected.delete(gfn)
    this.tampered.delete(gfn)
  }
}

/** Which frames the SVM shares, of those from `first` on. */
export function sharedFrames(svm: Svm, gfns: Iterable<Gfn>): Map<Gfn, boolean> {
  const shared = new Map<Gfn, boolean>()
  for (const gfn of gfns) shared.set(gfn, isGuestShared(svm, gfn))
  return shared
}

/** Shared at the guest's own request, so that it sees the host's frame. */
export function isGuestShared(svm: Svm, gfn: Gfn): boolean {
  const state = svm.frames.state(gfn)
  return (
    isShared(state) && state !== FrameState.PseudoShared && state !== FrameState.PseudoSharedInv
  )
}

/** After a call of the guest: pages that became shared or private hold zeros. */
export function forgetChanged(memory: GuestMemory, svm: Svm, before: Map<Gfn, boolean>): void {
  for (const [gfn, was] of before) if (isGuestShared(svm, gfn) !== was) memory.forget(gfn)
}
