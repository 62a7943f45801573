/**
 * One end of the nested RPC, the same for both sides: calls of ours stay open while calls of theirs
 * come and go inside them. Source: spec of the wire, sections 1 and 4.
 * It outlives its connections, if it is told to: rpc-resume.ts says how.
 *
 * No socket, no timer, no promise: a Transport, a `defer` and callbacks come in by argument. What is
 * said in one turn of the event loop leaves together when `defer` runs the flush.
 *
 * Nothing here catches what `serve` or a `done` throws: that is a mistake of this program, and who
 * called `receive` ends the session for it.
 */
import type { CloseName, WireErrorName } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type { ErrorMessage, Message, Outcome, WireCall } from '../../schemas/messages.ts'
import { invariant, unreachable } from '../lib/assert.ts'
import { type Done, errorMessage, type News, tellAll } from './rpc-calls.ts'
import type { Fault, Received, WireData } from './rpc-codec.ts'
import { Complaints } from './rpc-complaints.ts'
import { Connection, type Taker } from './rpc-connection.ts'
import { type Counters, newCounters } from './rpc-counters.ts'
import { Inbox } from './rpc-inbox.ts'
import { OpenCalls } from './rpc-open-calls.ts'
import type { PeerLimits, PeerOptions } from './rpc-options.ts'
import { Restoring } from './rpc-restore.ts'
import { RESUMABLE, RESUME_PARTS, Resume } from './rpc-resume.ts'
import { Service } from './rpc-service.ts'

export class Peer<Ours extends WireCall, Theirs extends WireCall> implements Taker<Ours, Theirs> {
  readonly counters: Counters = newCounters()
  /** To write the calls down, and to put them back. */
  readonly restoring: Restoring<Ours, Theirs>
  readonly #defer: (flush: () => void) => void
  readonly #complaints: Complaints
  readonly #limits: PeerLimits
  readonly #outlives: boolean
  readonly #ours: OpenCalls<Ours, Theirs>
  readonly #theirs: Inbox<Ours, Theirs>
  readonly #service: Service<Ours, Theirs>
  readonly #resume: Resume
  #connection: Connection<Ours, Theirs> | undefined
  /** Calls of ours that were refused here: their callers are told with the next flush. */
  #refused: News[] = []
  #flushing = false
  #ended = false

