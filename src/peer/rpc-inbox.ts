/**
 * The calls that came from the other side: those that are open, and the answers that were given.
 * Says of each call that comes whether it is new, or one that comes again after a resume.
 *
 * Ids count up (round after 2^32 - 1), in the order of sending, and a connection delivers in order.
 * So an id above the highest one that came is new, and nothing is looked up for it. Any other one is
 * looked for: it is open, or it was answered and its answer is kept. If it is neither, it is new as
 * long as every answer that was given is kept; after that it is refused, because nobody knows any more
 * whether it was executed. What came before a session was opened is no part of it.
 *
 * Ids that go round leave calls behind that count as above the highest one: those that were open for
 * half of all ids, and those of a peer that leaves ids out. While an answer to one of them may be kept,
 * every id is looked for.
 */
import { LIMITS } from '../../schemas/limits.ts'
import type {
  CallMessage,
  ErrorData,
  ErrorMessage,
  Outcome,
  WireCall,
} from '../../schemas/messages.ts'
import { IdTable } from '../lib/id-table.ts'
import { errorMessage, type ServedCall } from './rpc-calls.ts'
import type { Fault } from './rpc-codec.ts'
import { Fingerprint } from './rpc-fingerprint.ts'
import { type AnswerKey, KeptAnswers } from './rpc-kept-answers.ts'
import { Load } from './rpc-load.ts'
import type { PeerLimits } from './rpc-options.ts'
import type { Given } from './rpc-resume.ts'

/**
 * `open`: it is under way already, and its answer will come. `answered`: its answer is to be given
 * again.
 */
export type Meeting = 'new' | 'open' | 'answered' | Fault

/**
 * An id that is further above the highest one is looked for as well: who leaves out so many at once
 * could come round to one whose answer is kept. Not fewer than answers can be kept.
 */
const ID_STEP_MAX = 65_536

export class Inbox<Ours extends WireCall, Theirs extends WireCall> implements Given {
  /** Without it the calls end with their connection. */
  answers: KeptAnswers | undefined
  readonly #limits: PeerLimits
  /** What is said with TOO_MANY_CALLS: who calls too often is told the same thing very often. */
  readonly #full: ErrorData
  readonly #nestedFull: ErrorData
  readonly #open = new IdTable<ServedCall<Ours, Theirs>>()
  readonly #load: Load
  readonly #mark = new Fingerprint()
  /** The last one that was kept. */
  #refusal: ErrorMessage | undefined
  /** The last id that came, as ids count up; 0: none. */
  highest = 0
  /** What comes is part of a session, as far as that is known here. */
  #hasSession = false
  /** Calls that came, and count as not come. */
  readonly forgotten = new Set<number>()

