/**
 * The journal: what has happened lately, on which stack, and why something was refused.
 *
 * Every call of an ultravisor, every ultracall, every operation of a VMM or host and every change of
 * state is an event with a serial; `parent` is the event in whose context it happened.
 */
import type { WireCall } from '../../schemas/messages.ts'
import type { FrameState } from '../uvmem/frame-state.ts'
import { lpidOfCall } from './call-frame.ts'
import { endedAfter } from './journal-ended.ts'
import {
  JOURNAL_ENDS,
  JOURNAL_STATES,
  JournalEnd,
  type JournalEvent,
  type JournalFilter,
  type JournalKind,
  type JournalPage,
  type JournalQuery,
  type JournalState,
} from './journal-entry.ts'
import type { JournalNames } from './journal-names.ts'
import { type JournalExtra, JournalRing, journalEventsMax, KIND, NO_GFN } from './journal-ring.ts'
import { JournalFollower, journalFollowersMax, journalWaitingMax } from './journal-stream.ts'

/** Numbers of the states, as the ring holds them. */
export const STATE_NUMBER = Object.fromEntries(
  JOURNAL_STATES.map((state, i) => [state, i]),
) as Readonly<Record<JournalState, number>>
export const stateNumber = (state: FrameState): number => STATE_NUMBER[state]

const END_NUMBER = Object.fromEntries(JOURNAL_ENDS.map((end, i) => [end, i])) as Readonly<
  Record<JournalEnd, number>
>
const DONE = END_NUMBER[JournalEnd.Done]

/** Where an event belongs. */
export interface JournalPlace {
  readonly lpid: number
  readonly gfn: number
  readonly parent: number
}

export class Journal {
  readonly names: JournalNames
  /** Tells the journals of different servers apart. */
  readonly run: string
  readonly #ring: JournalRing
  readonly #followers = new Set<JournalFollower>()

  /** `capacity`: events that are kept, a power of two. */
  constructor(names: JournalNames, capacity = journalEventsMax, run = '') {
    this.names = names
    this.run = run
    this.#ring = new JournalRing(names, capacity)
  }

  get capacity(): number {
    return this.#ring.capacity
  }

  get last(): number {
    return this.#ring.last
  }

  /** A call of the wire begins; `kind` by number, as this happens twice for each page. */
  beginCall(
    kind: number,
    name: number,
    body: WireCall,
    gfn: number,
    parent: number,
    time: number,
  ): number {
    const serial = this.#ring.begin(kind, name, lpidOfCall(body), gfn, parent, time)
    this.#ring.args(body)
    return serial
  }

  /** Anything else begins, or happens. */
  begin(kind: JournalKind, name: number, place: JournalPlace, time: number): number {
    return this.#ring.begin(KIND[kind], name, place.lpid, place.gfn, place.parent, time)
  }

  /** What few events have; before `finish`, so that followers see it. */
  extra(serial: number, extra: JournalExtra): void {
    this.#ring.extra(serial, extra)
  }

