/**
 * How calls survive their connection. Source: spec of the wire, section 4.
 *
 * **Peer and connection.** A Peer (rpc-peer.ts) is what lasts as long as a session: the calls that are
 * open both ways, the answers it gave last, its ids. A Connection (rpc-connection.ts) is what ends with
 * a socket: codec, outbox, backlog. A peer speaks on one connection at a time, or on none:
 *
 *     new Peer ──► attached ── detach(): the line broke ──► detached ── end() ──► ended: every open
 *                     ▲  │                                      │                 call of ours fails
 *                     │  └── adopt(): fences the old one ──┐    │                 with CONNECTION_LOST
 *                     └────────────────────────────────────┴────┘
 *
 * Without `outlives`, detached is ended: calls share the fate of their connection, nothing is kept.
 *
 * **Detached**, calls are made and answers are given as always, and only noted: calls in the table of
 * open ones (rpc-open-calls.ts), answers in a ring (rpc-kept-answers.ts). Nothing else remembers them;
 * what waited in the outbox, or was not taken in yet, is dropped with the connection.
 *
 * **Resume.** Every connection begins with a peer of its own, which speaks of SESSION_OPEN and of
 * nothing else. When that names a session, the session's peer adopts the fresh one's connection. If it
 * still has another one, that is fenced: nothing that comes on it counts any more. Then both sides send
 * every call of theirs that has no answer again, with its id, in the order in which they were made.
 * Who gets a call again (rpc-inbox.ts) does not begin it twice: it joins the one that is under way, or
 * repeats the answer byte for byte. Answers go only to calls that have come again on this connection,
 * so that none is given twice on it.
 *
 * **Ids** count up from 1, and go round after 2^32 - 1. A connection delivers in order, so what was
 * lost is always the end of what was said: an id above the highest one that came is new, any other
 * one was begun before. Two things are far apart enough never to be mixed up: the ring keeps fewer
 * answers than OpenCalls lets pass before it uses an id again.
 *
 * **Order.** A client says in SESSION_OPEN how many calls it sends again, and sends them at once. The
 * hypervisor says nothing until it has them all; then it says again what was lost, answers and calls,
 * in the order in which it was said first: an answer has its number in the ring, a call knows how many
 * answers were given before it. So what an ultravisor is told keeps its order, whether the line broke
 * or not. If they do not all come in time, whoever has told the peer so (PeerOptions.waits) ends the
 * connection: to go on without them would break the order. A client that says no number is sent the hypervisor's calls first. The other way only calls
 * keep their order: they are what the hypervisor queues, and its queues do not end before their
 * answers come.
 *
 * **How much is kept.** A peer that keeps to callsInFlightMax and nestedCallsInFlightMax can have lost
 * no more answers than answersKeptMax, their sum. Bytes of pages in answers have a limit of their own.
 * What is too long ago is refused with ANSWER_FORGOTTEN: nobody can know whether it was executed.
 */
import type { CloseName } from '../../schemas/errors.ts'
import type { Message, Outcome, WireCall } from '../../schemas/messages.ts'
import { present } from '../lib/assert.ts'
import type { OpenCall } from './rpc-calls.ts'

/** Ends of a connection after which its session may go on with another one. */
export const RESUMABLE: ReadonlySet<CloseName> = new Set([
  'SLOW_READER',
  'PONG_MISSING',
  'FENCED',
  'RESTARTING',
  'DISK_FAILED',
  'RESUME_LATE',
])

/** The answers that were given to the other side. */
export interface Given {
  /**
   * Answers that had been given before that to a call which came: -1 when it is not kept any more,
   * undefined when there is none.
   */
  numberOf(id: number): number | undefined
  /** The answer to a call that was answered, or that it is forgotten. */
  answerTo(id: number): Outcome
}

/**
 * What is said again leaves in parts of so much of the send buffer: one that has not left, the next one,
 * and what base64 adds to it stay below the mark at which a slow reader is cut.
 */
export const RESUME_PARTS = 4

export class Resume {
  readonly #waits: (isWaiting: boolean) => void
  /** Calls that the other side has still to send again; until then nothing is said. */
  #awaited = 0
  /** Ids of those that it has sent again. */
  #again: number[] = []

  /** `waits` is told when nothing is said any more until calls have come, and when that is over. */
  constructor(waits: (isWaiting: boolean) => void = () => undefined) {
    this.#waits = waits
  }

  /** True while nothing is to be said yet. */
  get isWaiting(): boolean {
    return this.#awaited > 0
  }

  /** A new connection, on which so many calls come again. */
  begin(unanswered: number): void {
    const { isWaiting } = this
    this.#awaited = unanswered
    this.#again = []
    if (isWaiting || this.isWaiting) this.#waits(this.isWaiting)
  }

  /** A call has come, 0 for one that is not to be answered; true when no other is waited for. */
  came(id: number): boolean {
    if (id !== 0) this.#again.push(id)
    this.#awaited--
    if (this.#awaited > 0) return false
    this.#waits(false)
    return true
  }

  /** What is to be said again, in the order in which it was said first. */
  *say<Ours extends WireCall>(
    calls: readonly OpenCall<Ours, WireCall>[],
    given: Given,
  ): Generator<Message<Ours>> {
    const again = this.#inOrder(given)
    let at = 0
    for (const { id, body, caller, after } of calls) {
      for (; at < again.length; at++) {
        const answered = present(again[at], 'a call that came again')
        if (answered.number >= after) break
        yield given.answerTo(answered.id)
      }
      yield { kind: 'call', id, parent: caller?.id ?? 0, body }
    }
    for (const { id } of again.slice(at)) yield given.answerTo(id)
  }

  /** Calls that have come again and were answered, in the order of their answers. */
  #inOrder(given: Given): readonly { readonly id: number; readonly number: number }[] {
    const ids = [...new Set(this.#again)]
    this.#again = []
    return ids
      .flatMap((id) => {
        const number = given.numberOf(id)
        return number === undefined ? [] : [{ id, number }]
      })
      .sort((a, b) => a.number - b.number)
  }
}
