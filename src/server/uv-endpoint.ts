/**
 * `/v1/uv`: where ultravisors connect. Decides about upgrades, keeps the connections, and ends them.
 * Source: spec of the wire.
 */
import type { IncomingMessage, Server } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { CloseName } from '../../schemas/errors.ts'
import { Role } from '../../schemas/rest/access.ts'
import type { Lpid } from '../abi/page.ts'
import type { Durable } from '../hv/durable.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { LedgerSession } from '../hv/ledger-record.ts'
import type { Replayed } from '../hv/ledger-replay.ts'
import type { Session, UvLink } from '../hv/session.ts'
import type { Vmm } from '../hv/vmm.ts'
import { type Guard, isRefusal } from './guard.ts'
import { brokenUpgrade, upgradeMisfit } from './handshake.ts'
import type { Log } from './log.ts'
import { strangerCalled } from './principal.ts'
import { problem } from './problem.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { closeGraceMs } from './socket-transport.ts'
import { negotiate, WAITING_CODEC } from './subprotocols.ts'
import { type ConnectionPorts, type Reported, UvConnection } from './uv-connection.ts'
import { UvConversation } from './uv-conversation.ts'

export interface EndpointOptions {
  readonly hv: Hypervisor
  readonly vmm: Vmm
  readonly guard: Guard
  readonly log: Log
  /** What throws while a connection is served ends the process: for tests. */
  readonly crashOnFailure: boolean
  /** Nothing is said that is not on the disk. */
  readonly durable?: Durable | undefined
}

export class UvEndpoint {
  readonly #options: EndpointOptions
  readonly #sockets: WebSocketServer
  readonly #connections = new Set<UvConnection>()
  /** Of sessions, with a connection or without. */
  readonly #conversations = new Map<Session, UvConversation>()
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
      durable: options.durable,
      defer: (flush) => setImmediate(flush),
      conversationOf: (session) => this.#conversations.get(session),
      report: (conversation, report) => this.#report(conversation, report),
      failed: (conversation, error) => this.#failed(conversation, error),
      opened: (conversation) => this.#opened(conversation),
      left: (conversation, left) => this.#left(conversation, left),
      ended: (connection, code) => this.#ended(connection, code),
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

  /** Opens a session that was written down, with that link until the ledger is read. */
  restore(facts: LedgerSession, linkOf: (conversation: UvLink) => UvLink): Replayed {
    const { hv } = this.#options
    const { serial, name, who } = facts
    const conversation = new UvConversation(WAITING_CODEC, strangerCalled(who), this.#ports)
    const digest = Buffer.from(facts.token, 'hex')
    const session = hv.restoreSession(serial, name, linkOf(conversation), digest)
    conversation.restore(session)
    this.#conversations.set(session, conversation)
    return { session, peer: conversation.restoring }
  }

  /** Says goodbye to everybody; nobody keeps the server longer than a grace time. */
  close(reason: CloseName = 'SHUTTING_DOWN'): void {
    clearInterval(this.#pings)
    for (const connection of this.#connections) connection.close(reason)
    for (const conversation of [...this.#conversations.values()]) {
      if (conversation.connection === undefined) conversation.close()
    }
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
    if (owner !== undefined) this.#conversations.get(owner)?.abandon()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const { hv, guard, durable } = this.#options
    if (durable?.failure !== undefined) {
      return refuseUpgrade(socket, problem('disk-failed', `${durable.failure}.`))
    }
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
      // One for each session, and as many again: a session may be resumed before anybody here has
      // noticed that the connection it had is dead.
      if (this.#connections.size > 2 * this.#ports.limits.sessionsMax) connection.close('OVERLOAD')
    })
  }

  #check(): void {
    for (const connection of this.#connections) connection.check()
  }

  #report({ session, reports }: UvConversation, report: Reported): void {
    const { log } = this.#options
    const { kind } = report
    const telling = reports.next()
    if (telling === 'full') log.warn({ session: session?.id, kind }, report.text)
    else if (telling === 'sum') {
      const all = { session: session?.id, kind, reports: reports.count }
      log.warn(all, 'it goes on like this: further reports are counted, not written')
    }
  }

  #failed(conversation: UvConversation, error: unknown): void {
    const { log, crashOnFailure } = this.#options
    log.error({ err: error, session: conversation.session?.id }, 'a rule of ours did not hold')
    if (crashOnFailure) throw error
    conversation.abandon()
  }

  #opened(conversation: UvConversation): void {
    const { session } = conversation
    if (session === undefined) return
    this.#conversations.set(session, conversation)
    if (session.resumes > 0) this.#options.log.info({ session: session.id }, 'session goes on')
  }

  #ended(connection: UvConnection, code: number): void {
    this.#connections.delete(connection)
    const { session, conversation } = connection
    const reports = conversation.reports.count
    this.#options.log.info({ session: session?.id, code, reports }, 'connection ended')
  }

  #left({ session }: UvConversation, left: readonly Lpid[]): void {
    if (session === undefined) return
    this.#conversations.delete(session)
    const { hv, vmm, log } = this.#options
    log.info({ session: session.id, left: left.length }, 'session ended')
    if (hv.config.orphans !== 'reset' || hv.stopping) return
    for (const lpid of left) {
      vmm.reset(lpid).catch((error: unknown) => log.error({ err: error, lpid }, 'reset failed'))
    }
  }
}
