/** The operations of a recording, each as a call of the ultravisor core. */
import type { Ucall } from '../../abi/calls.ts'
import { U, U_BUSY_INTERNAL } from '../../abi/codes.ts'
import { asGpa, asLpid, asRa, asSlotId, type Gpa, type Ra } from '../../abi/page.ts'
import { realModeGpa, serveCodeFault, serveDataFault } from '../../ultravisor/access.ts'
import { ShareType } from '../../ultravisor/frame-state.ts'
import { getPageRange } from '../../ultravisor/page-range.ts'
import { shareRange } from '../../ultravisor/share.ts'
import { guarded, runSteps, type UvSteps } from '../../ultravisor/steps.ts'
import { type Svm, wrapGfn } from '../../ultravisor/svm.ts'
import type { TrapResult } from '../../ultravisor/trap.ts'
import {
  abortSvm,
  commitSvm,
  createSvm,
  startTracking,
  stopTracking,
} from '../../ultravisor/ultravisor.ts'
import { unshareAll, unshareRange } from '../../ultravisor/unshare.ts'
import type { ReplayContext } from './uv-replay.ts'
import { bigOf, type Digits, type UvOp } from './uv-trace.ts'

/** What a step shows: a code, or null and how the call left, or a fault. */
export interface Outcome {
  readonly ret: number | null
  readonly name?: string
  readonly fault?: { readonly kind: string }
}

/** The recorder called below the checks of the ultracalls, where no SVM means NULL. */
const NO_SVM: Outcome = { ret: null, fault: { kind: 'OOPS' } }

type Operations = {
  readonly [Name in UvOp['op']]: (replay: ReplayContext, op: Extract<UvOp, { op: Name }>) => Outcome
}

const gpa = (digits: Digits): Gpa => asGpa(Number(bigOf(digits)))
const ra = (digits: Digits): Ra => asRa(Number(bigOf(digits)))
const count = (digits: Digits): number => Number(bigOf(digits))

export const OPERATIONS: Operations = {
  create: ({ uv }, op) => {
    const svm = createSvm(uv, asLpid(op.lpid))
    if (svm === undefined) return { ret: U_BUSY_INTERNAL }
    return { ret: startTracking(uv, svm) ? U.SUCCESS : U.RETRY }
  },
  commit: (replay, op) => endOfEsm(replay, op.lpid, commitSvm),
  esm_abort: (replay, op) => endOfEsm(replay, op.lpid, abortSvm),
  terminate: (replay, op) => ucall(replay, { call: 'UV_SVM_TERMINATE', lpid: asLpid(op.lpid) }),
  register: (replay, op) =>
    ucall(replay, {
      call: 'UV_REGISTER_MEM_SLOT',
      lpid: asLpid(op.lpid),
      startGpa: gpa(op.start_gpa),
      size: count(op.nbytes),
      flags: count(op.flags),
      slotId: asSlotId(op.slotid),
    }),
  unregister: (replay, op) =>
    ucall(replay, {
      call: 'UV_UNREGISTER_MEM_SLOT',
      lpid: asLpid(op.lpid),
      slotId: asSlotId(op.slotid),
    }),
  page_in: (replay, op) =>
    ucall(replay, {
      call: 'UV_PAGE_IN',
      lpid: asLpid(op.lpid),
      ra: ra(op.hv_page),
      gpa: gpa(op.gpa),
      flags: count(op.flags),
      order: op.order,
    }),
  page_out: (replay, op) =>
    ucall(replay, {
      call: 'UV_PAGE_OUT',
      lpid: asLpid(op.lpid),
      ra: ra(op.hv_page),
      gpa: gpa(op.gpa),
      flags: count(op.flags),
      order: op.order,
    }),
  page_inval: (replay, op) =>
    ucall(replay, {
      call: 'UV_PAGE_INVAL',
      lpid: asLpid(op.lpid),
      gpa: gpa(op.gpa),
      order: op.order,
    }),
  share: (replay, op) =>
    guestCall(replay, op.lpid, (svm) => {
      const type = Object.values(ShareType).find((value) => value === op.type)
      return shareRange(replay.uv, svm, wrapGfn(count(op.gfn)), count(op.npages), type ?? 0)
    }),
  unshare: (replay, op) =>
    guestCall(replay, op.lpid, (svm) =>
      unshareRange(replay.uv, svm, wrapGfn(count(op.gfn)), count(op.npages)),
    ),
  unshare_all: (replay, op) =>
    failing(guestCall(replay, op.lpid, (svm) => unshareAll(replay.uv, svm))),
  get_pages: (replay, op) =>
    failing(guestCall(replay, op.lpid, (svm) => gotPages(svm, gpa(op.gpa), count(op.len)))),
  access: (replay, op) => {
    const svm = replay.uv.svms.get(asLpid(op.lpid))
    if (svm === undefined) return NO_SVM
    const at = op.reloc ? gpa(op.gpa) : realModeGpa(bigOf(op.gpa))
    const steps = op.vector === 'e00' ? serveDataFault(replay.uv, svm, at) : serveCodeFault(svm, at)
    const result = runSteps(guarded(svm, steps), replay.hv.answer)
    if (isTrap(result)) return outcomeOfTrap(result)
    return { ret: null, name: result.kind }
  },
}

function* gotPages(svm: Svm, at: Gpa, length: number): UvSteps<number> {
  return (yield* getPageRange(svm, at, length)) === undefined ? 1 : U.SUCCESS
}

/** A boolean that failed is 1, which is no code. */
const failing = (outcome: Outcome): Outcome =>
  outcome.ret === 1 ? { ret: 1, name: 'FAIL' } : outcome

function ucall({ uv, serve }: ReplayContext, call: Ucall): Outcome {
  const { ret, fault } = serve(uv, call)
  return fault === undefined ? { ret } : { ret: null, fault }
}

function guestCall(
  replay: ReplayContext,
  lpid: number,
  stepsFor: (svm: Svm) => UvSteps<number>,
): Outcome {
  const svm = replay.uv.svms.get(asLpid(lpid))
  if (svm === undefined) return NO_SVM
  const result = runSteps(guarded(svm, stepsFor(svm)), replay.hv.answer)
  return typeof result === 'number' ? { ret: result } : outcomeOfTrap(result)
}

/** Commit and abort also end page-in tracking in the recordings. */
function endOfEsm({ uv }: ReplayContext, lpid: number, end: (svm: Svm) => void): Outcome {
  const svm = uv.svms.get(asLpid(lpid))
  if (svm === undefined) return NO_SVM
  end(svm)
  stopTracking(uv, svm)
  return { ret: U.SUCCESS }
}

const isTrap = (result: { kind: string }): result is TrapResult =>
  result.kind === 'ABORT' || result.kind === 'GONE' || result.kind === 'FAULT'

function outcomeOfTrap(result: TrapResult): Outcome {
  if (result.kind === 'FAULT') return { ret: null, fault: result.fault }
  return { ret: null, name: result.kind }
}