  /** `keepsAnswers`: calls may come again. */
  constructor(limits: PeerLimits, keepsAnswers: boolean) {
    this.#limits = limits
    const { callsInFlightMax, nestedCallsInFlightMax } = limits
    this.#full = { limit: 'callsInFlightMax', max: callsInFlightMax }
    this.#nestedFull = { limit: 'nestedCallsInFlightMax', max: nestedCallsInFlightMax }
    this.answers = keepsAnswers ? this.#newAnswers() : undefined
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

  /** What the call that was met last is known by; the same for all while no answers are kept. */
  get mark(): { readonly low: number; readonly high: number } {
    return this.#mark
  }

  /** Another connection: calls may come again now. Answers wait until they do. */
  resume(): void {
    this.#hasSession = true
    this.answers?.index()
    for (const call of this.#open.values()) call.isClaimed = false
  }

  /** What is to be done about a call that came. */
  meet({ id, parent, body }: CallMessage<Theirs>): Meeting {
    const { answers } = this
    if (answers !== undefined) this.#mark.take(body, parent)
    const open = this.#open.get(id)
    if (open !== undefined) return this.#meetOpen(open)
    if (answers === undefined) return 'new'
    if (body.call === 'SESSION_OPEN') return this.#meetOpening()
    const step = (id - this.highest) | 0
    const isAbove = this.highest === 0 || step > 0
    if (isAbove && step > ID_STEP_MAX) answers.index()
    if (!isAbove || answers.isIndexed) {
      const known = this.#meetKnown(id, isAbove, answers)
      if (known !== 'new') return known
    }
    if (isAbove) this.highest = id
    return 'new'
  }

  /** Why a new call is not begun; undefined when it is. `parentIsOpen`: true also when it has none. */
  refusalOf({ id, parent }: CallMessage<Theirs>, parentIsOpen: boolean): Fault | undefined {
    if (!parentIsOpen) return { kind: 'fault', error: 'PARENT_UNKNOWN', id, data: { parent } }
    const isNested = parent !== 0
    if (!this.#load.isFull(isNested)) return undefined
    const data = isNested ? this.#nestedFull : this.#full
    return { kind: 'fault', error: 'TOO_MANY_CALLS', id, data }
  }

  /** A call is begun. */
  add(call: ServedCall<Ours, Theirs>): void {
    this.#open.add(call)
    this.#load.count(call.caller !== undefined, 1)
  }

  /** The call that was met last was not begun: whenever it comes again it is told the same. */
  refuse(id: number, error: ErrorMessage): void {
    // Of many refusals that say the same one object is kept, not one each: they are kept so long that
    // the garbage collector would have more to do with them than we with the calls.
    const last = this.#refusal
    const isSame = last !== undefined && last.code === error.code && last.data === error.data
    const kept = isSame ? last : error
    this.#refusal = kept
    this.answers?.add({ id, low: this.#mark.low, high: this.#mark.high }, kept)
  }

  /** Of a session that was written down; see CallMarks. */
  restore(highest: number, forgotten: readonly number[], isWhole: boolean): void {
    this.#hasSession = true
    this.highest = highest
    for (const id of forgotten) this.forgotten.add(id)
    if (!isWhole) this.answers?.miss()
  }

  /** An answer that was given by a peer of which this one is made again. */
  putAnswer(key: AnswerKey, outcome: Outcome): void {
    if (this.#isAbove(key.id)) this.highest = key.id
    this.answers?.add(key, outcome)
  }

  /** A call that is open has its answer. */
  settle(call: ServedCall<Ours, Theirs>, outcome: Outcome): void {
    this.#remove(call)
    if (call.body.call !== 'SESSION_OPEN') this.#keep(call, outcome)
    // It opens each connection anew, and its answer has a secret in it: that one is not kept.
    else if (outcome.kind === 'answer') this.#hasSession = true
  }

  numberOf(id: number): number | undefined {
    if (this.#open.get(id) !== undefined || this.forgotten.has(id)) return undefined
    return this.answers?.find(id) ?? -1
  }

  answerTo(id: number): Outcome {
    const number = this.answers?.find(id) ?? -1
    const outcome = number < 0 ? undefined : this.answers?.outcome(number)
    return outcome ?? errorMessage('ANSWER_FORGOTTEN', id, this.#reachOf(id, number))
  }

  /** An open call counts as never come. */
  forget(call: ServedCall<Ours, Theirs>): void {
    this.#remove(call)
    if (this.answers !== undefined) this.forgotten.add(call.id)
  }

  clear(): void {
    this.#open.clear()
  }

  #keep(call: ServedCall<Ours, Theirs>, outcome: Outcome): void {
    const { answers } = this
    if (answers === undefined) return
    answers.add(call, outcome)
    if (this.#isAbove(call.id)) answers.index()
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

  /** Its id is looked for nowhere, and counts for nothing: it opens the connection, not a call. */
  #meetOpening(): Meeting {
    if (!this.#hasSession) {
      this.answers = this.#newAnswers()
      this.highest = 0
    }
    return 'new'
  }

  #meetKnown(id: number, isAbove: boolean, answers: KeptAnswers): Meeting {
    if (this.forgotten.delete(id)) return 'new'
    const number = answers.find(id)
    // An id that was never answered and is not open never came.
    if (number < 0 && (isAbove || answers.isWhole)) return 'new'
    if (number >= 0 && !answers.fits(number, this.#mark.low, this.#mark.high)) {
      // It is used now, also when that answer is forgotten. Who is told its answer again uses no id.
      if (isAbove) this.highest = id
      return { kind: 'fault', error: 'ID_REUSED', id, data: { id } }
    }
    if (number >= 0 && answers.outcome(number) !== undefined) return 'answered'
    return { kind: 'fault', error: 'ANSWER_FORGOTTEN', id, data: this.#reachOf(id, number) }
  }

  /** What an answer was forgotten for; `number` -1: all of it, else its bytes. */
  #reachOf(id: number, number: number): ErrorData {
    const limit = number < 0 ? 'answersKeptMax' : 'answerBytesKeptMax'
    return { id, limit, max: this.#limits[limit] ?? LIMITS[limit] }
  }

  #newAnswers(): KeptAnswers {
    const { answersKeptMax, answerBytesKeptMax } = { ...LIMITS, ...this.#limits }
    return new KeptAnswers(answersKeptMax, answerBytesKeptMax)
  }
}
