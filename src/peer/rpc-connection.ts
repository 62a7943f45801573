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
    this.#outbox.push(item)
  }

  /** Sends what is queued. */
  send(): void {
    if (!this.#ended) this.#outbox.send()
  }

  /** Says goodbye; what is queued goes first, unless nobody reads it or it goes elsewhere. */
  close(reason: CloseName): void {
    if (this.#ended) return
    if (reason !== 'SLOW_READER' && reason !== 'FENCED') this.#outbox.send()
    const { code, text } = CLOSE[reason]
    this.#transport.close(code, text)
    this.drop()
  }

  /** The connection is gone; what was queued is forgotten. */
  drop(): void {
    if (this.#ended) return
    this.#ended = true
    this.#backlog = new Backlog()
    this.#taker.counters.itemsDropped += this.#outbox.clear()
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
