/**
 * `/v1/uv`: where ultravisors connect. Decides about upgrades, keeps the connections, and ends them.
 * Source: spec of the wire.
 */
import type { IncomingMessage, Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Role } from '../../schemas/rest/access.ts'
import type { Lpid } from '../abi/page.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Vmm } from '../hv/vmm.ts'
import { type Guard, isRefusal } from './guard.ts'
import { brokenUpgrade, upgradeMisfit } from './handshake.ts'
import type { Log } from './log.ts'
import { problem } from './problem.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { closeGraceMs } from './socket-transport.ts'
import { negotiate } from './subprotocols.ts'
import { type ConnectionPorts, UvConnection } from './uv-connection.ts'

export interface EndpointOptions {
  readonly hv: Hypervisor
  readonly vmm: Vmm
  readonly guard: Guard
  readonly log: Log
  /** What throws while a connection is served ends the process: for tests. */
  readonly crashOnFailure: boolean
}

export class UvEndpoint {
  readonly #options: EndpointOptions
  readonly #sockets: WebSocketServer
  readonly #connections = new Set<UvConnection>()
  readonly #ports: ConnectionPorts
  readonly #pings: NodeJS.Timeout

  constructor(options: EndpointOptions) {
    this.#options = options
    const { hv } = options
    const { limits } = hv.config
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: limits.messageBytesMax,
      maxFragments: limits.fragmentsPerMessageMax,
      maxBufferedChunks: limits.chunksPerMessageMax,
      // Its types do not know this one.
      ...({ closeTimeout: closeGraceMs } as object),
      // SocketTransport answers pings: ws cuts whoever sends sixty of them at once.
      autoPong: false,
      perMessageDeflate: false,
      handleProtocols: (offered) => negotiate([...offered].join(','))?.subprotocol ?? false,
    })
    this.#sockets.on('wsClientError', ({ message }, socket) => {
      refuseUpgrade(socket, problem('bad-request', `${message}.`))
    })
    this.#ports = {
      hv,
      limits,
      now: hv.ports.now,
      defer: (flush) => setImmediate(flush),
      report: (connection, kind, text) => this.#report(connection, kind, text),
      failed: (connection, error) => this.#failed(connection, error),
      ended: (connection, code, left) => this.#ended(connection, code, left),
    }
    this.#pings = setInterval(() => this.#check(), limits.pingIntervalMs)
    // A server that does not listen, as in tests, keeps nobody waiting.
    this.#pings.unref()
  }

  /** Connections that are open, with a session or without. */
  get connections(): ReadonlySet<UvConnection> {
    return this.#connections
  }

  /** Serves the upgrades of a server. */
  listen(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  /** Says goodbye to everybody; nobody keeps the server longer than a grace time. */
  close(): void {
    clearInterval(this.#pings)
    for (const connection of this.#connections) connection.close('SHUTTING_DOWN')
  }

  /** Cuts every connection. */
  terminate(): void {
    for (const connection of this.#connections) connection.terminate()
  }

  /** We are wrong about a VM: the session that serves it ends, as nothing it hears is sure any more. */
  failVm(lpid: Lpid, error: unknown): void {
    const { hv, log, crashOnFailure } = this.#options
    log.error({ err: error, lpid }, 'a rule of ours did not hold: the VM is stopped')
    if (crashOnFailure) throw error
    const owner = hv.sessions.ownerOf(lpid)
    const connection = [...this.#connections].find(({ session }) => session === owner)
    if (owner !== undefined) connection?.abandon()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const { hv, guard } = this.#options
    if (hv.stopping) {
      return refuseUpgrade(socket, problem('shutting-down', 'No new sessions are taken.'))
    }
    const broken = brokenUpgrade(request)
    if (broken !== undefined) return refuseUpgrade(socket, broken)
    const visit = { headers: request.headers, url: request.url ?? '', access: Role.Uv }
    const told = guard.origin(visit) ?? guard.principal(visit)
    if (isRefusal(told)) {
      return refuseUpgrade(socket, problem(told.problem, told.detail), told.challenge)
    }
    const misfit = upgradeMisfit(request)
    const codec = negotiate(request.headers['sec-websocket-protocol'])
    if (misfit !== undefined || codec === undefined || !(socket instanceof Socket)) {
      return refuseUpgrade(socket, misfit ?? problem('internal', 'It came on no TCP socket.'))
    }
    socket.setNoDelay(true)
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new UvConnection(webSocket, socket, codec, told, this.#ports)
      this.#connections.add(connection)
      if (this.#connections.size > this.#ports.limits.sessionsMax) connection.close('OVERLOAD')
    })
  }

  #check(): void {
    for (const connection of this.#connections) connection.check()
  }

  #report({ session }: UvConnection, kind: string, text: string): void {
    this.#options.log.warn({ session: session?.id, kind }, text)
  }

  #failed(connection: UvConnection, error: unknown): void {
    const { log, crashOnFailure } = this.#options
    log.error({ err: error, session: connection.session?.id }, 'a rule of ours did not hold')
    if (crashOnFailure) throw error
    connection.abandon()
  }

  #ended(connection: UvConnection, code: number, left: readonly Lpid[]): void {
    this.#connections.delete(connection)
    const { hv, vmm, log } = this.#options
    log.info({ session: connection.session?.id, code, left: left.length }, 'connection ended')
    if (hv.config.orphans !== 'reset' || hv.stopping) return
    for (const lpid of left) {
      vmm.reset(lpid).catch((error: unknown) => log.error({ err: error, lpid }, 'reset failed'))
    }
  }
}
