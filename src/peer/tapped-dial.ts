/** Dials for a WebSocket client whose binary messages are taken off its connection by a FrameTap. */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { BINARY_SUBPROTOCOL } from '../../schemas/binary-layout.ts'
import { LIMITS } from '../../schemas/limits.ts'
import { FrameTap } from './frame-tap.ts'

export class TappedDial {
  readonly #tap: FrameTap
  #wire: Socket | undefined
  #message: (data: Uint8Array) => void = () => undefined

  constructor() {
    this.#tap = new FrameTap(LIMITS.messageBytesMax, {
      message: (data) => this.#message(data),
      pass: (bytes) => this.#wire?.push(bytes),
    })
  }

  /** For `createConnection`; with TLS nobody but Node reads what comes. */
  readonly dial = (options: NetConnectOpts): Socket => {
    const tap = this.#tap
    // As ws does it: the path of the URL is none of a socket's.
    const path = 'socketPath' in options ? options.socketPath : undefined
    const onread = {
      buffer: () => tap.buffer(),
      callback: (count: number) => {
        tap.read(count)
        return true
      },
    }
    const wire = connect(Object.assign(options, { path, onread }) as NetConnectOpts)
    this.#wire = wire
    return wire
  }

  /** The WebSocket is open: `message` gets what comes, and may look at it until it returns. */
  open(message: (data: Uint8Array) => void): void {
    this.#message = message
    this.#tap.open()
  }
}

/** Undefined where ws reads everything: few messages are binary, or they are encrypted. */
export const tappedDial = (url: string, subprotocol: string): TappedDial | undefined =>
  subprotocol === BINARY_SUBPROTOCOL && url.startsWith('ws:') ? new TappedDial() : undefined
