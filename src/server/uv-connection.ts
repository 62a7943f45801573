/**
 * One WebSocket connection of an ultravisor: a socket, an RPC peer on it, and at most one session.
 * Source: spec of the wire, sections 4 and 5.
 */
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { CloseName } from '../../schemas/errors.ts'
import type { Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { type Lpid, PAGE_SHIFT } from '../abi/page.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { UvCall } from '../hv/operation.ts'
import { fail, failLimit } from '../hv/serve-call.ts'
import type { Session } from '../hv/session.ts'
import { type Caller, serve } from '../hv/up-calls.ts'
import { Peer } from '../peer/rpc-peer.ts'
import { type Principal, reaches } from './principal.ts'
import { SocketTransport } from './socket-transport.ts'
import type { HvCodec } from './subprotocols.ts'

/** What a connection needs of the server. */
export interface ConnectionPorts {
  readonly hv: Hypervisor
  readonly limits: Limits
  readonly now: () => number
  /** Runs a flush at the end of the turn. */
  readonly defer: (flush: () => void) => void
  /** The ultravisor did something that no caller is told about. */
  readonly report: (connection: UvConnection, kind: string, text: string) => void
  /** We are wrong: something threw while the connection was served. */
  readonly failed: (connection: UvConnection, error: unknown) => void
  /** The connection is gone, its session given up; `left` are the VMs that it leaves behind. */
  readonly ended: (connection: UvConnection, code: number, left: readonly Lpid[]) => void
}

export class UvConnection {
  readonly #ports: ConnectionPorts
  readonly #socket: WebSocket
  readonly #transport: SocketTransport
  readonly #peer: Peer<DownCall, UpCall>
  readonly #handshake: NodeJS.Timeout
  readonly #caller: Caller
  #seenAt: number

  constructor(
    socket: WebSocket,
    wire: Socket,
    codec: HvCodec,
    principal: Principal,
    ports: ConnectionPorts,
  ) {
    this.#ports = ports
    this.#caller = {
      session: undefined,
      open: (call, name, resume) => this.#open(call, name, resume),
      isGuarded: principal.guarded,
      mayHave: (lpid) => reaches(principal, lpid),
    }
    this.#socket = socket
    this.#seenAt = ports.now()
    this.#transport = new SocketTransport(socket, wire, ports.limits.sendBufferHighBytes, {
      paused: () => ports.report(this, 'slow', 'it does not take its answers: it is not read from'),
      resumed: () => this.#guard(() => this.#peer.resume()),
    })
    this.#peer = new Peer<DownCall, UpCall>({
      codec,
      itemsPerSend: codec.itemsPerSend,
      transport: this.#transport,
      defer: (flush) => ports.defer(() => this.#guard(flush)),
      serve: (call) => serve(ports.hv, this.#caller, call),
      report: ({ kind, text }) => ports.report(this, kind, text),
      limits: ports.limits,
    })
    this.#handshake = setTimeout(() => this.close('HANDSHAKE_LATE'), ports.limits.handshakeMsMax)
    this.#listen()
  }

  get session(): Session | undefined {
    return this.#caller.session
  }

  get peer(): Peer<DownCall, UpCall> {
    return this.#peer
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
    this.#guard(() => this.#peer.close(reason))
  }

  /** Ends the connection because this side is at fault. */
  abandon(): void {
    try {
      this.#peer.close('INTERNAL')
    } catch {
      this.#socket.terminate()
    }
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** Asks for a sign of life, or gives up when there was none for too long. */
  check(): void {
    if (this.#ports.now() - this.#seenAt > this.#ports.limits.pongWaitMsMax) {
      this.close('PONG_MISSING')
    } else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#seenAt = this.#ports.now()
      this.#guard(() => this.#peer.receive(isBinary ? data : data.toString('utf8')))
    })
    socket.on('ping', (payload: Buffer) => {
      this.#seenAt = this.#ports.now()
      this.#transport.pong(payload)
    })
    socket.on('pong', () => {
      this.#seenAt = this.#ports.now()
    })
    // ws closes the connection itself with the right code; without a listener Node would end.
    socket.on('error', (error) => this.#ports.report(this, 'socket', error.message))
    socket.on('close', (code) => this.#end(code))
  }

  #open(call: UvCall, name: string, resume: string | undefined): void {
    const { hv } = this.#ports
    if (this.#caller.session !== undefined) return fail(hv, call, 'SESSION_IS_OPEN')
    if (resume !== undefined) return fail(hv, call, 'SESSION_UNKNOWN')
    const session = hv.openSession(name, {
      call: (body, parent, done) => this.#peer.call(body, parent, done),
      end: (how) => (how === 'cut' ? this.terminate() : this.close(how)),
    })
    if ('limit' in session) {
      failLimit(hv, call, session)
      this.close('OVERLOAD')
      return
    }
    clearTimeout(this.#handshake)
    this.#caller.session = session
    const host = {
      pageShift: PAGE_SHIFT,
      poolPages: hv.config.poolPages,
      profile: hv.config.profile,
    }
    call.answer(0, { session: { session: session.id, token: hv.ports.token(), host } })
  }

  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#ports.failed(this, error)
    }
  }

  #end(code: number): void {
    clearTimeout(this.#handshake)
    const { hv, ended } = this.#ports
    const { session } = this.#caller
    // First the session: what waits for this ultravisor must not call it again.
    const left = session === undefined ? [] : hv.closeSession(session)
    this.#guard(() => this.#peer.end())
    ended(this, code, left)
  }
}
