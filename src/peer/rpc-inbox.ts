/**
 * The calls that came from the other side: those that are open, and the answers that were given.
 * Says of each call that comes whether it is new, or one that comes again after a resume.
 *
 * Ids count up (round after 2^32 - 1), in the order of sending, and a connection delivers in order.
 * So an id above the highest one that came is new; any other one came before, and was begun: it is
 * open, or it was answered and its answer is kept, or it is too long ago and is refused, because
 * nobody knows any more whether it was executed. Only a peer that has resumed is held to this.
 */
import { LIMITS } from '../../schemas/limits.ts'
import type { CallMessage, ErrorMessage, Outcome, WireCall } from '../../schemas/messages.ts'
import { IdTable } from '../lib/id-table.ts'
import type { ServedCall } from './rpc-calls.ts'
import type { Fault } from './rpc-codec.ts'
import { Fingerprint } from './rpc-fingerprint.ts'
import { type AnswerKey, KeptAnswers } from './rpc-kept-answers.ts'
import { Load } from './rpc-load.ts'
import type { PeerLimits } from './rpc-options.ts'

/**
 * `open`: it is under way already, and its answer will come. `answered`: its answer is to be given
 * again.
 */
export type Meeting = 'new' | 'open' | 'answered' | Fault

/** A call that nobody keeps anything of. */
const NO_MARK = { low: 0, high: 0 }

export class Inbox<Ours extends WireCall, Theirs extends WireCall> {
  /** Without it the calls end with their connection. */
  readonly answers: KeptAnswers | undefined
  readonly #limits: PeerLimits
  readonly #open = new IdTable<ServedCall<Ours, Theirs>>()
  readonly #load: Load
  readonly #mark = new Fingerprint()
  /** The last id that came, as ids count up. */
  highest = 0
  #hasResumed = false
  /** Calls that came, and count as not come. */
  readonly forgotten = new Set<number>()

  /** `keepsAnswers`: calls may come again. */
  constructor(limits: PeerLimits, keepsAnswers: boolean) {
    const { answersKeptMax, answerBytesKeptMax } = { ...LIMITS, ...limits }
    this.#limits = limits
    this.answers = keepsAnswers ? new KeptAnswers(answersKeptMax, answerBytesKeptMax) : undefined
    this.#load = new Load(limits)
  }

  /** Calls that wait for their answer. */
  get size(): number {
    return this.#open.size
  }

  get(id: number): ServedCall<Ours, Theirs> | undefined {
    return this.#open.get(id)
  }

  values(): readonly ServedCall<Ours, Theirs>[] {
    return this.#open.values()
  }

  /** What the call that was met last is known by. */
  get mark(): { readonly low: number; readonly high: number } {
    return this.answers === undefined ? NO_MARK : this.#mark
  }

  /** Another connection: calls may come again now. Answers wait until they do. */
  resume(): void {
    this.#hasResumed = true
    this.answers?.index()
    for (const call of this.#open.values()) call.isClaimed = false
  }

  /** What is to be done about a call that came. */
  meet({ id, parent, body }: CallMessage<Theirs>): Meeting {
    if (this.answers !== undefined) this.#mark.take(body, parent)
    const open = this.#open.get(id)
    if (open !== undefined) return this.#meetOpen(open)
    const known = this.#hasResumed ? this.#meetKnown(id) : 'new'
    if (known === 'new' && this.#isAbove(id)) this.highest = id
    return known
  }

  /** Why a new call is not begun; undefined when it is. `parentIsOpen`: true also when it has none. */
  refusalOf({ id, parent }: CallMessage<Theirs>, parentIsOpen: boolean): Fault | undefined {
    if (!parentIsOpen) return { kind: 'fault', error: 'PARENT_UNKNOWN', id, data: { parent } }
    const isNested = parent !== 0
    if (!this.#load.isFull(isNested)) return undefined
    const limit = isNested ? 'nestedCallsInFlightMax' : 'callsInFlightMax'
    return { kind: 'fault', error: 'TOO_MANY_CALLS', id, data: { limit, max: this.#limits[limit] } }
  }

  /** A call is begun. */
  add(call: ServedCall<Ours, Theirs>): void {
    this.#open.add(call)
    this.#load.count(call.caller !== undefined, 1)
  }

  /** The call that was met last was not begun: whenever it comes again it is told the same. */
  refuse(id: number, error: ErrorMessage): void {
    this.answers?.add({ id, low: this.#mark.low, high: this.#mark.high }, error)
  }

  /** An answer that was given by a peer of which this one is made again. */
  putAnswer(key: AnswerKey, outcome: Outcome): void {
    if (this.#isAbove(key.id)) this.highest = key.id
    this.answers?.add(key, outcome)
  }

  /** A call that is open has its answer. */
  settle(call: ServedCall<Ours, Theirs>, outcome: Outcome): void {
    this.#remove(call)
    // SESSION_OPEN opens each connection anew, and its answer has a secret in it.
    if (call.body.call !== 'SESSION_OPEN') this.answers?.add(call, outcome)
  }

  /** The answer to give again to a call that was met as `answered`. */
  answerTo(id: number): Outcome | undefined {
    const { answers } = this
    return answers?.outcome(answers.find(id))
  }

  /** An open call counts as never come. */
  forget(call: ServedCall<Ours, Theirs>): void {
    this.#remove(call)
    if (this.answers !== undefined) this.forgotten.add(call.id)
  }

  clear(): void {
    this.#open.clear()
  }

  #remove(call: ServedCall<Ours, Theirs>): void {
    this.#open.delete(call.id)
    this.#load.count(call.caller !== undefined, -1)
  }

  /** Whether an id counts as higher than all that came: ids go round, so half of them do. */
  #isAbove(id: number): boolean {
    return this.highest === 0 || ((id - this.highest) | 0) > 0
  }

  #meetOpen(open: ServedCall<Ours, Theirs>): Meeting {
    const { id } = open
    const { low, high } = this.#mark
    if (open.isClaimed || open.low !== low || open.high !== high) {
      return { kind: 'fault', error: 'ID_IN_USE', id, data: { id } }
    }
    open.isClaimed = true
    return 'open'
  }

  #meetKnown(id: number): Meeting {
    const { answers } = this
    if (answers === undefined || this.forgotten.delete(id)) return 'new'
    // What is still open after 2^31 further calls looks new when it comes again: hence the look-up.
    const isAbove = this.#isAbove(id)
    if (isAbove && !answers.isIndexed) return 'new'
    const number = answers.find(id)
    if (number < 0 && isAbove) return 'new'
    if (number >= 0 && !answers.fits(number, this.#mark.low, this.#mark.high)) {
      return { kind: 'fault', error: 'ID_REUSED', id, data: { id } }
    }
    if (number >= 0 && answers.outcome(number) !== undefined) return 'answered'
    const limit = number < 0 ? 'answersKeptMax' : 'answerBytesKeptMax'
    const data = { id, limit, max: this.#limits[limit] ?? LIMITS[limit] }
    return { kind: 'fault', error: 'ANSWER_FORGOTTEN', id, data }
  }
}
