/**
 * A WebSocket as the peer's transport. While more than `highBytes` wait to be sent it stops reading:
 * who does not take answers may not ask for more. Source: spec of the wire, section 5.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Transport, WireData } from '../peer/rpc-codec.ts'
import { TurnCork } from '../peer/turn-cork.ts'
import { sendJoined } from '../peer/ws-frame.ts'

/** Milliseconds from our close frame to the end of the connection, whatever the client does. */
export const closeGraceMs = 1_000

/** Messages of pages are longer: they leave from where they lie. */
const JOINED_BYTES_MAX = 16_384

/** Told when the client is not read from any more, and when it is again. */
export interface CongestionWatch {
  readonly paused: () => void
  readonly resumed: () => void
  /** Runs something that speaks to the client; what it throws is a mistake of ours. */
  readonly guard: (run: () => void) => void
}

export class SocketTransport implements Transport {
  readonly #socket: WebSocket
  readonly #wire: Socket
  readonly #cork: TurnCork
  readonly #highBytes: number
  readonly #watch: CongestionWatch
  /** What the last ping that has not been answered holds. */
  #ping: Buffer | undefined

  /** `wire`: the TCP socket below `socket`. */
  constructor(socket: WebSocket, wire: Socket, highBytes: number, watch: CongestionWatch) {
    this.#socket = socket
    this.#wire = wire
    this.#cork = new TurnCork(wire)
    this.#highBytes = highBytes
    this.#watch = watch
    wire.on('drain', () => {
      if (this.#resume()) watch.resumed()
    })
  }

  get bufferedAmount(): number {
    return this.#cork.waiting
  }

  /** True while the client is not read from. */
  get congested(): boolean {
    return this.#socket.isPaused
  }

  send(data: WireData, sent: () => void = ignore): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    // A failure to send shows as 'error' and 'close' on the socket.
    this.#cork.hold(data.length)
    const isSmall = typeof data !== 'string' && data.length <= JOINED_BYTES_MAX
    if (isSmall) sendJoined(this.#wire, data)
    else this.#socket.send(data, sent)
    this.#cork.wrote()
    this.#pauseWhenHigh()
  }

  whenDrained(run: () => void): void {
    this.#wire.once('drain', () => this.#watch.guard(run))
  }

  /**
   * Answers a ping at the end of the turn; of several only the last one, which is why who never reads
   * costs no more than the mark. Source: RFC 6455, section 5.5.3.
   */
  pong(payload: Buffer): void {
    const isFirst = this.#ping === undefined
    this.#ping = payload
    if (isFirst) setImmediate(() => this.#answerPing())
  }

  #answerPing(): void {
    const payload = this.#ping
    this.#ping = undefined
    if (payload === undefined || this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.pong(payload)
    this.#pauseWhenHigh()
  }

  close(code: number, reason: string): void {
    // The client's close frame has to be read, too.
    this.#resume()
    this.#socket.close(code, reason)
    const cut = setTimeout(() => this.#socket.terminate(), closeGraceMs)
    this.#socket.once('close', () => clearTimeout(cut))
  }

  #pauseWhenHigh(): void {
    if (this.#cork.waiting <= this.#highBytes || this.#socket.isPaused) return
    this.#socket.pause()
    this.#watch.paused()
  }

  #resume(): boolean {
    if (!this.#socket.isPaused) return false
    this.#socket.resume()
    return true
  }
}

const ignore = (): void => undefined
