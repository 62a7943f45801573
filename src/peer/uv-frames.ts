/** The ultravisor's frames of one SVM as runs and counts, for inspection and for audits. */
import { asGfn, type Gfn } from '../abi/page.ts'
import { FRAME_STATES, FrameState } from '../ultravisor/frame-state.ts'
import type { Svm } from '../ultravisor/svm.ts'

/** `SECURE`, `PAGEDOUT`, `PSEUDO_SHARED` …: the firmware's names of the 14 states. */
export type UvStateName = string

/** `count` frames from `from` on, all in one state. */
export interface UvRun {
  readonly from: Gfn
  readonly count: number
  readonly state: UvStateName
}

/** Runs of all memory slots, ascending. Frames without a record cost nothing. */
export function* runsOf(svm: Svm): Generator<UvRun> {
  for (const { base, count } of svm.slots.all().toReversed()) {
    yield* runsOfSlot(svm, base, base + count)
  }
}

/** Frames of each state, only states that occur. */
export function countsOf(runs: Iterable<UvRun>): ReadonlyMap<UvStateName, number> {
  const counts = new Map<UvStateName, number>()
  for (const { state, count } of runs) counts.set(state, (counts.get(state) ?? 0) + count)
  return counts
}

function* runsOfSlot(svm: Svm, base: number, end: number): Generator<UvRun> {
  let from = base
  let state: FrameState = FrameState.Secure
  let at = base
  const run = (to: number): UvRun => ({
    from: asGfn(from),
    count: to - from,
    state: FRAME_STATES[state].name,
  })
  for (const gfn of trackedIn(svm, base, end)) {
    const own = svm.frames.state(gfn)
    const isGap = gfn > at
    if (isGap && state !== FrameState.Secure) {
      yield run(at)
      from = at
      state = FrameState.Secure
    }
    if (own !== state) {
      if (gfn > from) yield run(gfn)
      from = gfn
      state = own
    }
    at = gfn + 1
  }
  if (at < end && state !== FrameState.Secure) {
    yield run(at)
    from = at
    state = FrameState.Secure
  }
  if (end > from) yield run(end)
}

function* trackedIn(svm: Svm, base: number, end: number): Generator<Gfn> {
  for (let gfn = svm.frames.after(base - 1); gfn !== undefined && gfn < end; ) {
    yield gfn
    gfn = svm.frames.after(gfn)
  }
}
