/**
 * What one client knows about its connection: which of its calls are open, which calls of the
 * hypervisor it has not answered, what it must be told next. It is shown everything that is sent and
 * everything that comes, and throws a Violation when something comes that must not, or does not come
 * that must.
 */
import { documentAt } from './documents.ts'
import type { Verdict } from './reference-json.ts'
import { AT_ONCE, DOWN_CALLS, INSTEAD } from './wire-tables.ts'

/** Something that the hypervisor has said, in either subprotocol. */
export type Said =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly parent: number
      readonly method: string
      /** As `0x…`. */
      readonly ra: string | undefined
      /** Of the page that comes with it. */
      readonly tag: bigint | undefined
    }
  | { readonly kind: 'answer'; readonly id: number; readonly ret: number }
  | {
      readonly kind: 'error'
      /** 0 for none. */
      readonly id: number
      readonly code: number
      readonly message: string
      readonly data: Readonly<Record<string, unknown>>
    }

/** The hypervisor did what it must not. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Of these errors one has to come. */
interface Due {
  readonly errors: readonly {
    readonly code: number
    /** Ids that it may have. */
    readonly ids: readonly number[]
  }[]
  /** It may also not come: then this call was begun. */
  readonly orBegins?: { readonly id: number; readonly method: string }
  /** It is begun only if the hypervisor has meanwhile made the call with this id: its parent. */
  readonly parent?: number
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
  /** Calls of ours that wait, by id: how many have been begun with it. */
  readonly open = new Map<number, string[]>()
  /** Calls of the hypervisor that wait for us, by id. */
  readonly asked = new Map<number, string>()
  /** RAs that the hypervisor has named. */
  readonly ras: string[] = []
  /** What came of items, by what they were. */
  readonly counts = new Map<string, number>()
  hasSession = false
  readonly #callsMax: number
  #due: Due[] = []
  #closes: number[] = []

  constructor(callsMax: number) {
    this.#callsMax = callsMax
  }

  /** Codes that the connection may end with now; none: it must go on. */
  get closes(): readonly number[] {
    return this.#closes
  }

  /** A message is about to be sent. */
  sends(verdicts: readonly Verdict[]): void {
    this.#due = []
    this.#closes = []
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
    if (!this.open.has(id)) return [id]
    return before.has(id) && !replied ? [0] : [0, id]
  }

  #begins(
    { id, parent, method }: Extract<Verdict, { kind: 'call' }>,
    before: ReadonlySet<number>,
    replied: boolean,
  ): void {
    const hasNoParent = parent !== 0 && !this.asked.has(parent)
    const inUse = { code: -32_007, ids: [0] }
    const unknown = { code: -32_008, ids: [id] }
    if (this.open.has(id)) {
      const isSure = before.has(id) && !replied
      if (isSure) this.#due.push({ errors: [inUse] })
      else if (hasNoParent)
        this.#due.push({ errors: [inUse, unknown], orBegins: { id, method }, parent })
      else this.#due.push({ errors: [inUse], orBegins: { id, method } })
    } else if (hasNoParent) {
      this.#due.push({ errors: [unknown], orBegins: { id, method }, parent })
    } else this.#begin(id, method)
  }

  #begin(id: number, method: string): void {
    this.open.set(id, [...(this.open.get(id) ?? []), method])
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
    for (const { errors: due, orBegins, parent } of this.#due) {
      const error = errors[at]
      if (due.some(({ code, ids }) => error?.code === code && ids.includes(error.id))) {
        at++
        this.#count(`error ${error?.code}`)
      } else if (orBegins !== undefined && isMade(parent)) this.#begin(orBegins.id, orBegins.method)
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
    const method = this.#ends(id)
    if (!Number.isSafeInteger(ret)) throw new Violation(`${method}: ret ${ret}`)
    if (!this.hasSession && method !== 'SESSION_OPEN')
      throw new Violation(`${method} was served without a session`)
    if (method === 'SESSION_OPEN') this.hasSession = true
    this.#count('answer')
  }

  #isRefused({ id, code, message, data }: Extract<Said, { kind: 'error' }>): void {
    if (SENTENCES.get(code) !== message) throw new Violation(`error ${code} says ${message}`)
    for (const value of Object.values(data))
      if (typeof value === 'object' && value !== null) throw new Violation(`data of ${code}`)
    if (AT_ONCE.has(code)) return
    if (!INSTEAD.has(code)) throw new Violation(`error ${code} is none for a call`)
    const calls = [...this.open.values()].reduce((sum, each) => sum + each.length, 0)
    if (code === -32_003 && calls < this.#callsMax) throw new Violation(`too many calls: ${calls}`)
    const method = this.#ends(id)
    const isFirst = !this.hasSession && method !== 'SESSION_OPEN'
    if (isFirst && code !== -32_002 && code !== -32_003)
      throw new Violation(`${method} without a session: ${code}`)
    this.#count(`error ${code}`)
  }

  #ends(id: number): string {
    const methods = this.open.get(id)
    const method = methods?.shift()
    if (methods === undefined || method === undefined)
      throw new Violation(`an answer to call ${id}, which is not open`)
    if (methods.length === 0) this.open.delete(id)
    return method
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}