  /** Ends a call with a code. False when the call has outlived its record. */
  finish(serial: number, code: number, time: number): boolean {
    if (!this.#ring.finish(serial, DONE, code, time)) return false
    if (this.#followers.size > 0) this.#tell(serial)
    return true
  }

  /** Ends a call otherwise. */
  finishBadly(serial: number, end: JournalEnd, time: number): boolean {
    if (!this.#ring.finish(serial, END_NUMBER[end], undefined, time)) return false
    if (this.#followers.size > 0) this.#tell(serial)
    return true
  }

  /** `count` frames from `gfn` on went from one state to another; states by number. */
  frames(
    name: number,
    place: JournalPlace,
    from: number,
    to: number,
    count: number,
    code: number,
    time: number,
  ): number {
    const { lpid, gfn, parent } = place
    const serial = this.#ring.begin(KIND.frames, name, lpid, gfn, parent, time)
    this.#ring.states(from, to, count, code)
    if (this.#followers.size > 0) this.#tell(serial)
    return serial
  }

  /** `frames` for one frame: nothing is allocated. */
  frame(
    name: number,
    lpid: number,
    gfn: number,
    parent: number,
    from: number,
    to: number,
    code: number,
    time: number,
  ): void {
    const serial = this.#ring.begin(KIND.frames, name, lpid, gfn, parent, time)
    this.#ring.states(from, to, 1, code)
    if (this.#followers.size > 0) this.#tell(serial)
  }

  /** A VM went from one state to another. */
  vm(
    name: number,
    lpid: number,
    parent: number,
    from: JournalState,
    to: JournalState,
    time: number,
    extra?: JournalExtra,
  ): number {
    const serial = this.#ring.begin(KIND.vm, name, lpid, NO_GFN, parent, time)
    this.#ring.states(STATE_NUMBER[from], STATE_NUMBER[to], 0, undefined)
    if (extra !== undefined) this.#ring.extra(serial, extra)
    if (this.#followers.size > 0) this.#tell(serial)
    return serial
  }

  event(serial: number): JournalEvent | undefined {
    return this.#ring.event(serial)
  }

  /** Looks at what the ring holds, once at most. */
  query({ since = 0, before, limit, order, ...filter }: JournalQuery): JournalPage {
    const ring = this.#ring
    const { last, oldest } = ring
    const low = Math.max(oldest, since + 1)
    const high = Math.min(last, (before ?? Number.POSITIVE_INFINITY) - 1)
    const wants = this.#matcher(filter)
    const events: JournalEvent[] = []
    const step = order === 'oldest' ? 1 : -1
    let serial = order === 'oldest' ? low : high
    for (; serial >= low && serial <= high; serial += step) {
      if (!wants(serial)) continue
      if (events.length === limit) return { events, oldest, last, more: true }
      const event = ring.event(serial)
      if (event !== undefined) events.push(event)
    }
    return { events, oldest, last, more: false }
  }

  /** The number of the newest end; 0 when nothing has ended. */
  get ended(): number {
    return this.#ring.ended
  }

  /** What ended after the end numbered `since`, in that order: the newest `limit` of it. */
  endedAfter(
    since: number,
    filter: JournalFilter,
    limit: number,
  ): {
    readonly events: JournalEvent[]
    readonly orders: readonly number[]
    readonly lost: number
  } {
    const { serials, orders, lost } = endedAfter(this.#ring, this.#matcher(filter), since, limit)
    return { events: serials.flatMap((serial) => this.#ring.event(serial) ?? []), orders, lost }
  }

  /**
   * Follows the journal: calls when they have ended, the rest when it happens. `wake` is told when
   * the first event waits. undefined: too many follow already.
   */
  follow(
    filter: JournalFilter,
    wake: () => void,
    waitingMax = journalWaitingMax,
  ): JournalFollower | undefined {
    if (this.#followers.size >= journalFollowersMax) return undefined
    const follower = new JournalFollower(
      this.#matcher(filter),
      (serial) => this.#ring.event(serial),
      wake,
      (each) => this.#followers.delete(each),
      waitingMax,
    )
    this.#followers.add(follower)
    return follower
  }

  get followers(): number {
    return this.#followers.size
  }

  #tell(serial: number): void {
    for (const follower of this.#followers) follower.offer(serial)
  }

  #matcher({ lpid, gfn, call, code, kind, refused }: JournalFilter): (serial: number) => boolean {
    const ring = this.#ring
    const { names } = this
    const kindNumber = kind === undefined ? undefined : KIND[kind]
    const tests: ((serial: number) => boolean)[] = []
    if (lpid !== undefined) tests.push((serial) => ring.lpidOf(serial) === lpid)
    if (kindNumber !== undefined) tests.push((serial) => ring.kindOf(serial) === kindNumber)
    if (call !== undefined) tests.push((serial) => ring.nameOf(serial) === names.find(call))
    if (code !== undefined) tests.push((serial) => ring.codeOf(serial) === code)
    if (gfn !== undefined) tests.push((serial) => ring.isAbout(serial, gfn))
    if (refused !== undefined) {
      tests.push((serial) => isRefusal(ring.extraOf(serial)) === refused)
    }
    const [first] = tests
    // A follower is asked about every event, and few ask for more than one VM or for refusals.
    if (first === undefined) return () => true
    return tests.length === 1 ? first : (serial) => tests.every((test) => test(serial))
  }
}

const isRefusal = (extra: JournalExtra | undefined): boolean =>
  extra?.reason !== undefined || extra?.error !== undefined
