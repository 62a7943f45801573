/**
 * Writes the calls of a peer down, and puts them back into a new one, before it has a connection: what
 * it then says on its first one is what the other side has not heard of the old peer's.
 */
import type { CallMessage, Outcome, WireCall } from '../../schemas/messages.ts'
import type { Done, Incoming } from './rpc-calls.ts'
import type { Inbox } from './rpc-inbox.ts'
import type { AnswerKey } from './rpc-kept-answers.ts'
import type { OpenCalls } from './rpc-open-calls.ts'
import type { Service } from './rpc-service.ts'

/** Told of everything that has to be written down, as it happens. */
export interface PeerWatch<Ours extends WireCall, Theirs extends WireCall> {
  /** A call came, and is about to be served. */
  came(call: CallMessage<Theirs>): void
  /** It was answered. */
  replied(outcome: Outcome): void
  /** A call was refused before it was served: it gets the same answer if it comes again. */
  refused(key: AnswerKey, outcome: Outcome): void
  /** A call that came counts as never come. */
  forgot(id: number): void
  /** A call of ours got its id. */
  made(id: number, body: Ours): void
}

/** Where a peer's ids are. */
export interface CallMarks {
  /** Id of the next call of ours. */
  readonly nextId: number
  /** Highest id of a call of theirs. */
  readonly highestId: number
  /** Ids of calls that came and count as never come. */
  readonly forgotten: readonly number[]
  /** Every answer that was ever given is among `answers`. */
  readonly isWhole: boolean
}

export class Restoring<Ours extends WireCall, Theirs extends WireCall> {
  readonly #ours: OpenCalls<Ours, Theirs>
  readonly #theirs: Inbox<Ours, Theirs>
  readonly #service: Service<Ours, Theirs>

  constructor(
    ours: OpenCalls<Ours, Theirs>,
    theirs: Inbox<Ours, Theirs>,
    service: Service<Ours, Theirs>,
  ) {
    this.#ours = ours
    this.#theirs = theirs
    this.#service = service
  }

  get marks(): CallMarks {
    const { highest: highestId, forgotten, answers } = this.#theirs
    const isWhole = answers?.isWhole === true
    return { nextId: this.#ours.nextId, highestId, forgotten: [...forgotten], isWhole }
  }

  /** Calls of theirs that are not answered, in the order of their ids. */
  calls(): readonly CallMessage<Theirs>[] {
    return this.#theirs.values().map(({ id, parent, body }) => ({ kind: 'call', id, parent, body }))
  }

  /** Answers that could be given again, the oldest first. */
  answers(): Iterable<AnswerKey & { readonly outcome: Outcome }> {
    return this.#theirs.answers?.all() ?? []
  }

  setMarks({ nextId, highestId, forgotten, isWhole }: CallMarks): void {
    this.#ours.nextId = nextId
    this.#theirs.restore(highestId, forgotten, isWhole)
  }

  /** A call came that is not served here; it waits to be claimed by who made it. */
  putCall(call: CallMessage<Theirs>): Incoming<Ours, Theirs> {
    return this.#service.put(call)
  }

  /** The call of theirs of that id that is open. */
  call(id: number): Incoming<Ours, Theirs> | undefined {
    return this.#theirs.get(id)
  }

  /** An answer that was given. */
  putAnswer(key: AnswerKey, outcome: Outcome): void {
    this.#theirs.putAnswer(key, outcome)
  }

  /** A call of ours was made, with that id; it is made again when there is a connection. */
  putAsk(id: number, body: Ours, parent: number, done: Done): void {
    const caller = parent === 0 ? undefined : this.#theirs.get(parent)
    this.#ours.nextId = id
    this.#ours.add(body, caller, done, this.#theirs.answers?.total ?? 0)
  }

  /** The call of ours of that id was answered. */
  finish(id: number): void {
    this.#ours.finish(id)
  }
}
