/**
 * Compares what a hypervisor and an ultravisor hold of the same frames.
 *
 * Source: spec of the experiments, invariant I2: secure and SECURE, paged_out and PAGEDOUT, shared and
 * the shared family, frame by frame. Both come as runs, and only runs are walked.
 */

/** Frames from `from` on, all in one state. */
export interface StateRun {
  readonly from: number
  readonly count: number
  readonly state: string
}

/** Frames on which the two sides do not agree. */
export interface Disagreement {
  readonly from: number
  readonly count: number
  /** `none`: in no memory slot on that side. */
  readonly hv: string
  readonly uv: string
}

/** What the hypervisor must say of each state of the ultravisor. */
const AGREES: Readonly<Record<string, string>> = {
  SECURE: 'secure',
  PAGEDOUT: 'paged_out',
  SHARED: 'shared',
  SHARED_INV: 'shared',
  SHARED_IMPLICIT: 'shared',
  SHARED_IMPLICIT_INV: 'shared',
  PSEUDO_SHARED: 'shared',
  PSEUDO_SHARED_INV: 'shared',
}

/** Both lists ascending, without overlap. Frames of a secure VM agree when nothing is returned. */
export function disagreementsOf(
  hv: Iterable<StateRun>,
  uv: Iterable<StateRun>,
): readonly Disagreement[] {
  const found: Disagreement[] = []
  const [ours, theirs] = [new Cursor(hv), new Cursor(uv)]
  let at = Math.min(ours.from, theirs.from)
  while (at < Number.POSITIVE_INFINITY) {
    const [h, u] = [ours.stateAt(at), theirs.stateAt(at)]
    const end = Math.min(ours.endAt(at), theirs.endAt(at))
    if (!agree(h, u)) found.push({ from: at, count: end - at, hv: h ?? 'none', uv: u ?? 'none' })
    ours.skipTo(end)
    theirs.skipTo(end)
    at = h === undefined && u === undefined ? Math.min(ours.from, theirs.from) : end
    if (ours.isDone && theirs.isDone) break
  }
  return found
}

const agree = (hv: string | undefined, uv: string | undefined): boolean =>
  uv === undefined ? hv === undefined : AGREES[uv] === hv

/** Walks through runs. */
class Cursor {
  readonly #runs: Iterator<StateRun>
  #run: StateRun | undefined

  constructor(runs: Iterable<StateRun>) {
    this.#runs = runs[Symbol.iterator]()
    this.#next()
  }

  get isDone(): boolean {
    return this.#run === undefined
  }

  /** First frame that is left. */
  get from(): number {
    return this.#run?.from ?? Number.POSITIVE_INFINITY
  }

  stateAt(at: number): string | undefined {
    return at >= this.from ? this.#run?.state : undefined
  }

  /** One past the last frame from `at` on that has the state of `at`. */
  endAt(at: number): number {
    const run = this.#run
    if (run === undefined) return Number.POSITIVE_INFINITY
    return at < run.from ? run.from : run.from + run.count
  }

  skipTo(end: number): void {
    while (this.#run !== undefined && this.#run.from + this.#run.count <= end) this.#next()
  }

  #next(): void {
    const step = this.#runs.next()
    this.#run = step.done === true ? undefined : step.value
  }
}
