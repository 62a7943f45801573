/**
 * A ring of events as numbers: nothing is allocated for an event, and a call's two halves (it began,
 * it ended) are one record.
 */
import type { WireCall } from '../../schemas/messages.ts'
import { asGfn, asLpid, type Lpid } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import type { Reason } from '../uvmem/reason.ts'
import { namedArgs, putArgs } from './journal-args.ts'
import { journalCodeName } from './journal-codes.ts'
import {
  JOURNAL_ENDS,
  JOURNAL_KINDS,
  JOURNAL_STATES,
  JournalEnd,
  type JournalEvent,
  JournalKind,
  type JournalState,
  type OperationArgs,
} from './journal-entry.ts'
import type { JournalNames } from './journal-names.ts'

/** Events that a journal keeps: the newest ones. A power of two. */
export const journalEventsMax = 65_536

/** No frame. */
export const NO_GFN = -1
/** No code: the call is open, or ended without one. */
const NO_CODE = -0x8000_0000

/** Numbers of one event: time, parent, gfn, duration, and four arguments. */
const WORDS = 8
const TIME = 0
const PARENT = 1
const GFN = 2
const DURATION = 3
const ARGS = 4
/** Small numbers of one event: kind, end and LPID; name; code; the number of its end. */
const MARKS = 4
const WHAT = 0
const NAME = 1
const CODE = 2
const ORDER = 3

/** What few events have. */
export interface JournalExtra {
  readonly args?: OperationArgs
  readonly reason?: Reason | undefined
  readonly error?: string
  /** What the record leaves out. */
  readonly note?: string
  readonly first?: number
}

/** Kinds, ends and states by their number in a record. */
const numberIn = <T>(list: readonly T[], value: T): number => list.indexOf(value)
export const KIND = Object.fromEntries(JOURNAL_KINDS.map((kind, i) => [kind, i])) as Readonly<
  Record<JournalKind, number>
>
const OPEN = numberIn(JOURNAL_ENDS, JournalEnd.Open)
const DONE = numberIn(JOURNAL_ENDS, JournalEnd.Done)
const TRANSITIONS: readonly JournalKind[] = [JournalKind.Frames, JournalKind.Vm]

export class JournalRing {
  readonly capacity: number
  readonly #names: JournalNames
  readonly #words: Float64Array
  readonly #marks: Int32Array
  readonly #extras: (JournalExtra | undefined)[]
  #last = 0
  #at = -1
  #ended = 0

  constructor(names: JournalNames, capacity: number) {
    invariant(capacity > 0 && (capacity & (capacity - 1)) === 0, 'a capacity is a power of two')
    this.capacity = capacity
    this.#names = names
    this.#words = new Float64Array(capacity * WORDS)
    this.#marks = new Int32Array(capacity * MARKS)
    this.#extras = new Array<JournalExtra | undefined>(capacity).fill(undefined)
  }

  /** Serial of the newest event; 0 when there is none. */
  get last(): number {
    return this.#last
  }

  /** Events that have ended: the number of the newest end. */
  get ended(): number {
    return this.#ended
  }

