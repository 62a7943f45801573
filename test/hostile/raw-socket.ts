/**
 * A TCP socket that sends whatever it is told and takes the answers of a WebSocket server apart: an
 * HTTP head, then frames. It knows nothing of `ws`.
 */
import { connect, type Socket } from 'node:net'
import { Op } from './frames.ts'

/** A frame of the server. */
export interface ServerFrame {
  readonly opcode: number
  readonly fin: boolean
  readonly payload: Buffer
}

/** The answer to a request, as far as it has come. */
export interface HttpAnswer {
  readonly status: number
  /** Names in small letters. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Milliseconds that anything may take in a test. */
const waitMsMax = 10_000

export class RawSocket {
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #isEnded = false
  readonly #waiting = new Set<() => void>()
  readonly #frames: ServerFrame[] = []
  #isUpgraded = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      if (this.#isUpgraded) this.#takeFrames()
      this.#wake()
    })
    // A reset says no more than an end: what came before it counts.
    this.socket.on('error', () => undefined)
    for (const event of ['end', 'close'] as const) {
      this.socket.on(event, () => {
        this.#isEnded = true
        this.#wake()
      })
    }
  }

  /** The server has ended the connection. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Frames that have come and were not asked for yet. */
  get frames(): readonly ServerFrame[] {
    return this.#frames
  }

  /** Frames that have come, taken away; a close stays. */
  takeFrames(): readonly ServerFrame[] {
    const taken = this.#frames.splice(0)
    this.#frames.push(...taken.filter(isClose))
    return taken
  }

  opened(): Promise<void> {
    return new Promise((done, fail) => {
      this.socket.once('connect', done)
      this.socket.once('error', fail)
    })
  }

  /** Writes pieces one after the other, each in a segment of its own as far as that can be had. */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed || this.socket.writableEnded) return
      if (this.socket.write(piece)) await new Promise((done) => setImmediate(done))
      else await Promise.race([this.#event('drain'), this.#event('close')])
    }
  }

  /** Waits until something holds, looking again whenever something came; throws when it is late. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(waitMsMax)
    while (!holds()) {
      if (late.aborted) throw new Error(`nothing came: ${what}; ${this.seen()}`)
      await new Promise<void>((done) => {
        this.#waiting.add(done)
        late.addEventListener('abort', () => done(), { once: true })
      })
    }
  }

  /** What came so far, for a message. */
  seen(): string {
    const frames = this.#frames.map(({ opcode, payload }) => `${opcode}:${payload.toString('hex')}`)
    return `frames [${frames.join()}], bytes ${this.#bytes.toString('latin1').slice(0, 200)}`
  }

  /** The head of the answer, and its body when it is no upgrade. */
  async answer(): Promise<HttpAnswer> {
    await this.until(() => this.#bytes.includes('\r\n\r\n') || this.#isEnded, 'an HTTP answer')
    const head = this.#headAt()
    if (head < 0) throw new Error(`the connection ended without an answer; ${this.seen()}`)
    const [line = '', ...lines] = this.#bytes.toString('latin1', 0, head).split('\r\n')
    const headers = new Map(
      lines.map((each): [string, string] => {
        const [name = '', ...value] = each.split(':')
        return [name.toLowerCase(), value.join(':').trim()]
      }),
    )
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1] ?? 0)
    const length = status === 101 ? 0 : Number(headers.get('content-length') ?? 0)
    const start = head + 4
    await this.until(() => this.#bytes.length >= start + length || this.#isEnded, 'a body')
    const body = this.#bytes.toString('utf8', start, start + length)
    this.#bytes = this.#bytes.subarray(start + length)
    this.#isUpgraded = status === 101
    if (this.#isUpgraded) this.#takeFrames()
    return { status, headers, body }
  }

  /** The next frame of a kind; others of other kinds stay. */
  async next(fits: (frame: ServerFrame) => boolean, what: string): Promise<ServerFrame> {
    let found = -1
    await this.until(() => {
      found = this.#frames.findIndex(fits)
      return found >= 0 || this.#isEnded
    }, what)
    const [frame] = found < 0 ? [] : this.#frames.splice(found, 1)
    if (frame === undefined) throw new Error(`the connection ended before ${what}; ${this.seen()}`)
    return frame
  }

  ended(): Promise<void> {
    return this.until(() => this.#isEnded, 'the end of the connection')
  }

  destroy(): void {
    this.socket.destroy()
  }

  #headAt(): number {
    return this.#bytes.indexOf('\r\n\r\n')
  }

  #event(name: 'drain' | 'close'): Promise<void> {
    return new Promise((done) => this.socket.once(name, () => done()))
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done()
    this.#waiting.clear()
  }

  /** Whole frames that have come. Those of a server are not masked. */
  #takeFrames(): void {
    for (;;) {
      const bytes = this.#bytes
      if (bytes.length < 2) return
      const short = (bytes[1] ?? 0) & 0x7f
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (bytes.length < head) return
      const length =
        short === 126
          ? bytes.readUInt16BE(2)
          : short === 127
            ? Number(bytes.readBigUInt64BE(2))
            : short
      if (bytes.length < head + length) return
      const first = bytes[0] ?? 0
      const payload = Buffer.from(bytes.subarray(head, head + length))
      this.#frames.push({ opcode: first & 0x0f, fin: first >= 0x80, payload })
      this.#bytes = bytes.subarray(head + length)
    }
  }
}

/** The code of a close frame; 1005 when it has none. */
export const closeCode = ({ payload }: ServerFrame): number =>
  payload.length < 2 ? 1_005 : payload.readUInt16BE(0)

export const isKind = (opcode: number) => (frame: ServerFrame) => frame.opcode === opcode
export const isClose = isKind(Op.Close)
