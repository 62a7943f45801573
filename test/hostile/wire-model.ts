/**
 * What one client knows about its connection: which of its calls are open, which calls of the
 * hypervisor it has not answered, what it must be told next. It is shown everything that is sent and
 * everything that comes, and throws a Violation when something comes that must not, or does not come
 * that must.
 */
import { documentAt } from './documents.ts'
import type { Verdict } from './reference-json.ts'
import { type Kept, WireAnswers } from './wire-answers.ts'
import { type CallVerdict, type Due, isThat, type Waiting } from './wire-due.ts'
import type { Said } from './wire-said-kinds.ts'
import { AT_ONCE, DOWN_CALLS, INSTEAD } from './wire-tables.ts'

/** The hypervisor did what it must not. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

interface GoldenError {
  readonly error: { readonly code: number; readonly message: string }
}
/** The sentence of every code, as the golden file has them. */
const SENTENCES: ReadonlyMap<number, string> = new Map(
  (documentAt('golden/errors.json') as GoldenError[]).map(({ error }) => [
    error.code,
    error.message,
  ]),
)

export class WireModel {
  /** Calls of ours that wait, by id: those that have been begun with it, or have come again. */
  readonly open = new Map<number, Waiting[]>()
  /** Calls of the hypervisor that wait for us, by id. */
  readonly asked = new Map<number, string>()
  /** RAs that the hypervisor has named. */
  readonly ras: string[] = []
  /** What came of items, by what they were. */
  readonly counts = new Map<string, number>()
  readonly answers: WireAnswers
  hasSession = false
  readonly #callsMax: number
  #due: Due[] = []
  #closes: number[] = []
  /** Calls that are refused before they are begun, by id: what they said. */
  readonly #refused = new Map<number, CallVerdict[]>()
  /** Calls of the message that is sent that are begun or refused, by id: what they say. */
  readonly #unsure = new Map<number, Partial<Kept>>()
  /** Ids that came more than once while it was not to be seen from here what became of each. */
  readonly #blurred = new Set<number>()
  /** What waited when its connection broke, by id: it is told of only when it comes again. */
  readonly #lost = new Map<number, string>()
  /** The session was resumed: what was answered while nobody heard it is not known here. */
  #isVague = false
  /** Answers that the message that is sent may lead to. */
  #answersMax = 0

  /** As many calls wait at once, and as many answers are kept. */
  constructor(callsMax: number, answersKeptMax: number) {
    this.#callsMax = callsMax
    this.answers = new WireAnswers(answersKeptMax)
  }

  get highest(): number {
    return this.answers.highest
  }

  /** Ids that were answered. */
  get ended(): readonly number[] {
    return this.answers.ids
  }

  /** Codes that the connection may end with now; none: it must go on. */
  get closes(): readonly number[] {
    return this.#closes
  }

  /** The session goes on over another connection, on which nothing has come again yet. */
  goesOn(): void {
    for (const [id, waiting] of this.open) this.#lost.set(id, waiting.at(-1)?.payload ?? '')
    this.open.clear()
    this.asked.clear()
    this.#due = []
    this.#closes = []
    this.#isVague = true
    this.#count('resumed')
  }

  /** A message is about to be sent. */
  sends(verdicts: readonly Verdict[]): void {
    this.#due = []
    this.#closes = []
    this.#unsure.clear()
    this.answers.sends()
    this.#answersMax = verdicts.length + this.open.size
    const before = new Set(this.open.keys())
    let replied = false
    for (const verdict of verdicts) {
      if (verdict.kind === 'reply') {
        replied = this.asked.delete(verdict.id) || replied
        this.#count('reply')
      } else if (verdict.kind === 'close') this.#closes.push(verdict.code)
      else if (verdict.kind === 'fault') {
        const { code, id } = verdict
        this.#due.push({ errors: [{ code, ids: this.#idsOf(id, before, replied) }] })
      } else this.#begins(verdict, before, replied)
    }
  }

