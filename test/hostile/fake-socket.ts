/** A WebSocket without a network: what is sent is handed on at once, what comes is told by hand. */
import { EventEmitter } from 'node:events'
import { Socket } from 'node:net'
import type { WebSocket } from 'ws'

type Data = string | Uint8Array

export class FakeSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  isPaused = false
  /** How the server closed it; 1006 when it was cut without a word. */
  closedWith: number | undefined
  /** The TCP socket below, which is connected to nothing; short messages are written to it as frames. */
  readonly wire = new Socket()
  readonly #hear: (data: Data) => void

  constructor(hear: (data: Data) => void) {
    super()
    this.#hear = hear
    this.wire.write = (frame: string | Uint8Array) => {
      this.#hear(payloadOf(Buffer.from(frame)))
      return true
    }
  }

  send(data: Data, sent?: () => void): void {
    this.#hear(data)
    sent?.()
  }

  close(code: number): void {
    if (this.readyState !== 1) return
    this.closedWith = code
    this.readyState = 2
  }

  terminate(): void {
    this.close(1006)
  }

  ping(): void {
    this.emit('pong', Buffer.alloc(0))
  }

  pong(): void {
    // Nobody in here sends pings.
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  /** The client sends a message. */
  takes(data: Data): void {
    if (this.readyState !== 1) return
    const isBinary = typeof data !== 'string'
    this.emit('message', isBinary ? data : Buffer.from(data), isBinary)
  }

  /** The connection is over. */
  ends(code: number): void {
    this.readyState = 3
    this.emit('close', code, Buffer.alloc(0))
  }

  get asWebSocket(): WebSocket {
    return this as unknown as WebSocket
  }
}

/** What is in a binary frame as servers send it: whole, and not masked. */
function payloadOf(frame: Buffer): Buffer {
  if (frame[0] !== 0x82) throw new Error(`no binary frame: ${frame.toString('hex', 0, 16)}`)
  const length = frame.readUInt8(1)
  const at = { 126: 4, 127: 10 }[length] ?? 2
  const bytes = { 126: () => frame.readUInt16BE(2), 127: () => Number(frame.readBigUInt64BE(2)) }
  const size = bytes[length as 126 | 127]?.() ?? length
  if (frame.length !== at + size) throw new Error(`a frame of ${size} bytes in ${frame.length}`)
  return frame.subarray(at)
}
