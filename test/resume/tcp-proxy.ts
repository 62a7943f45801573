/**
 * A TCP proxy that breaks connections on purpose: at a chosen byte, late, or only on one side. It knows
 * nothing of what it carries.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Direction = 'up' | 'down'

/** What is to happen to the connection that is open, once. */
export interface Fault {
  /**
   * `cut`: both sides see the end. `unnoticed`: only the client does; the server's side stays open and
   * silent. `late`: as `unnoticed`, and what was not forwarded reaches the server after all, later.
   * `delay`: nothing is forwarded for a while; then all of it, and the connection goes on.
   */
  readonly kind: 'cut' | 'unnoticed' | 'late' | 'delay'
  readonly direction: Direction
  /** Bytes in that direction that still pass; a segment is split where they end. */
  readonly bytes: number
}

/** Milliseconds that a `delay` lasts, and that pass before what is `late` arrives. */
const DELAY_MS = 4
const LATE_MS = 12

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Nothing passes any more. */
  isBroken: boolean
}

export class TcpProxy {
  /** Bytes that were forwarded, both ways. */
  readonly bytes = { up: 0, down: 0 }
  connections = 0
  readonly #target: number
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #armed: { readonly fault: Fault; left: number; readonly struck: () => void } | undefined

  private constructor(target: number) {
    this.#target = target
    this.#listener = createServer((client) => this.#accept(client))
  }

  /** In front of a port of this machine. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    await new Promise<void>((done) => proxy.#listener.listen(0, '127.0.0.1', done))
    return proxy
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** Arms a fault for the connection that is open; `struck` is told when it happens. */
  arm(fault: Fault, struck: () => void = () => undefined): void {
    this.#armed = { fault, left: fault.bytes, struck }
  }

  disarm(): void {
    this.#armed = undefined
  }

  /** Breaks whatever is open, at once. */
  cut(): void {
    for (const pair of this.#pairs) end(pair)
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((done) => this.#listener.close(done))
  }

  #accept(client: Socket): void {
    this.connections++
    const server = connect(this.#target, '127.0.0.1')
    const pair: Pair = { client, server, isBroken: false }
    this.#pairs.add(pair)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => this.#closed(pair))
    }
    client.on('data', (segment) => this.#forward(pair, 'up', segment))
    server.on('data', (segment) => this.#forward(pair, 'down', segment))
  }

  #closed(pair: Pair): void {
    if (pair.isBroken) return
    end(pair)
    this.#pairs.delete(pair)
  }

  #forward(pair: Pair, direction: Direction, segment: Buffer): void {
    if (pair.isBroken) return
    const armed = this.#armed
    const to = direction === 'up' ? pair.server : pair.client
    if (armed === undefined || armed.fault.direction !== direction || segment.length < armed.left) {
      if (armed?.fault.direction === direction) armed.left -= segment.length
      this.bytes[direction] += segment.length
      to.write(segment)
      return
    }
    this.#armed = undefined
    const part = segment.subarray(0, armed.left)
    const rest = segment.subarray(armed.left)
    this.bytes[direction] += part.length
    if (armed.fault.kind === 'delay') {
      to.write(part)
      delay(pair, to, rest)
    } else {
      pair.isBroken = true
      to.write(part, () => this.#strike(pair, armed.fault, rest))
    }
    armed.struck()
  }

  /** The part has left; `rest` is what was not forwarded of the segment. */
  #strike(pair: Pair, { kind, direction }: Fault, rest: Buffer): void {
    const { client, server } = pair
    client.destroy()
    if (kind === 'cut') {
      server.destroy()
      this.#pairs.delete(pair)
    } else if (kind === 'late' && direction === 'up') {
      setTimeout(() => server.write(rest), LATE_MS).unref()
    }
    // The server's side of the others ends with the proxy, or when the server gives it up.
  }
}

/** Nothing passes for a while; then `rest`, and whatever comes behind it. */
function delay({ client, server }: Pair, to: Socket, rest: Buffer): void {
  client.pause()
  server.pause()
  setTimeout(() => {
    if (rest.length > 0) to.write(rest)
    client.resume()
    server.resume()
  }, DELAY_MS)
}

function end(pair: Pair): void {
  pair.isBroken = true
  pair.client.destroy()
  pair.server.destroy()
}
