/**
 * What became of single frames: the last transitions of each, with the call that caused them.
 *
 * One ring of numbers for all frames of all VMs, chained by a hash of VM and frame, so that its size
 * is bounded whatever the VMs hold. Changes of many frames at once are kept apart, a few for each VM.
 */
import { type Gfn, gfnAt, type Lpid } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import { JOURNAL_STATES, type JournalState } from './journal-entry.ts'
import type { JournalNames } from './journal-names.ts'

/** Transitions of single frames that are kept, of all VMs together. A power of two. */
export const historyEntriesMax = 65_536
/** Changes of runs of frames that are kept of one VM. */
export const historyRunsMax = 256
/** Transitions of one frame that are told. */
export const historyPerFrameMax = 16
/** A run as short as that is kept frame by frame, so that many short ones do not drive long ones out. */
const shortRunMax = 8
/** Entries that are looked at for one frame: bounds the time when many frames share a hash. */
const stepsMax = 4_096

/** One transition of a frame. */
export interface FrameChange {
  readonly from: JournalState
  readonly to: JournalState
  /** Name of the call or operation that caused it. */
  readonly call: string
  /** Its serial in the journal. */
  readonly cause: number
  readonly code: number
  /** Milliseconds by the hypervisor's clock. */
  readonly time: number
}

/** What `add` is told; states and names by number. */
export interface Change {
  readonly name: number
  readonly code: number
  readonly cause: number
  readonly time: number
}

interface RunChange extends Change {
  readonly order: number
  readonly first: Gfn
  readonly count: number
  readonly from: number
  readonly to: number
}

const WORDS = 4
const GFN = 0
const TIME = 1
const CAUSE = 2
const ORDER = 3
const MARKS = 4
const WHAT = 0
const NAME = 1
const CODE = 2
const PREVIOUS = 3

export class FrameHistory {
  readonly #names: JournalNames
  readonly #capacity: number
  readonly #words: Float64Array
  readonly #marks: Int32Array
  /** The newest entry of each hash, by its number. */
  readonly #heads: Int32Array
  readonly #runs = new Map<Lpid, RunChange[]>()
  /** Entries up to this one are another VM's that had the LPID before. */
  readonly #born = new Map<Lpid, number>()
  /** Counts entries and runs together. */
  #order = 0
  #at = -1

  constructor(names: JournalNames, capacity = historyEntriesMax) {
    invariant(capacity > 0 && (capacity & (capacity - 1)) === 0, 'a capacity is a power of two')
    this.#names = names
    this.#capacity = capacity
    this.#words = new Float64Array(capacity * WORDS)
    this.#marks = new Int32Array(capacity * MARKS)
    this.#heads = new Int32Array(capacity).fill(-1)
  }

  /** A VM with that LPID begins, or ends: what was before is not its own. */
  forget(lpid: Lpid): void {
    this.#runs.delete(lpid)
    this.#born.set(lpid, this.#order)
  }

  /** All VMs are others now. */
  forgetAll(): void {
    this.#runs.clear()
    this.#born.clear()
    this.#heads.fill(-1)
  }

  /** A frame went from one state to another. */
  add(lpid: Lpid, gfn: Gfn, from: number, to: number, change: Change): void {
    this.put(lpid, gfn, from, to, change.name, change.code, change.cause, change.time)
  }

  /** `add` for the hot path: nothing is allocated. */
  put(
    lpid: Lpid,
    gfn: Gfn,
    from: number,
    to: number,
    name: number,
    code: number,
    cause: number,
    time: number,
  ): void {
    const at = (this.#at + 1) & (this.#capacity - 1)
    this.#at = at
    const hash = this.#hashOf(lpid, gfn)
    const word = at * WORDS
    this.#words[word + GFN] = gfn
    this.#words[word + TIME] = time
    this.#words[word + CAUSE] = cause
    this.#words[word + ORDER] = ++this.#order
    const mark = at * MARKS
    this.#marks[mark + WHAT] = lpid | (from << 16) | (to << 24)
    this.#marks[mark + NAME] = name
    this.#marks[mark + CODE] = code
    this.#marks[mark + PREVIOUS] = this.#heads[hash] as number
    this.#heads[hash] = at
  }

  /** `count` frames from `first` on went from one state to another at a stroke. */
  addRun(lpid: Lpid, first: Gfn, count: number, from: number, to: number, change: Change): void {
    if (count <= shortRunMax) {
      for (let i = 0; i < count; i++) this.add(lpid, gfnAt(first, i), from, to, change)
      return
    }
    const runs = this.#runs.get(lpid) ?? []
    runs.push({ ...change, order: ++this.#order, first, count, from, to })
    if (runs.length > historyRunsMax) runs.shift()
    this.#runs.set(lpid, runs)
  }

  /** The last transitions of a frame, the newest first. */
  of(lpid: Lpid, gfn: Gfn, limit = historyPerFrameMax): readonly FrameChange[] {
    const found: (FrameChange & { readonly order: number })[] = []
    const born = this.#born.get(lpid) ?? 0
    let at = this.#heads[this.#hashOf(lpid, gfn)] as number
    let below = Number.POSITIVE_INFINITY
    for (let steps = 0; at >= 0 && steps < stepsMax && found.length < limit; steps++) {
      const order = this.#words[at * WORDS + ORDER] as number
      // A slot that was used again is newer than what pointed to it.
      if (order >= below || order <= born) break
      if (this.#isOf(at, lpid, gfn)) found.push({ order, ...this.#changeAt(at) })
      below = order
      at = this.#marks[at * MARKS + PREVIOUS] as number
    }
    for (const run of this.#runs.get(lpid) ?? []) {
      if (gfn < run.first || gfn >= run.first + run.count) continue
      found.push({ order: run.order, ...this.#inWords(run.from, run.to, run) })
    }
    found.sort((a, b) => b.order - a.order)
    return found.slice(0, limit).map(({ order: _order, ...change }) => change)
  }

  #isOf(at: number, lpid: Lpid, gfn: Gfn): boolean {
    const what = this.#marks[at * MARKS + WHAT] as number
    return (what & 0xffff) === lpid && this.#words[at * WORDS + GFN] === gfn
  }

  #changeAt(at: number): FrameChange {
    const what = this.#marks[at * MARKS + WHAT] as number
    return this.#inWords((what >>> 16) & 0xff, what >>> 24, {
      name: this.#marks[at * MARKS + NAME] as number,
      code: this.#marks[at * MARKS + CODE] as number,
      cause: this.#words[at * WORDS + CAUSE] as number,
      time: this.#words[at * WORDS + TIME] as number,
    })
  }

  #inWords(from: number, to: number, { name, code, cause, time }: Change): FrameChange {
    return {
      from: JOURNAL_STATES[from] ?? 'none',
      to: JOURNAL_STATES[to] ?? 'none',
      call: this.#names.at(name),
      cause,
      code,
      time,
    }
  }

  #hashOf(lpid: Lpid, gfn: Gfn): number {
    // Frames that follow each other do so here too: pages move in that order, and caches like it.
    return ((gfn | 0) + Math.imul(lpid, 0x9e3779b1)) & (this.#capacity - 1)
  }
}
