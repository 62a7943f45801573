/** The calls that a peer has open: its own, and the other side's that it is serving. */

import type { WireErrorName } from '../../schemas/errors.ts'
import { WIRE_ERROR } from '../../schemas/errors.ts'
import type {
  AnswerOutput,
  ErrorData,
  ErrorMessage,
  Outcome,
  WireCall,
} from '../../schemas/messages.ts'
import { invariant } from '../lib/assert.ts'

/** Told once how a call ended. */
export type Done = (outcome: Outcome) => void

/** A call on the stack of calls that another one was made in. */
export interface Ancestor<Ours, Theirs> {
  readonly by: 'us' | 'them'
  readonly id: number
  readonly body: Ours | Theirs
}

/** A call of the other side, to be answered once: now or later, in any order. */
export interface Incoming<Ours, Theirs> {
  readonly id: number
  /** The id of our call it was made in; 0 for none. */
  readonly parent: number
  readonly body: Theirs
  /** Answers with a return code of the ABI. */
  answer(ret: number, output?: AnswerOutput): void
  /** Answers with an error: what no return code can say. */
  fail(error: WireErrorName, data?: ErrorData): void
  /** The calls this one was made in, the innermost first. */
  ancestors(): readonly Ancestor<Ours, Theirs>[]
  /** For tests of failures: the answer, when it is given, is lost on its way, as if the line broke. */
  lose(): void
  /** For tests of failures: the call counts as never come, and may come again. Nobody answers it. */
  forget(): void
}

/** Who keeps the calls of the other side. */
export interface Keeper<Ours, Theirs extends WireCall> {
  settle(served: ServedCall<Ours, Theirs>, outcome: Outcome): void
  forget(served: ServedCall<Ours, Theirs>): void
}

/** A call of ours that waits for its answer. */
export interface OpenCall<Ours, Theirs extends WireCall> {
  readonly id: number
  readonly body: Ours
  /** The call of theirs it was made in. */
  readonly caller: ServedCall<Ours, Theirs> | undefined
  readonly done: Done
  /** Answers of ours that had been given before: its place among them, should it be sent again. */
  readonly after: number
}

/** The error message for an entry of the list; `id` 0 when it belongs to no call. */
export const errorMessage = (error: WireErrorName, id: number, data?: ErrorData): ErrorMessage => {
  const { code, text: message } = WIRE_ERROR[error]
  return data === undefined
    ? { kind: 'error', id, code, message }
    : { kind: 'error', id, code, message, data }
}

/** A call of theirs, from its arrival to its answer. */
export class ServedCall<Ours, Theirs extends WireCall> implements Incoming<Ours, Theirs> {
  readonly id: number
  readonly body: Theirs
  /** The call of ours it was made in. */
  readonly caller: OpenCall<Ours, Theirs> | undefined
  /** Fingerprint, to know it again. */
  readonly low: number
  readonly high: number
  /**
   * The other side waits for the answer on this connection. After a resume it does so when it has
   * sent the call again, and not before: else it would get the answer twice.
   */
  isClaimed = true
  readonly #keeper: Keeper<Ours, Theirs>
  #open = true

  /** `keeper` is told of the one answer. */
  constructor(
    { id, body }: { readonly id: number; readonly body: Theirs },
    caller: OpenCall<Ours, Theirs> | undefined,
    { low, high }: { readonly low: number; readonly high: number },
    keeper: Keeper<Ours, Theirs>,
  ) {
    this.id = id
    this.body = body
    this.caller = caller
    this.low = low
    this.high = high
    this.#keeper = keeper
  }

  get parent(): number {
    return this.caller?.id ?? 0
  }

  answer(ret: number, output?: AnswerOutput): void {
    const { id } = this
    const { call } = this.body
    // Most answers are a code, and to spread nothing costs as much as all the rest of it.
    if (output === undefined) this.#end({ kind: 'answer', id, call, ret })
    else this.#end({ kind: 'answer', id, call, ret, ...output })
  }

  fail(error: WireErrorName, data?: ErrorData): void {
    this.#end(errorMessage(error, this.id, data))
  }

  ancestors(): readonly Ancestor<Ours, Theirs>[] {
    const stack: Ancestor<Ours, Theirs>[] = []
    let ours = this.caller
    while (ours !== undefined) {
      stack.push({ by: 'us', id: ours.id, body: ours.body })
      const theirs = ours.caller
      if (theirs === undefined) break
      stack.push({ by: 'them', id: theirs.id, body: theirs.body })
      ours = theirs.caller
    }
    return stack
  }

  lose(): void {
    this.isClaimed = false
  }

  forget(): void {
    invariant(this.#open, 'a served call is forgotten before its answer')
    this.#open = false
    this.#keeper.forget(this)
  }

  #end(outcome: Outcome): void {
    invariant(this.#open, 'a served call is answered once')
    this.#open = false
    this.#keeper.settle(this, outcome)
  }
}

/** An outcome on its way to who waits for it. */
export interface News {
  readonly done: Done
  readonly outcome: Outcome
}

/** Tells everybody, also when one of them throws: what the first one threw is thrown at the end. */
export function tellAll(news: readonly News[]): void {
  const thrown: unknown[] = []
  for (const { done, outcome } of news) {
    try {
      done(outcome)
    } catch (error) {
      thrown.push(error)
    }
  }
  if (thrown.length > 0) throw thrown[0]
}
