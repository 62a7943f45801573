/**
 * One end of the nested RPC, the same for both sides: calls of ours stay open while calls of theirs
 * come and go inside them. Source: spec of the wire, section 1.
 *
 * No socket, no timer, no promise: a Transport, a `defer` and callbacks come in by argument. What is
 * said in one turn of the event loop leaves together when `defer` runs the flush.
 *
 * Nothing here catches what `serve` or a `done` throws: that is a mistake of this program, and who
 * called `receive` ends the session for it.
 */
import type { CloseName, WireErrorName } from '../../schemas/errors.ts'
import { CLOSE } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type { CallMessage, Message, Outcome, WireCall } from '../../schemas/messages.ts'
import { CALL_ID_MAX } from '../../schemas/values.ts'
import { invariant, unreachable } from '../lib/assert.ts'
import { IdTable } from '../lib/id-table.ts'
import { Backlog } from './rpc-backlog.ts'
import type { Done, Incoming, News, OpenCall } from './rpc-calls.ts'
import { errorMessage, ServedCall, tellAll } from './rpc-calls.ts'
import type { Codec, Fault, Received, Transport, WireData } from './rpc-codec.ts'
import type { Counters } from './rpc-counters.ts'
import { newCounters } from './rpc-counters.ts'
import { Load } from './rpc-load.ts'
import type { PeerLimits, PeerOptions, Report } from './rpc-options.ts'
import { Outbox } from './rpc-outbox.ts'

export class Peer<Ours extends WireCall, Theirs extends WireCall> {
  readonly counters: Counters = newCounters()
  readonly #codec: Codec<Ours, Theirs>
  readonly #transport: Transport
  readonly #defer: (flush: () => void) => void
  readonly #serve: (incoming: Incoming<Ours, Theirs>) => void
  readonly #report: (report: Report) => void
  readonly #limits: PeerLimits
  readonly #outbox: Outbox<Ours, Theirs>
  readonly #ours = new IdTable<OpenCall<Ours, Theirs>>()
  readonly #theirs = new IdTable<ServedCall<Ours, Theirs>>()
  readonly #ourLoad: Load
  readonly #theirLoad: Load
  /** Calls of ours that were refused here: their callers are told with the next flush. */
  #refused: News[] = []
  #nextId: number
  #backlog = new Backlog<Theirs>()
  #flushing = false
  #ended = false

  constructor(options: PeerOptions<Ours, Theirs>) {
    const { codec, transport, defer, serve, report, limits, firstId } = options
    this.#codec = codec
    this.#transport = transport
    this.#defer = defer
    this.#serve = serve
    this.#report = report ?? (() => undefined)
    this.#limits = limits ?? LIMITS
    this.#ourLoad = new Load(this.#limits)
    this.#theirLoad = new Load(this.#limits)
    this.#nextId = firstId ?? 1
    this.#outbox = new Outbox(codec, transport, this.counters, options.itemsPerSend)
  }

  /** Calls of ours that wait for their answer. */
  get callsOpen(): number {
    return this.#ours.size
  }

  /** Calls of theirs that wait for ours. */
  get callsServed(): number {
    return this.#theirs.size
  }

  /** The connection is over: calls get CONNECTION_LOST, answers go nowhere. */
  get ended(): boolean {
    return this.#ended
  }

  /** Top-level calls that may still be made before TOO_MANY_CALLS. */
  get room(): number {
    return this.#ourLoad.room
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
    if (this.#ourLoad.isFull(caller !== undefined)) {
      this.#refuse('TOO_MANY_CALLS', done)
      return
    }
    const id = this.#takeId()
    this.#ours.add({ id, body, caller, done })
    this.#ourLoad.count(caller !== undefined, 1)
    this.counters.callsSent += 1
    this.#say({ kind: 'call', id, parent, body })
  }

