/**
 * What one side has to say: gathered while a turn of the event loop lasts, then sent as few
 * messages as the limits allow, in the order it was said.
 */
import type { Message, WireCall } from '../../schemas/messages.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import type { Codec, Transport } from './rpc-codec.ts'
import type { Counters } from './rpc-counters.ts'

/** Pages of bytes that are gathered before they are sent: a message, for the other side to begin with. */
const HEAVY_PAGES = 4
/** Messages after one with pages that may be about these: a window's worth of answers and calls. */
const BRISK_MESSAGES = 64

export class Outbox<Ours extends WireCall, Theirs extends WireCall> {
  readonly #codec: Codec<Ours, Theirs>
  readonly #transport: Transport
  /** Of the peer that speaks here. */
  counters: Counters
  readonly #itemsPerSend: number
  #items: Message<Ours>[] = []
  /** Answers that hold up to a page of bytes. */
  #pages = 0
  /** Messages that are still to be sent without delay. */
  #brisk = 0
  /** Id of the first call that waits; 0 for none. */
  #firstCall = 0

  constructor(
    codec: Codec<Ours, Theirs>,
    transport: Transport,
    counters: Counters,
    itemsPerSend = Number.POSITIVE_INFINITY,
  ) {
    this.#itemsPerSend = itemsPerSend
    this.#codec = codec
    this.#transport = transport
    this.counters = counters
  }

  /** Queues an item; it leaves with the next `send`, or at once when many have been gathered. */
  push(item: Message<Ours>): void {
    this.#items.push(item)
    if (item.kind === 'call' && this.#firstCall === 0) this.#firstCall = item.id
    if (this.#items.length >= this.#itemsPerSend) {
      this.send()
      return
    }
    if (item.kind === 'answer' && (item.bytes ?? item.page) instanceof Uint8Array) this.#pages++
  }

  /** Whether the call of that id may wait here: ids go round, and calls are sent in their order. */
  mayHold(id: number): boolean {
    return this.#firstCall !== 0 && ((id - this.#firstCall) | 0) >= 0
  }

  /**
   * Pages of bytes were sent lately: what is said about one lets the other side go on while we work on
   * the next, and if it had to wait for the end of our turn, it would have nothing to do meanwhile.
   */
  get isBrisk(): boolean {
    return this.#brisk > 0
  }

  /** Enough pages for a message wait: sending now shows whether the other side takes them. */
  get isHeavy(): boolean {
    return this.#pages >= HEAVY_PAGES
  }

  /** Sends what is queued. */
  send(): void {
    const items = this.#items
    if (items.length === 0) return
    this.#items = []
    this.#pages = 0
    this.#firstCall = 0
    let next = 0
    while (next < items.length) {
      const message = this.#codec.encode(items, next)
      this.counters.messagesSent += 1
      this.counters.bytesSent += message.data.length
      const isPage = message.data.length > PAGE_SIZE
      this.#brisk = isPage ? BRISK_MESSAGES : Math.max(0, this.#brisk - 1)
      this.#transport.send(message.data, message.sent)
      next = message.next
    }
  }

  /** Forgets what is queued; says how many items that were. */
  clear(): number {
    const { length } = this.#items
    this.#items = []
    this.#firstCall = 0
    return length
  }
}
