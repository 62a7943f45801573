/**
 * One WebSocket connection of an ultravisor: a socket, signs of life, and the conversation that goes on
 * over it. Source: spec of the wire, sections 4 and 5.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { CLOSE, type CloseName } from '../../schemas/errors.ts'
import type { Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import type { Durable } from '../hv/durable.ts'
import { HeldTransport } from '../hv/held-transport.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Session } from '../hv/session.ts'
import { invariant } from '../lib/assert.ts'
import { BUSY_POLL } from '../peer/busy-poll.ts'
import type { Connection } from '../peer/rpc-connection.ts'
import type { Peer } from '../peer/rpc-peer.ts'
import type { Principal } from './principal.ts'
import { SocketTransport } from './socket-transport.ts'
import type { HvCodec } from './subprotocols.ts'
import { UvConversation } from './uv-conversation.ts'

/** Something for the log. */
export interface Reported {
  readonly kind: string
  /** Read only when it is written down: it may be made then. */
  readonly text: string
}

/** What a connection and its conversation need of the server. */
export interface ConnectionPorts {
  readonly hv: Hypervisor
  readonly limits: Limits
  readonly now: () => number
  /** Nothing is said that is not on the disk. */
  readonly durable?: Durable | undefined
  /** Runs a flush at the end of the turn. */
  readonly defer: (flush: () => void) => void
  /** The conversation of a session. */
  readonly conversationOf: (session: Session) => UvConversation | undefined
  /** The ultravisor did something that no caller is told about. */
  readonly report: (conversation: UvConversation, report: Reported) => void
  /** We are wrong: something threw while the ultravisor was served. */
  readonly failed: (conversation: UvConversation, error: unknown) => void
  /** A connection has a session: a new one, or one that goes on. */
  readonly opened: (conversation: UvConversation) => void
  /** A conversation is over, its session given up; `left` are the VMs that it leaves behind. */
  readonly left: (conversation: UvConversation, left: readonly Lpid[]) => void
  /** The connection is gone. */
  readonly ended: (connection: UvConnection, code: number) => void
}

/** Close codes of a client that leaves for good; none of them: 1005. */
const GOODBYES: ReadonlySet<number> = new Set([CLOSE.NORMAL.code, CLOSE.SHUTTING_DOWN.code, 1_005])

export class UvConnection {
  readonly #ports: ConnectionPorts
  readonly #socket: WebSocket
  readonly #transport: SocketTransport
  /** What comes is taken here, whoever's it is. */
  readonly #line: Connection<DownCall, UpCall>
  readonly #handshake: NodeJS.Timeout
  #conversation: UvConversation
  /** ws found that the client breaks the protocol, and closes the connection for it. */
  #isBroken = false
  #seenAt: number
  /** Bytes that waited to be sent at the last look. */
  #waited = 0

  constructor(
    socket: WebSocket,
    wire: Socket,
    codec: HvCodec,
    principal: Principal,
    ports: ConnectionPorts,
  ) {
    this.#ports = ports
    this.#socket = socket
    this.#seenAt = ports.now()
    this.#transport = new SocketTransport(socket, wire, ports.limits.sendBufferHighBytes, {
      paused: () => this.#report('slow', 'it does not take its answers: it is not read from'),
      resumed: () => this.#conversation.guard(() => this.#line.resume()),
      guard: (run) => this.#conversation.guard(run),
    })
    const { durable } = ports
    const held =
      durable === undefined ? this.#transport : new HeldTransport(this.#transport, durable)
    this.#conversation = new UvConversation(codec, principal, ports, this, held)
    const line = this.#conversation.peer.connection
    invariant(line !== undefined, 'a conversation begins with a connection')
    this.#line = line
    this.#handshake = setTimeout(() => this.close('HANDSHAKE_LATE'), ports.limits.handshakeMsMax)
    this.#listen()
  }

  get conversation(): UvConversation {
    return this.#conversation
  }

  get session(): Session | undefined {
    return this.#conversation.session
  }

  get peer(): Peer<DownCall, UpCall> {
    return this.#conversation.peer
  }

  /** Bytes that wait to be sent. */
  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  /** True while the client is not read from. */
  get paused(): boolean {
    return this.#socket.isPaused
  }

  /** Says goodbye for a reason of the list; the socket goes at once or after the grace time. */
  close(reason: CloseName): void {
    const conversation = this.#conversation
    if (conversation.connection === this) conversation.guard(() => conversation.peer.close(reason))
  }

  /** A session is open: of the conversation that it had, or of the one that goes on here now. */
  opened(conversation: UvConversation): void {
    clearTimeout(this.#handshake)
    this.#conversation = conversation
    this.#ports.opened(conversation)
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** Asks for a sign of life, or gives up when there was none for too long. */
  check(): void {
    const now = this.#ports.now()
    const waits = this.#transport.bufferedAmount
    // Who is not read from can say nothing, but whoever takes bytes is there.
    if (this.paused && waits < this.#waited) this.#seenAt = now
    this.#waited = waits
    if (now - this.#seenAt > this.#ports.limits.pongWaitMsMax) {
      this.close(this.paused ? 'SLOW_READER' : 'PONG_MISSING')
    } else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#seenAt = this.#ports.now()
      BUSY_POLL.heard()
      const message = isBinary ? data : data.toString('utf8')
      this.#conversation.guard(() => this.#line.receive(message))
    })
    socket.on('ping', (payload: Buffer) => {
      this.#seenAt = this.#ports.now()
      this.#transport.pong(payload)
    })
    socket.on('pong', () => {
      this.#seenAt = this.#ports.now()
    })
    // ws closes the connection itself with the right code; without a listener Node would end.
    socket.on('error', (error) => {
      this.#isBroken = true
      this.#report('socket', error.message)
    })
    socket.on('close', (code) => this.#end(code))
  }

  #report(kind: string, text: string): void {
    this.#ports.report(this.#conversation, { kind, text })
  }

  #end(code: number): void {
    clearTimeout(this.#handshake)
    this.#conversation.lose(this, this.#isBroken || GOODBYES.has(code))
    this.#ports.ended(this, code)
  }
}
