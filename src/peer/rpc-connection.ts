/**
 * One connection, and only what ends with it: the codec of its subprotocol, the transport, what waits
 * to be sent (outbox), and what came and was not taken in yet (backlog). Calls do not end with it:
 * they belong to the peer that takes what comes here (rpc-peer.ts).
 */
import type { CloseName } from '../../schemas/errors.ts'
import { CLOSE } from '../../schemas/errors.ts'
import type { Message, WireCall } from '../../schemas/messages.ts'
import { Backlog } from './rpc-backlog.ts'
import type { Codec, Received, Transport, WireData } from './rpc-codec.ts'
import type { Counters } from './rpc-counters.ts'
import { Outbox } from './rpc-outbox.ts'
import { Rest } from './rpc-rest.ts'

/** Who takes what comes, item by item. */
export interface Taker<Ours extends WireCall, Theirs extends WireCall> {
  readonly counters: Counters
  /** The body of a call of ours that waits for its answer. */
  readonly bodyOf: (id: number) => Ours | undefined
  take(item: Received<Theirs>): void
}

export class Connection<Ours extends WireCall, Theirs extends WireCall> {
  readonly #codec: Codec<Ours, Theirs>
  readonly #transport: Transport
  readonly #outbox: Outbox<Ours, Theirs>
  #taker: Taker<Ours, Theirs>
  #backlog = new Backlog<Theirs>()
  /** What is said in parts, and all that is said behind it. */
  readonly #rest = new Rest<Ours>()
  #partBytes = 0
  #awaitsDrain = false
  #ended = false

  constructor(
    codec: Codec<Ours, Theirs>,
    transport: Transport,
    taker: Taker<Ours, Theirs>,
    itemsPerSend?: number,
  ) {
    this.#codec = codec
    this.#transport = transport
    this.#taker = taker
    this.#outbox = new Outbox(codec, transport, taker.counters, itemsPerSend)
  }

  get bufferedAmount(): number {
    return this.#transport.bufferedAmount
  }

  /** Enough pages for a message wait: sending now shows whether the other side takes them. */
  get isHeavy(): boolean {
    return this.#outbox.isHeavy
  }

  /** From the next item on another peer takes what comes, and speaks here. */
  handOver(taker: Taker<Ours, Theirs>): void {
    this.#taker = taker
    this.#outbox.counters = taker.counters
  }

  /** Takes one message of the other side. */
  receive(data: WireData): void {
    if (this.#ended) return
    const { counters, bodyOf } = this.#taker
    counters.messagesReceived += 1
    counters.bytesReceived += data.length
    if (this.#backlog.isEmpty) this.#takeAll(this.#codec.decode(data, bodyOf))
    else this.#backlog.messages.push(data)
    if (this.#outbox.isBrisk) this.send()
  }

  /** Goes on with what was left when the transport became congested. */
  resume(): void {
    if (!this.#rest.isOver) this.send()
    const { items, messages } = this.#backlog
    this.#backlog = new Backlog()
    this.#takeAll(items)
    for (const message of messages) {
      if (this.#ended) return
      if (this.#backlog.isEmpty) this.#takeAll(this.#codec.decode(message, this.#taker.bodyOf))
      else this.#backlog.messages.push(message)
    }
  }

  /** Queues an item for the next `send`. */
  push(item: Message<Ours>): void {
    if (this.#rest.isOver) this.#outbox.push(item)
    else this.#rest.add(item)
  }

  /**
   * Queues items of which no more are to wait in the transport than that: in parts of so many bytes.
   */
  pushInParts(items: Iterable<Message<Ours>>, partBytes: number): void {
    this.#partBytes = partBytes
    for (const item of items) this.#rest.add(item)
  }

  /** Sends what is queued. */
  send(): void {
    if (this.#ended) return
    this.#outbox.send()
    while (!this.#rest.isOver && !this.#mustWait()) {
      for (const item of this.#rest.part(this.#partBytes, this.#isOpen)) this.#outbox.push(item)
      this.#outbox.send()
    }
  }

  /** Says goodbye; what is queued goes first, unless nobody reads it or it goes elsewhere. */
  close(reason: CloseName): void {
    if (this.#ended) return
    if (reason !== 'SLOW_READER' && reason !== 'FENCED') this.#sendAll()
    const { code, text } = CLOSE[reason]
    this.#transport.close(code, text)
    this.drop()
  }

  /** The connection is gone; what was queued is forgotten. */
  drop(): void {
    if (this.#ended) return
    this.#ended = true
    this.#backlog = new Backlog()
    this.#taker.counters.itemsDropped += this.#outbox.clear() + this.#rest.clear()
  }

  readonly #isOpen = (id: number): boolean => this.#taker.bodyOf(id) !== undefined

  /** Nobody comes back for what is said after this. */
  #sendAll(): void {
    const rest = this.#rest.part(Number.POSITIVE_INFINITY, this.#isOpen)
    for (const item of rest) this.#outbox.push(item)
    this.#outbox.send()
  }

  /**
   * The last part has not left yet, and it will be told when it has: by `resume` if the transport is
   * congested, or by the transport. One that can do neither is told everything.
   */
  #mustWait(): boolean {
    const transport = this.#transport
    if (this.#awaitsDrain || transport.congested === true) return true
    if (transport.bufferedAmount <= this.#partBytes || transport.whenDrained === undefined)
      return false
    this.#awaitsDrain = true
    transport.whenDrained(() => {
      this.#awaitsDrain = false
      this.send()
    })
    return true
  }

  #takeAll(items: readonly Received<Theirs>[]): void {
    for (let at = 0; at < items.length; at++) {
      if (this.#transport.congested === true) {
        this.#backlog = new Backlog(items.slice(at))
        return
      }
      const item = items[at] as Received<Theirs>
      // An answer with a guessed id: a call leaves as it was made, before it is over.
      const ends = item.kind === 'answer' || item.kind === 'error'
      if (ends && this.#outbox.mayHold(item.id)) this.#outbox.send()
      this.#taker.take(item)
      if (this.#ended) return
    }
  }
}