  /** Takes one message of the other side. */
  receive(data: WireData): void {
    if (this.#ended) return
    this.counters.messagesReceived += 1
    this.counters.bytesReceived += data.length
    if (this.#backlog.isEmpty) this.#takeAll(this.#codec.decode(data, this.#bodyOf))
    else this.#backlog.messages.push(data)
  }

  /** Goes on with what was left when the transport became congested. */
  resume(): void {
    const { items, messages } = this.#backlog
    this.#backlog = new Backlog()
    this.#takeAll(items)
    for (const message of messages) {
      if (this.#ended) return
      if (this.#backlog.isEmpty) this.#takeAll(this.#codec.decode(message, this.#bodyOf))
      else this.#backlog.messages.push(message)
    }
  }

  /** Sends what is queued now instead of at the end of the turn. */
  flush(): void {
    this.#flushing = false
    const refused = this.#refused
    this.#refused = []
    if (!this.#ended) this.#outbox.send()
    if (!this.#ended && this.#transport.bufferedAmount > this.#limits.sendBufferBytesMax)
      this.close('SLOW_READER')
    tellAll(refused)
  }

  /** Closes the connection for a reason of the list, after sending what is queued. */
  close(reason: CloseName): void {
    if (this.#ended) return
    if (reason === 'SHUTTING_DOWN') this.#failServed(reason)
    if (reason !== 'SLOW_READER') this.#outbox.send()
    const { code, text } = CLOSE[reason]
    this.#transport.close(code, text)
    this.end()
  }

  /** The connection is gone. Every open call of ours ends with CONNECTION_LOST. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#backlog = new Backlog()
    const open = this.#ours.values()
    this.#ours.clear()
    this.#theirs.clear()
    this.counters.itemsDropped += this.#outbox.clear()
    tellAll(open.map(({ id, done }) => ({ done, outcome: errorMessage('CONNECTION_LOST', id) })))
  }

  /** Tells the other side about its open calls; what they are answered later goes nowhere. */
  #failServed(error: WireErrorName): void {
    for (const { id } of this.#theirs.values()) this.#outbox.push(errorMessage(error, id))
    this.counters.errorsSent += this.#theirs.size
  }

  #takeAll(items: readonly Received<Theirs>[]): void {
    for (let at = 0; at < items.length; at++) {
      if (this.#transport.congested === true) {
        this.#backlog = new Backlog(items.slice(at))
        return
      }
      this.#take(items[at] as Received<Theirs>)
      if (this.#ended) return
    }
  }

  readonly #bodyOf = (id: number): Ours | undefined => this.#ours.get(id)?.body

  readonly #flushLater = (): void => {
    if (this.#flushing) this.flush()
  }

  #schedule(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#defer(this.#flushLater)
  }

  #say(message: Message<Ours>): void {
    this.#outbox.push(message)
    this.#schedule()
  }

  #refuse(error: WireErrorName, done: Done): void {
    this.#refused.push({ done, outcome: errorMessage(error, 0) })
    this.#schedule()
  }

  /** The next id that no open call of ours has. */
  #takeId(): number {
    let id = this.#nextId
    while (this.#ours.has(id)) id = id === CALL_ID_MAX ? 1 : id + 1
    this.#nextId = id === CALL_ID_MAX ? 1 : id + 1
    return id
  }

  #take(item: Received<Theirs>): void {
    switch (item.kind) {
      case 'call':
        this.#accept(item)
        return
      case 'answer':
        this.counters.answersReceived += 1
        this.#finish(item)
        return
      case 'error':
        this.counters.errorsReceived += 1
        if (item.id === 0) this.#report({ kind: 'complaint', text: `${item.code} ${item.message}` })
        else this.#finish(item)
        return
      case 'fault':
        this.#fault(item)
        return
      case 'stray':
        this.#stray(item.why)
        return
      case 'breakage':
        this.counters.faultsReceived += 1
        this.#report({ kind: 'fault', text: CLOSE[item.close].text })
        this.close(item.close)
        return
      default:
        unreachable(item)
    }
  }

  /** Why a call is not begun; undefined when it is. */
  #refusalOf({ id, parent }: CallMessage<Theirs>): Fault | undefined {
    if (this.#theirs.has(id)) return { kind: 'fault', error: 'ID_IN_USE', id, data: { id } }
    const nested = parent !== 0
    if (nested && !this.#ours.has(parent))
      return { kind: 'fault', error: 'PARENT_UNKNOWN', id, data: { parent } }
    if (!this.#theirLoad.isFull(nested)) return undefined
    const limit = nested ? 'nestedCallsInFlightMax' : 'callsInFlightMax'
    const data = { limit, max: this.#limits[limit] }
    return { kind: 'fault', error: 'TOO_MANY_CALLS', id, data }
  }

  #accept(call: CallMessage<Theirs>): void {
    const refusal = this.#refusalOf(call)
    if (refusal !== undefined) {
      this.#fault(refusal)
      return
    }
    const { id, parent, body } = call
    this.counters.callsReceived += 1
    this.#theirLoad.count(parent !== 0, 1)
    const caller = parent === 0 ? undefined : this.#ours.get(parent)
    const served = new ServedCall(id, body, caller, this.#settle)
    this.#theirs.add(served)
    this.#serve(served)
  }

  readonly #settle = (served: ServedCall<Ours, Theirs>, outcome: Outcome): void => {
    if (this.#ended) {
      this.counters.itemsDropped += 1
      return
    }
    this.#theirs.delete(served.id)
    this.#theirLoad.count(served.caller !== undefined, -1)
    if (outcome.kind === 'answer') this.counters.answersSent += 1
    else this.counters.errorsSent += 1
    this.#say(outcome)
    if (this.#outbox.isHeavy) this.flush()
  }

  #finish(outcome: Outcome): void {
    const call = this.#ours.get(outcome.id)
    if (call === undefined) {
      this.#stray(`call ${outcome.id} is not open`)
      return
    }
    this.#ours.delete(outcome.id)
    this.#ourLoad.count(call.caller !== undefined, -1)
    call.done(outcome)
  }

  #fault({ error, id, data }: Fault): void {
    this.counters.faultsReceived += 1
    this.counters.errorsSent += 1
    // An error with the id of an open call would pass for its answer.
    const message = errorMessage(error, this.#theirs.has(id) ? 0 : id, data)
    this.#say(message)
    this.#report({ kind: 'fault', text: `${message.message} ${JSON.stringify(data ?? {})}` })
  }

  #stray(why: string): void {
    this.counters.straysReceived += 1
    this.#report({ kind: 'stray', text: why })
  }
}