  /** Serial of the oldest event that is kept; 1 when there is none. */
  get oldest(): number {
    return Math.max(1, this.#last - this.capacity + 1)
  }

  /** Begins a record and returns its serial. */
  begin(
    kind: number,
    name: number,
    lpid: number,
    gfn: number,
    parent: number,
    time: number,
  ): number {
    const at = (this.#at + 1) & (this.capacity - 1)
    this.#at = at
    this.#last += 1
    const word = at * WORDS
    const words = this.#words
    words[word + TIME] = time
    words[word + PARENT] = parent
    words[word + GFN] = gfn
    words[word + DURATION] = Number.NaN
    const mark = at * MARKS
    this.#marks[mark + WHAT] = kind | (OPEN << 8) | (lpid << 16)
    this.#marks[mark + NAME] = name
    this.#marks[mark + CODE] = NO_CODE
    if (this.#extras[at] !== undefined) this.#extras[at] = undefined
    return this.#last
  }

  /** The newest event's arguments. */
  args(body: WireCall): void {
    putArgs(this.#words, this.#at * WORDS + ARGS, body)
  }

  /** The newest event's states: a transition is whole at once. */
  states(from: number, to: number, count: number, code: number | undefined): void {
    const word = this.#at * WORDS
    this.#words[word + ARGS] = from
    this.#words[word + ARGS + 1] = to
    this.#words[word + ARGS + 2] = count
    this.#end(this.#at, DONE, code ?? NO_CODE)
  }

  /** Puts what few events have beside an event that is kept. */
  extra(serial: number, extra: JournalExtra): void {
    const at = this.#slotOf(serial)
    if (at >= 0) this.#extras[at] = { ...this.#extras[at], ...extra }
  }

  /** Ends a call; false when its record has left the ring. */
  finish(serial: number, end: number, code: number | undefined, time: number): boolean {
    const at = this.#slotOf(serial)
    if (at < 0) return false
    const word = at * WORDS
    this.#words[word + DURATION] = time - (this.#words[word + TIME] as number)
    this.#end(at, end, code ?? NO_CODE)
    return true
  }

  #end(at: number, end: number, code: number): void {
    const mark = at * MARKS
    this.#marks[mark + WHAT] = ((this.#marks[mark + WHAT] as number) & ~0xff00) | (end << 8)
    this.#marks[mark + CODE] = code
    this.#ended += 1
    this.#marks[mark + ORDER] = this.#ended
  }

  /** The how manieth event of all it was to end, from 1; 0 while it is open. */
  orderOf(serial: number): number {
    const mark = this.#slotOf(serial) * MARKS
    if ((((this.#marks[mark + WHAT] as number) >>> 8) & 0xff) === OPEN) return 0
    // 32 bits are kept of it: nothing in the ring ended more than 2^32 ends ago.
    return this.#ended - ((this.#ended - (this.#marks[mark + ORDER] as number)) >>> 0)
  }

  /** Where an event is; -1 when it has left the ring or never was. */
  #slotOf(serial: number): number {
    const back = this.#last - serial
    if (back < 0 || back >= this.capacity || serial < 1) return -1
    return (this.#at - back) & (this.capacity - 1)
  }

  kindOf(serial: number): number {
    return (this.#marks[this.#slotOf(serial) * MARKS + WHAT] as number) & 0xff
  }

  endOf(serial: number): number {
    return ((this.#marks[this.#slotOf(serial) * MARKS + WHAT] as number) >>> 8) & 0xff
  }

  lpidOf(serial: number): Lpid {
    return asLpid((this.#marks[this.#slotOf(serial) * MARKS + WHAT] as number) >>> 16)
  }

  nameOf(serial: number): number {
    return this.#marks[this.#slotOf(serial) * MARKS + NAME] as number
  }

  codeOf(serial: number): number | undefined {
    const code = this.#marks[this.#slotOf(serial) * MARKS + CODE] as number
    return code === NO_CODE ? undefined : code
  }

  /** True when the event is about the frame, alone or as one of a run. */
  isAbout(serial: number, gfn: number): boolean {
    const word = this.#slotOf(serial) * WORDS
    const first = this.#words[word + GFN] as number
    if (first === gfn) return true
    if (this.kindOf(serial) !== KIND.frames) return false
    return gfn > first && gfn < first + (this.#words[word + ARGS + 2] as number)
  }

  extraOf(serial: number): JournalExtra | undefined {
    return this.#extras[this.#slotOf(serial)]
  }

  /** An event that is kept, in words. */
  event(serial: number): JournalEvent | undefined {
    const at = this.#slotOf(serial)
    if (at < 0) return undefined
    const word = at * WORDS
    const kind = JOURNAL_KINDS[this.kindOf(serial)] as JournalKind
    const call = this.#names.at(this.nameOf(serial))
    const code = this.codeOf(serial)
    const gfn = this.#words[word + GFN] as number
    const duration = this.#words[word + DURATION] as number
    const extra = this.#extras[at]
    return {
      serial,
      kind,
      time: this.#words[word + TIME] as number,
      parent: this.#words[word + PARENT] as number,
      first: extra?.first ?? 0,
      lpid: this.lpidOf(serial),
      call,
      gfn: gfn === NO_GFN ? undefined : asGfn(gfn),
      args: this.#argsOf(kind, call, word, extra),
      end: JOURNAL_ENDS[this.endOf(serial)] as JournalEnd,
      code,
      codeName: code === undefined ? undefined : journalCodeName(call, code),
      reason: extra?.reason,
      error: extra?.error,
      note: extra?.note,
      duration: Number.isNaN(duration) ? undefined : duration,
      ...this.#changeOf(kind, word),
    }
  }

  #argsOf(
    kind: JournalKind,
    call: string,
    word: number,
    extra: JournalExtra | undefined,
  ): OperationArgs {
    if (extra?.args !== undefined) return extra.args
    const { Hypercall, Ultracall, Memory } = JournalKind
    if (kind !== Hypercall && kind !== Ultracall && kind !== Memory) return {}
    return namedArgs(call, this.#words, word + ARGS)
  }

  #changeOf(kind: JournalKind, word: number): Pick<JournalEvent, 'from' | 'to' | 'count'> {
    if (!TRANSITIONS.includes(kind)) return { from: undefined, to: undefined, count: undefined }
    const stateAt = (i: number): JournalState =>
      JOURNAL_STATES[this.#words[word + ARGS + i] as number] ?? 'none'
    const count = kind === JournalKind.Vm ? undefined : this.#words[word + ARGS + 2]
    return { from: stateAt(0), to: stateAt(1), count }
  }
}
