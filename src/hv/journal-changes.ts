/**
 * Which frames of a VM an operation changed that had the VM to itself: its runs before and after are
 * compared, so that a VM of 100 GB that is all alike costs as little as a small one.
 */
import { asGfn, type Gfn } from '../abi/page.ts'
import { type FrameRun, frameRuns } from '../uvmem/frame-runs.ts'
import type { FrameState } from '../uvmem/frame-state.ts'
import type { Vm } from '../uvmem/host.ts'

/** Runs that are compared: frames behind them are not looked at. */
export const comparedRunsMax = 65_536
/** Pieces of tables that are looked at for them. */
const piecesMax = 262_144

/** Frames in a row that went from one state to another; `none`: they were in no memory slot. */
export interface RunChanged {
  readonly gfn: Gfn
  readonly count: number
  readonly from: FrameState | 'none'
  readonly to: FrameState | 'none'
}

/** The states of a VM's frames as runs; frames from `end` on were not looked at. */
export interface VmRuns {
  readonly runs: readonly FrameRun[]
  readonly end: number
}

export function runsOf(vm: Vm): VmRuns {
  const wanted = { from: asGfn(0), limit: comparedRunsMax, piecesMax, byBacking: false }
  const { runs, next } = frameRuns(vm, wanted)
  return { runs, end: next ?? Number.POSITIVE_INFINITY }
}

/** Runs that differ, ascending; neighbours that changed alike are one. */
export function* changesOf(before: VmRuns, after: VmRuns): Generator<RunChanged> {
  const end = Math.min(before.end, after.end)
  let held: RunChanged | undefined
  for (const piece of pieces(before.runs, after.runs)) {
    if (piece.gfn >= end || piece.from === piece.to) continue
    const joins =
      held !== undefined &&
      held.from === piece.from &&
      held.to === piece.to &&
      held.gfn + held.count === piece.gfn
    if (held !== undefined && !joins) yield held
    held = joins && held !== undefined ? { ...held, count: held.count + piece.count } : piece
  }
  if (held !== undefined) yield held
}

/** Both lists cut at each other's bounds. */
function* pieces(before: readonly FrameRun[], after: readonly FrameRun[]): Generator<RunChanged> {
  let b = 0
  let a = 0
  let gfn = 0
  for (;;) {
    while (isPast(before[b], gfn)) b++
    while (isPast(after[a], gfn)) a++
    const left = before[b]
    const right = after[a]
    if (left === undefined && right === undefined) return
    gfn = Math.max(gfn, Math.min(left?.from ?? Infinity, right?.from ?? Infinity))
    const next = Math.min(boundAfter(left, gfn), boundAfter(right, gfn))
    const from = stateAt(left, gfn)
    const to = stateAt(right, gfn)
    yield { gfn: asGfn(gfn), count: next - gfn, from, to }
    gfn = next
  }
}

const isPast = (run: FrameRun | undefined, gfn: number): boolean =>
  run !== undefined && run.from + run.count <= gfn

const stateAt = (run: FrameRun | undefined, gfn: number): FrameState | 'none' =>
  run !== undefined && run.from <= gfn ? run.state : 'none'

/** Where the run, or the hole before it, ends. */
function boundAfter(run: FrameRun | undefined, gfn: number): number {
  if (run === undefined) return Number.POSITIVE_INFINITY
  return run.from > gfn ? run.from : run.from + run.count
}
