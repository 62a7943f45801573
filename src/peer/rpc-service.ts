/**
 * Serves the calls of the other side: begins what is new, repeats what comes again, refuses the rest,
 * and passes each answer on, once.
 */
import type { CallMessage, ErrorMessage, Outcome, WireCall } from '../../schemas/messages.ts'
import type { Incoming, Keeper, OpenCall } from './rpc-calls.ts'
import { ServedCall } from './rpc-calls.ts'
import type { Fault } from './rpc-codec.ts'
import type { Counters } from './rpc-counters.ts'
import type { Inbox } from './rpc-inbox.ts'
import type { PeerWatch } from './rpc-restore.ts'

/** What the service needs of its peer. */
export interface ServicePorts<Ours extends WireCall, Theirs extends WireCall> {
  readonly counters: Counters
  readonly serve: (incoming: Incoming<Ours, Theirs>) => void
  /** A call of ours that is open. */
  readonly ours: (id: number) => OpenCall<Ours, Theirs> | undefined
  /** Says an answer, unless it is about to be said in its order. */
  readonly answer: (outcome: Outcome) => void
  /** Counts and reports a fault; what the other side is told of it. */
  readonly note: (fault: Fault) => ErrorMessage
  readonly hasEnded: () => boolean
  /** Told of what has to be written down. */
  readonly watch: PeerWatch<Ours, Theirs> | undefined
}

export class Service<Ours extends WireCall, Theirs extends WireCall>
  implements Keeper<Ours, Theirs>
{
  readonly #inbox: Inbox<Ours, Theirs>
  readonly #ports: ServicePorts<Ours, Theirs>

  constructor(inbox: Inbox<Ours, Theirs>, ports: ServicePorts<Ours, Theirs>) {
    this.#inbox = inbox
    this.#ports = ports
  }

  /** Takes a call; returns what is wrong with it when it can be no call of theirs. */
  accept(call: CallMessage<Theirs>): Fault | undefined {
    const meeting = this.#inbox.meet(call)
    if (typeof meeting !== 'string') return meeting
    if (meeting === 'new') this.#begin(call)
    else this.#repeat(call.id, meeting)
    return undefined
  }

  /** A call is answered; for the call. */
  settle(served: ServedCall<Ours, Theirs>, outcome: Outcome): void {
    const { counters, hasEnded, answer, watch } = this.#ports
    if (hasEnded()) {
      counters.itemsDropped += 1
      return
    }
    this.#inbox.settle(served, outcome)
    if (watch !== undefined && served.body.call !== 'SESSION_OPEN') watch.replied(outcome)
    if (outcome.kind === 'answer') counters.answersSent += 1
    else counters.errorsSent += 1
    if (served.isClaimed) answer(outcome)
  }

  /** A call counts as never come; for the call. */
  forget(served: ServedCall<Ours, Theirs>): void {
    const { hasEnded, watch } = this.#ports
    if (hasEnded()) return
    this.#inbox.forget(served)
    watch?.forgot(served.id)
  }

  /** A call came to a peer of which this one is made again; it is not served here. */
  put(call: CallMessage<Theirs>): ServedCall<Ours, Theirs> {
    this.#inbox.meet(call)
    const caller = call.parent === 0 ? undefined : this.#ports.ours(call.parent)
    const served = new ServedCall(call, caller, this.#inbox.mark, this)
    this.#inbox.add(served)
    return served
  }

  #begin(call: CallMessage<Theirs>): void {
    const { id, parent } = call
    const { counters, serve, ours, answer, note, watch } = this.#ports
    const caller = parent === 0 ? undefined : ours(parent)
    const refusal = this.#inbox.refusalOf(call, parent === 0 || caller !== undefined)
    if (refusal !== undefined) {
      const message = note(refusal)
      if (call.body.call !== 'SESSION_OPEN') {
        this.#inbox.refuse(id, message)
        watch?.refused({ id, low: this.#inbox.mark.low, high: this.#inbox.mark.high }, message)
      }
      answer(message)
      return
    }
    counters.callsReceived += 1
    const served = new ServedCall(call, caller, this.#inbox.mark, this)
    this.#inbox.add(served)
    // Its answer is not written down, so after a crash it would count as open for ever.
    if (call.body.call !== 'SESSION_OPEN') watch?.came(call)
    serve(served)
  }

  /** A call has come again. */
  #repeat(id: number, how: 'open' | 'answered'): void {
    const { counters, answer } = this.#ports
    counters.callsRepeated += 1
    if (how === 'open') return
    counters.answersRepeated += 1
    answer(this.#inbox.answerTo(id))
  }
}