  constructor(options: PeerOptions<Ours, Theirs>) {
    const { codec, transport, defer, serve, report, limits, firstId, itemsPerSend } = options
    this.#defer = defer
    this.#complaints = new Complaints(this.counters, report)
    this.#limits = limits ?? LIMITS
    this.#outlives = options.outlives === true
    this.#resume = new Resume(options.waits)
    this.#theirs = new Inbox(this.#limits, this.#outlives)
    this.#ours = new OpenCalls(this.#limits, firstId ?? 1, options.watch)
    this.#service = new Service(this.#theirs, {
      counters: this.counters,
      serve,
      ours: (id) => this.#ours.get(id),
      answer: (outcome) => this.#answer(outcome),
      note: (fault) => this.#noteFault(fault),
      hasEnded: () => this.#ended,
      watch: options.watch,
    })
    this.restoring = new Restoring(this.#ours, this.#theirs, this.#service)
    if (transport) this.#connection = new Connection(codec, transport, this, itemsPerSend)
  }

  /** Calls of ours that wait for their answer. */
  get callsOpen(): number {
    return this.#ours.size
  }

  /** Calls of theirs that wait for ours. */
  get callsServed(): number {
    return this.#theirs.size
  }

  /** Nothing will be said or heard any more: calls get CONNECTION_LOST, answers go nowhere. */
  get ended(): boolean {
    return this.#ended
  }

  /** For whoever brings what comes on it; none while the peer waits for another one. */
  get connection(): Connection<Ours, Theirs> | undefined {
    return this.#connection
  }

  /** Top-level calls that may still be made before TOO_MANY_CALLS. */
  get room(): number {
    return this.#ours.room
  }

  /**
   * Calls the other side. `parent` is the id of the call of theirs in whose context this is done, 0
   * for none; it must be open. `done` is called once, and never before `call` returns: with the
   * answer, with the error of the other side, or with TOO_MANY_CALLS, CONNECTION_LOST, BAD_ANSWER.
   */
  call(body: Ours, parent: number, done: Done): void {
    if (this.#ended) {
      this.#refuse('CONNECTION_LOST', done)
      return
    }
    const caller = parent === 0 ? undefined : this.#theirs.get(parent)
    invariant(parent === 0 || caller !== undefined, 'a call is made in an open call or in none')
    if (this.#ours.isFull(caller !== undefined)) {
      this.#refuse('TOO_MANY_CALLS', done)
      return
    }
    const id = this.#ours.add(body, caller, done, this.#theirs.answers?.total ?? 0)
    this.counters.callsSent += 1
    if (this.#connection === undefined || this.#resume.isWaiting) return
    this.#say({ kind: 'call', id, parent, body })
  }

  /** Takes one message of the other side. */
  receive(data: WireData): void {
    this.#connection?.receive(data)
  }

  /** Goes on with what was left when the transport became congested. */
  resume(): void {
    this.#connection?.resume()
  }

  /** Sends what is queued now instead of at the end of the turn. */
  flush(): void {
    this.#flushing = false
    const refused = this.#refused
    this.#refused = []
    const connection = this.#connection
    if (connection !== undefined) {
      connection.send()
      if (connection.bufferedAmount > this.#limits.sendBufferBytesMax) this.close('SLOW_READER')
    }
    tellAll(refused)
  }

  /**
   * Closes the connection for a reason of the list, after sending what is queued. The calls go on
   * only if they outlive their connection and the reason is one that a session survives.
   */
  close(reason: CloseName): void {
    if (this.#ended) return
    if (reason === 'SHUTTING_DOWN') {
      for (const { id } of this.#theirs.values()) this.#connection?.push(errorMessage(reason, id))
      this.counters.errorsSent += this.#theirs.size
    }
    this.#connection?.close(reason)
    if (RESUMABLE.has(reason)) this.detach()
    else this.end()
  }

  /** The connection is gone; the calls wait for another one, or end with it. */
  detach(): void {
    if (this.#ended) return
    if (!this.#outlives) {
      this.end()
      return
    }
    this.#connection?.drop()
    this.#connection = undefined
    this.#resume.begin(0)
  }

  /**
   * Takes over the connection of a peer that has none of its own calls open, and says again what may
   * not have arrived: at once, or when so many calls of the other side have come again.
   */
  adopt(fresh: Peer<Ours, Theirs>, unanswered = 0): void {
    invariant(
      !this.#ended && this.#outlives,
      'only calls that outlive a connection get another one',
    )
    const connection = fresh.#release()
    this.close('FENCED')
    connection.handOver(this)
    this.#connection = connection
    this.counters.resumes += 1
    this.#theirs.resume()
    this.#resume.begin(unanswered)
    if (unanswered === 0) this.#catchUp()
    this.#schedule()
  }

  /** All is over. Every open call of ours ends with CONNECTION_LOST. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#connection?.drop()
    this.#connection = undefined
    const open = this.#ours.inOrder()
    this.#ours.clear()
    this.#theirs.clear()
    tellAll(open.map(({ id, done }) => ({ done, outcome: errorMessage('CONNECTION_LOST', id) })))
  }

  /** The body of a call of ours that waits for its answer. */
  readonly bodyOf = (id: number): Ours | undefined => this.#ours.get(id)?.body

  /** Takes one item; for the connection. */
  take(item: Received<Theirs>): void {
    switch (item.kind) {
      case 'call': {
        const fault = this.#service.accept(item)
        if (fault !== undefined) this.#fault(fault)
        this.#came(fault === undefined ? item.id : 0)
        return
      }
      case 'answer':
        this.counters.answersReceived += 1
        this.#finish(item)
        return
      case 'error':
        this.counters.errorsReceived += 1
        if (item.id === 0) this.#complaints.received(item)
        else this.#finish(item)
        return
      case 'fault':
        this.#fault(item)
        if (item.id !== 0) this.#came(0)
        return
      case 'stray':
        this.#complaints.stray(item.why)
        return
      case 'breakage':
        this.#complaints.breakage(item.close)
        this.close(item.close)
        return
      default:
        unreachable(item)
    }
  }

  /** Gives the connection away, and is over. */
  #release(): Connection<Ours, Theirs> {
    const connection = this.#connection
    invariant(connection !== undefined && this.#ours.size === 0, 'a fresh peer has a connection')
    this.#connection = undefined
    this.end()
    return connection
  }

  readonly #flushLater = (): void => {
    if (this.#flushing) this.flush()
  }

  #schedule(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#defer(this.#flushLater)
  }

  #refuse(error: WireErrorName, done: Done): void {
    this.#refused.push({ done, outcome: errorMessage(error, 0) })
    this.#schedule()
  }

  #say(message: Message<Ours>): void {
    this.#connection?.push(message)
    this.#schedule()
  }

  /** Says an answer, unless it is about to be said in its order. */
  #answer(outcome: Outcome): void {
    if (this.#connection === undefined || this.#resume.isWaiting) return
    this.#say(outcome)
    if (this.#connection?.isHeavy === true) this.flush()
  }

  /** A call has come while a resume may wait for it; 0 when it is not to be answered again. */
  #came(id: number): void {
    if (this.#resume.isWaiting && this.#resume.came(id)) this.#catchUp()
  }

  /** Says again what may have been lost. */
  #catchUp(): void {
    const again = [...this.#resume.say(this.#ours.inOrder(), this.#theirs)]
    for (const { kind } of again) if (kind === 'call') this.counters.callsResent += 1
    this.#connection?.pushInParts(again, this.#limits.sendBufferBytesMax / RESUME_PARTS)
    this.#schedule()
  }

  #finish(outcome: Outcome): void {
    const call = this.#ours.finish(outcome.id)
    if (call === undefined) this.#complaints.stray(`call ${outcome.id} is not open`)
    else call.done(outcome)
  }

  #fault(fault: Fault): void {
    this.#say(this.#noteFault(fault))
  }

  #noteFault(fault: Fault): ErrorMessage {
    // An error with the id of an open call would pass for its answer.
    const isOpen = this.#theirs.get(fault.id) !== undefined
    return this.#complaints.fault(fault, isOpen ? 0 : fault.id)
  }
}
