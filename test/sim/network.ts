/**
 * A virtual network: connections that carry whole messages in order, late or not at all, with ends
 * that read slowly and notice late that the other one is gone.
 */

import type { Prng } from '../../src/lib/prng.ts'
import type { Transport, WireData } from '../../src/peer/rpc-codec.ts'
import type { Clock } from './clock.ts'

/** Who sits at one end of a connection. */
export interface Taker {
  receive(data: WireData): void
  /** Told once; 1006: the connection broke. */
  ended(code: number): void
  /** What was sent has been read, after there was too much of it. */
  drained?(): void
}

type Item =
  | { readonly kind: 'data'; readonly due: number; readonly data: WireData }
  | { readonly kind: 'close'; readonly due: number; readonly code: number }

/** Close code of a connection that broke. */
export const BROKEN = 1_006

/** Told of each message that arrives, for the run's fingerprint. */
export type Tap = (wire: number, way: 'up' | 'down', data: WireData) => void

export class Network {
  readonly clock: Clock
  readonly random: Prng
  readonly tap: Tap
  /** Milliseconds that a message takes, at most. */
  latencyMs = 1
  readonly wires = new Set<Wire>()
  #serial = 0

  constructor(clock: Clock, random: Prng, tap: Tap) {
    this.clock = clock
    this.random = random
    this.tap = tap
  }

  /** A connection between a client and the hypervisor; neither end is taken yet. */
  connect(highBytes: number): Wire {
    this.#serial++
    const wire = new Wire(this, this.#serial, highBytes)
    this.wires.add(wire)
    return wire
  }
}

export class Wire {
  readonly network: Network
  readonly serial: number
  readonly uv: WireEnd
  readonly hv: WireEnd
  isBroken = false

  constructor(network: Network, serial: number, highBytes: number) {
    this.network = network
    this.serial = serial
    this.uv = new WireEnd(this, 'up', Number.POSITIVE_INFINITY)
    this.hv = new WireEnd(this, 'down', highBytes)
  }

  /**
   * The line breaks; each end notices after so many milliseconds. What the ultravisor has sent already
   * arrives all the same while the hypervisor notices nothing; the other way nobody reads any more.
   */
  cut(uvNoticesMs: number, hvNoticesMs: number): void {
    if (this.isBroken) return
    this.isBroken = true
    this.network.wires.delete(this)
    this.uv.leave(uvNoticesMs, hvNoticesMs > 0)
    this.hv.leave(hvNoticesMs, false)
  }
}

/** One end: what it sends goes to the other one. */
export class WireEnd implements Transport {
  taker: Taker | undefined
  readonly #wire: Wire
  readonly #way: 'up' | 'down'
  readonly #highBytes: number
  #queue: Item[] = []
  #isPumping = false
  #stalledUntil = 0
  #outBytes = 0
  #isFull = false
  #isOver = false
  #arrives = true
  #hasNoticed = false

  constructor(wire: Wire, way: 'up' | 'down', highBytes: number) {
    this.#wire = wire
    this.#way = way
    this.#highBytes = highBytes
  }

  get bufferedAmount(): number {
    return this.#outBytes
  }

  get congested(): boolean {
    return this.#isFull
  }

  get #other(): WireEnd {
    return this.#way === 'up' ? this.#wire.hv : this.#wire.uv
  }

  send(data: WireData, sent?: () => void): void {
    if (this.#wire.isBroken || this.#isOver) return
    // The memory of a binary message may be written to once it has left.
    const copy = typeof data === 'string' ? data : Buffer.from(data)
    sent?.()
    this.#outBytes += copy.length
    if (this.#outBytes > this.#highBytes) this.#isFull = true
    this.#put({ kind: 'data', due: this.#due(), data: copy })
  }

  /** The other end is told after what was sent; this one when that has happened. */
  close(code: number): void {
    if (this.#wire.isBroken || this.#isOver) return
    this.#put({ kind: 'close', due: this.#due(), code })
    this.#isOver = true
  }

  terminate(): void {
    this.#wire.cut(0, 0)
  }

  /** Reads nothing for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#wire.network.clock.now + ms)
  }

  /** It finds out that the connection is gone. `sends`: what is under way from here still arrives. */
  leave(ms: number, sends: boolean, code = BROKEN): void {
    this.#isOver = true
    this.#arrives = sends
    if (!sends) this.#queue = []
    this.#wire.network.clock.after(ms, () => {
      this.#hasNoticed = true
      this.taker?.ended(code)
    })
  }

  #due(): number {
    const { clock, random, latencyMs } = this.#wire.network
    const last = this.#queue.at(-1)?.due ?? 0
    return Math.max(last, clock.now + random.real() * latencyMs)
  }

  #put(item: Item): void {
    this.#queue.push(item)
    if (!this.#isPumping) this.#pumpAt(item.due)
  }

  #pumpAt(time: number): void {
    this.#isPumping = true
    const { clock } = this.#wire.network
    clock.after(time - clock.now, () => this.#pump())
  }

  #pump(): void {
    this.#isPumping = false
    const { clock } = this.#wire.network
    if (!this.#arrives || this.#other.#hasNoticed) return
    const until = this.#other.#stalledUntil
    if (until > clock.now) return this.#pumpAt(until)
    const item = this.#queue.shift()
    if (item === undefined) return
    const next = this.#queue[0]
    if (next !== undefined) this.#pumpAt(Math.max(next.due, clock.now))
    this.#arrive(item)
  }

  #arrive(item: Item): void {
    const { network, serial } = this.#wire
    if (item.kind === 'close') {
      this.#wire.isBroken = true
      network.wires.delete(this.#wire)
      this.#other.leave(0, false, item.code)
      this.leave(0, false, item.code)
      return
    }
    this.#outBytes -= item.data.length
    network.tap(serial, this.#way, item.data)
    this.#other.taker?.receive(item.data)
    if (this.#isFull && this.#outBytes === 0) {
      this.#isFull = false
      this.taker?.drained?.()
    }
  }
}