  #idsOf(id: number, before: ReadonlySet<number>, replied: boolean): readonly number[] {
    const isUnsure = this.#unsure.has(id) || this.#lost.has(id)
    if (!this.open.has(id)) return isUnsure ? [0, id] : [id]
    return before.has(id) && !replied ? [0] : [0, id]
  }

  #begins(call: CallVerdict, before: ReadonlySet<number>, replied: boolean): void {
    const { id, method } = call
    const isOpening = method === 'SESSION_OPEN'
    const open = this.open.get(id)
    const isOpen = open !== undefined || this.#unsure.has(id)
    const inUse = !isOpen ? [] : [{ code: -32_007, ids: [0], named: id }]
    if (open !== undefined && before.has(id) && !replied) this.#due.push({ errors: inUse })
    else if (isOpening) this.#opens(call, inUse)
    else {
      const waiting = open?.map(({ payload }) => ({ payload })).at(-1)
      const kept = this.answers.get(id) ?? waiting ?? this.#unsure.get(id)
      const lost = this.#lost.get(id)
      if (lost !== undefined && open === undefined) this.#isLost(call, lost === call.payload)
      else if (kept === undefined) this.#isUnknown(call)
      else this.#isKnown(call, kept, inUse)
    }
  }

  /** Its id is held against nothing but the calls that are open, also those that have not come again. */
  #opens(call: CallVerdict, inUse: Due['errors']): void {
    const { id } = call
    const mayBeOpen = inUse.length === 0 && this.#lost.has(id)
    this.#isNew(call, mayBeOpen ? [{ code: -32_007, ids: [0], named: id }] : inUse)
    if (!this.hasSession) this.answers.mayBegin(call)
  }

  /** It waited when the connection broke: it waits again, or its answer is repeated. */
  #isLost(call: CallVerdict, isSame: boolean): void {
    const { id, method, payload } = call
    const forgotten = { code: -32_015, ids: [id] }
    if (isSame) {
      this.#lost.delete(id)
      const again = { outcome: undefined, wasLost: true }
      this.#due.push({ errors: [forgotten], orWaits: { id, method, payload, again } })
      return
    }
    this.#isUsed(id, false)
    const reused = { code: -32_014, ids: [id] }
    this.#due.push({ errors: [{ code: -32_007, ids: [0], named: id }, reused, forgotten] })
  }

  /** No answer to it is kept. */
  #isUnknown(call: CallVerdict): void {
    const { id } = call
    const { answers } = this
    const forgotten = [{ code: -32_015, ids: [id] }]
    if (answers.isAbove(id)) this.#isNew(call)
    else if (this.#isVague) {
      this.#blurred.add(id)
      this.#isNew(call, [...forgotten, { code: -32_014, ids: [id] }])
    } else if (answers.left > this.#answersMax) this.#isNew(call)
    else if (answers.isWhole || !this.hasSession) this.#isNew(call, forgotten)
    else this.#due.push({ errors: forgotten })
  }

  /** It came before; its outcome may not be known yet. */
  #isKnown(call: CallVerdict, kept: Partial<Kept>, inUse: Due['errors']): void {
    const { id, method, payload } = call
    const errors = [...inUse]
    if (this.#isVague || this.answers.left <= this.#answersMax)
      errors.push({ code: -32_015, ids: [id] })
    // Before the session nothing counts for long; what opened one is not kept.
    const isUnsure = !this.hasSession || (this.#unsure.has(id) && this.open.has(id))
    if (
      isUnsure ||
      this.#mayComeRound(id) ||
      this.open.get(id)?.some((each) => each.method === 'SESSION_OPEN')
    )
      this.#blurred.add(id)
    if (this.#blurred.has(id)) {
      this.#isNew(call, [...errors, ...[-32_014, -32_008].map((code) => ({ code, ids: [id] }))])
      return
    }
    const { outcome } = kept
    if (kept.payload !== payload) {
      this.#isUsed(id, outcome !== undefined)
      this.#due.push({ errors: [...errors, { code: -32_014, ids: [id] }] })
      return
    }
    const refusal = { code: -32_008, ids: [id] }
    if (outcome === undefined || outcome === 'error -32008') errors.push(refusal)
    if (outcome === 'error -32008') this.#due.push({ errors })
    else this.#due.push({ errors, orWaits: { id, method, payload, again: { outcome } } })
  }

  /** As ids go round it counts as a higher one: it is new if its answer is forgotten before it comes. */
  #mayComeRound(id: number): boolean {
    const { answers } = this
    return answers.isAbove(id) && (this.#isVague || answers.mayForget(id, this.#answersMax))
  }

  /** It comes with another payload: also to try again takes a new id. */
  #isUsed(id: number, isAnswered: boolean): void {
    if (!this.answers.isAbove(id)) return
    this.answers.came(id)
    if (!isAnswered) this.#isVague = true
  }

  /** It is begun, or one of these errors comes; or its parent is not open. */
  #isNew(call: CallVerdict, errors: Due['errors'] = []): void {
    const { id, parent, payload } = call
    // A call of the same id that may wait comes before this one.
    const isFirst = !this.#due.some(({ orWaits }) => orWaits?.id === id)
    if (call.method !== 'SESSION_OPEN') this.answers.came(id)
    if (call.method !== 'SESSION_OPEN' && (errors.length > 0 || parent !== 0 || !isFirst))
      this.#unsure.set(id, { payload })
    if (parent !== 0 && !this.asked.has(parent)) {
      const unknown = { code: -32_008, ids: [id] }
      const due = { errors: [...errors, unknown], orWaits: call, call }
      this.#due.push(errors.length === 0 ? { ...due, parent } : due)
    } else if (errors.length === 0 && isFirst) this.#waits(call)
    else this.#due.push({ errors, orWaits: call, call })
  }

  #waits(call: Waiting): void {
    this.open.set(call.id, [...(this.open.get(call.id) ?? []), call])
  }

  /** Everything that came up to the end of the turn. */
  hears(said: readonly Said[]): void {
    this.#checkDue(said)
    for (const item of said) {
      if (item.kind === 'call') this.#isAsked(item)
      else if (item.kind === 'answer') this.#isAnswered(item)
      else this.#isRefused(item)
    }
  }

  /** What is said about a message comes in the order of its items, and all of it comes. */
  #checkDue(said: readonly Said[]): void {
    const errors = said.filter(
      (item): item is Extract<Said, { kind: 'error' }> =>
        item.kind === 'error' && AT_ONCE.has(item.code),
    )
    let at = 0
    const isMade = (parent: number | undefined): boolean =>
      parent === undefined || said.some(({ kind, id }) => kind === 'call' && id === parent)
    for (const { errors: due, orWaits, parent, call } of this.#due) {
      const error = errors[at]
      if (error !== undefined && due.some((each) => isThat(error, each))) {
        at++
        if (call !== undefined && error.code === -32_008) this.#isOrphaned(call)
        this.#count(`error ${error.code}`)
      } else if (orWaits !== undefined && isMade(parent)) this.#waits(orWaits)
      else throw new Violation(`due is ${JSON.stringify(due)}, not ${JSON.stringify(error)}`)
    }
    const extra = errors[at]
    if (extra !== undefined) throw new Violation(`not due: ${JSON.stringify(extra)}`)
    this.#due = []
  }

  #isAsked({ id, method, ra }: Extract<Said, { kind: 'call' }>): void {
    if (!Object.hasOwn(DOWN_CALLS, method)) throw new Violation(`it calls ${method}`)
    if (this.asked.has(id)) throw new Violation(`it calls with id ${id}, which is open`)
    this.asked.set(id, method)
    if (ra !== undefined && this.ras.length < 64) this.ras.push(ra)
    this.#count(`call ${method}`)
  }

  #isAnswered({ id, ret }: Extract<Said, { kind: 'answer' }>): void {
    const [call] = this.open.get(id) ?? []
    const method = this.#ends(id, `ret ${ret}`)
    if (!Number.isSafeInteger(ret)) throw new Violation(`${method}: ret ${ret}`)
    if (!this.hasSession && method !== 'SESSION_OPEN')
      throw new Violation(`${method} was served without a session`)
    if (call !== undefined && method === 'SESSION_OPEN') this.#hasOpened(call)
    this.#count('answer')
  }

  #hasOpened(call: Waiting): void {
    if (!this.hasSession) this.answers.begins(call)
    this.hasSession = true
  }

  #isRefused({ id, code, message, data }: Extract<Said, { kind: 'error' }>): void {
    if (SENTENCES.get(code) !== message) throw new Violation(`error ${code} says ${message}`)
    for (const value of Object.values(data))
      if (typeof value === 'object' && value !== null) throw new Violation(`data of ${code}`)
    if (code === -32_008) this.#isOrphan(id)
    if (AT_ONCE.has(code)) return
    if (!INSTEAD.has(code)) throw new Violation(`error ${code} is none for a call`)
    const calls = [...this.open.values()].flat().length + this.#lost.size
    if (code === -32_003 && calls < this.#callsMax) throw new Violation(`too many calls: ${calls}`)
    const method = this.#ends(id, `error ${code}`)
    const isFirst = !this.hasSession && method !== 'SESSION_OPEN'
    if (isFirst && code !== -32_002 && code !== -32_003)
      throw new Violation(`${method} without a session: ${code}`)
    this.#count(`error ${code}`)
  }

  #isOrphaned(call: CallVerdict): void {
    this.#refused.set(call.id, [...(this.#refused.get(call.id) ?? []), call])
  }

  /** A call was refused because of its parent; that is its answer, should it come again. */
  #isOrphan(id: number): void {
    // The same id may be refused more than once in a message: in the order of its calls.
    const call = this.#refused.get(id)?.shift()
    if (call === undefined) return
    if (call.method === 'SESSION_OPEN') {
      if (!this.hasSession) this.answers.clear()
    } else this.answers.add(id, { payload: call.payload, outcome: 'error -32008' })
  }

  #ends(id: number, outcome: string): string {
    const waiting = this.open.get(id)
    const call = waiting?.shift()
    if (waiting === undefined || call === undefined)
      throw new Violation(`an answer to call ${id}, which is not open`)
    if (waiting.length === 0) this.open.delete(id)
    const { method, payload, again } = call
    if (again !== undefined) {
      const { outcome: first = outcome } = again
      if (outcome !== first) throw new Violation(`call ${id}: ${first}, and then ${outcome}`)
      if (again.wasLost === true) this.answers.add(id, { payload, outcome })
      this.#count('again')
    } else if (method !== 'SESSION_OPEN') {
      // Repeated, it is as old as it was; given anew, it is the newest. Nobody can tell which from here.
      if (this.#blurred.has(id) && this.answers.get(id) !== undefined) this.#isVague = true
      this.answers.add(id, { payload, outcome })
    } else if (!this.hasSession) this.answers.clear()
    return method
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}
