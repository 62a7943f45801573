/**
 * What happens when a guest touches a frame that its page table does not let it touch.
 *
 * Source: svm_e00_handle() (loads and stores), svm_e20_handle() (instructions), ex_page_in().
 */
import { H_PAGE_IN_NONSHARED } from '../abi/calls.ts'
import { asGpa, type Gpa, gfnOf } from '../abi/page.ts'
import { DATA_FAULT_ACTION, FrameState } from './frame-state.ts'
import { abortGuest, askPageIn } from './share.ts'
import type { UvSteps } from './steps.ts'
import type { Svm } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

export type FaultOutcome =
  /** Back to the guest, which tries again. */
  | { readonly kind: 'URFID' }
  /** The HV was asked for the page; the guest tries again. `ret` is what the HV answered. */
  | { readonly kind: 'RESUME'; readonly ret: number }
  /** The fault is reflected to the HV. */
  | { readonly kind: 'REFLECT' }
  /** No memory there: a device is emulated. */
  | { readonly kind: 'MMIO' }

const REAL_MODE_MASK = (1n << 62n) - 1n

/** The address that the processor uses in real mode, where it ignores the top two bits. */
export const realModeGpa = (address: bigint): Gpa => asGpa(Number(address & REAL_MODE_MASK))

/** A load or store faulted at `gpa`. Traps with ABORT for a frame that the guest must not know. */
export function* serveDataFault(uv: Ultravisor, svm: Svm, gpa: Gpa): UvSteps<FaultOutcome> {
  const gfn = gfnOf(gpa)
  if (svm.slots.find(gfn) === undefined) return { kind: 'MMIO' }
  switch (DATA_FAULT_ACTION[svm.frames.state(gfn)]) {
    case 'return':
      return { kind: 'URFID' }
    case 'page-in':
      return { kind: 'RESUME', ret: yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED) }
    case 'reflect':
      return { kind: 'REFLECT' }
    case 'abort':
      return abortGuest(uv, svm, 'the guest touched a frame that it must not know of')
  }
}

/** An instruction fetch faulted at `gpa`: only a paged-out page is a reason. */
export function* serveCodeFault(svm: Svm, gpa: Gpa): UvSteps<FaultOutcome> {
  const gfn = gfnOf(gpa)
  if (svm.slots.find(gfn) === undefined) return { kind: 'REFLECT' }
  if (svm.frames.state(gfn) !== FrameState.PagedOut) return { kind: 'URFID' }
  return { kind: 'RESUME', ret: yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED) }
}
