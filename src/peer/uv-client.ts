/**
 * The ultravisor client SDK: connect to a hypervisor, open a session, run guests.
 *
 * ```ts
 * const client = await connectUv({ url: 'ws://127.0.0.1:8080/v1/uv', name: 'mine' })
 * await client.open()
 * const result = await client.svm(asLpid(1)).esm({ kernelBase, tree, strategy: 'necessary' })
 * client.close()
 * ```
 */
import type { AnswerMessage, DownCall, SessionFacts, UpCall } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import { type UvViolation, violationsOf } from '../ultravisor/invariants.ts'
import { UV_LIMITS } from '../ultravisor/limits.ts'
import type { PageCipher } from '../ultravisor/page-crypto.ts'
import type { UvProfileName } from '../ultravisor/profile.ts'
import type { ContentMode } from '../ultravisor/svm.ts'
import type { Transport, WireData } from './rpc-codec.ts'
import type { Connection } from './rpc-connection.ts'
import type { PeerLimits } from './rpc-options.ts'
import { UvApp, type UvWatch } from './uv-app.ts'
import type { Backoff } from './uv-backoff.ts'
import { UvCallError } from './uv-errors.ts'
import { type LinePorts, type LineState, RESUME_MS_MAX, UvLine } from './uv-line.ts'
import { UV_CODECS, type UvProtocol } from './uv-protocol.ts'
import { UvSvm } from './uv-svm.ts'
import { connectWs, type Dial, type Ending, type WsTransport } from './ws-transport.ts'

/** Bytes: a budget costs nothing until pages have content, so it covers the biggest guest. */
const SECURE_MEMORY_BYTES = 2 ** 44
const WINDOW = 64

export interface UvOptions {
  /** What the session is called in the hypervisor's logs; default `uv`. */
  readonly name?: string
  readonly protocol?: UvProtocol
  readonly profile?: UvProfileName
  /** Bytes of secure memory; default 16 TiB. */
  readonly secureMemory?: number
  /** What a page stands for that nobody has written to; default `bytes`. */
  readonly contentMode?: ContentMode
  /** Requests of one guest's call that may be open at once: 1 to 1,024, default 64. */
  readonly window?: number
  readonly watch?: UvWatch
  readonly limits?: PeerLimits
  /** The session outlives its connection: `attempt` goes on with it on another one. */
  readonly resumable?: boolean
  /** What pages are sealed with when they leave secure memory; default AES-256-GCM. */
  readonly cipher?: PageCipher
  /** Runs what is to be sent at the end of a turn; default `queueMicrotask`. */
  readonly defer?: (flush: () => void) => void
}

export interface ConnectOptions extends Omit<UvOptions, 'resumable'> {
  /** The endpoint: `ws://HOST:PORT/v1/uv`. */
  readonly url: string
  /** Bearer token of the server, when it wants one. */
  readonly token?: string | undefined
  /** Certificates in PEM that a wss server's own is checked with, in place of the known ones. */
  readonly ca?: string | undefined
  readonly connectMsMax?: number
  /**
   * Milliseconds that the client tries to resume its session after the connection broke; 0: it does not
   * try. Default 30,000. `watch.line` tells of it.
   */
  readonly resumeMsMax?: number
  readonly backoff?: Backoff
  /** 0 to below 1: by chance, how long the client waits between two attempts. */
  readonly random?: () => number
  /** Told once how the last connection ended, whoever ended it. */
  readonly ended?: (ending: Ending) => void
}

/** A connection on which a session is about to go on. */
export interface Attempt {
  /** Takes one message of the hypervisor. */
  receive(data: WireData): void
  /** The connection is gone before that. */
  end(how: string): void
  /**
   * Goes on with the session; `adopted` runs at the moment when it does. Rejects with UvCallError
   * when the hypervisor refuses, or the connection breaks before its answer; with Error when the
   * client has ended before it.
   */
  resumed(adopted: () => void): Promise<SessionFacts>
}

export class UvClient {
  readonly app: UvApp
  /** The line that connects again by itself; undefined when somebody else brings the connections. */
  line: UvLine | undefined
  readonly #name: string
  #facts: SessionFacts | undefined
  /** Times that SESSION_OPEN was sent to go on with the session. */
  #attempts = 0
  readonly #svms = new Map<Lpid, UvSvm>()
  #lost: string | undefined

  /** For a transport that is there already; `connectUv` makes one. */
  constructor(transport: Transport, options: UvOptions = {}) {
    const { name = 'uv', protocol = 'json', profile = 'firmware', contentMode = 'bytes' } = options
    const { secureMemory = SECURE_MEMORY_BYTES, window = WINDOW, defer = queueMicrotask } = options
    const { watch, limits, cipher } = options
    this.#name = name
    this.app = new UvApp({
      codec: UV_CODECS[protocol](),
      transport,
      defer,
      profile,
      contentMode,
      secureMemory,
      window: Math.min(Math.max(1, window), UV_LIMITS.windowRequestsMax),
      outlives: options.resumable ?? false,
      ...(watch === undefined ? {} : { watch }),
      ...(limits === undefined ? {} : { limits }),
      ...(cipher === undefined ? {} : { cipher }),
    })
  }

  /** `resuming`: the connection broke, and calls wait for another one. */
  get state(): LineState {
    if (this.app.peer.ended) return 'lost'
    return this.app.peer.connection === undefined ? 'resuming' : 'connected'
  }

  /** SESSION_OPEN: comes before anything else. Rejects with UvCallError. */
  open(): Promise<SessionFacts> {
    const body = { call: 'SESSION_OPEN', name: this.#name } as const
    return new Promise((resolve, reject) => {
      this.app.call(body, (outcome) => {
        if (outcome.kind === 'error') return reject(new UvCallError(body, outcome, this.#lost))
        this.#facts = factsOf(outcome)
        resolve(this.#facts)
      })
    })
  }

  /** True once `open` has succeeded. */
  get hasSession(): boolean {
    return this.#facts !== undefined
  }

  /** Goes on with the session on a new connection; undefined when no session was opened. */
  attempt(transport: Transport): Attempt | undefined {
    const { token } = this.#facts ?? {}
    if (token === undefined || this.app.peer.ended) return undefined
    const { peer } = this.app
    const fresh = this.app.freshPeer(transport)
    const { connection } = fresh
    let how: string | undefined
    return {
      receive: (data) => connection?.receive(data),
      end: (why) => {
        how = why
        fresh.end()
      },
      resumed: (adopted) =>
        new Promise((resolve, reject) => {
          const unanswered = peer.callsOpen
          const body = {
            call: 'SESSION_OPEN',
            name: this.#name,
            resume: token,
            unanswered,
            attempt: ++this.#attempts,
          } as const
          fresh.call(body, 0, (outcome) => {
            if (outcome.kind === 'error') return reject(new UvCallError(body, outcome, how))
            if (peer.ended) return reject(new Error('this client has ended'))
            adopted()
            peer.adopt(fresh)
            resolve(factsOf(outcome))
          })
        }),
    }
  }

  /** The connection broke; calls wait for `attempt`, or end if the client is not resumable. */
  detach(): void {
    this.app.peer.detach()
  }

  /** The guest with an LPID; there is nothing to end when it is not needed any more. */
  svm(lpid: Lpid): UvSvm {
    let svm = this.#svms.get(lpid)
    if (svm === undefined) {
      svm = new UvSvm(this.app, lpid, () => this.#lost)
      this.#svms.set(lpid, svm)
    }
    return svm
  }

  /**
   * What does not hold of the ultravisor's state: nothing, unless a defect of the profile shows.
   */
  violations(): readonly UvViolation[] {
    return violationsOf(this.app.uv)
  }

  /** Takes one message of the hypervisor. */
  receive(data: WireData): void {
    this.app.peer.receive(data)
  }

  /** The connection is gone: calls that wait are rejected, with `how` as their reason. */
  lose(how: string): void {
    this.#lost ??= how
    this.app.peer.end()
  }

  /**
   * Cuts the connection without a word and never comes back, as when the machine loses power. Returns
   * the token of the session that the hypervisor keeps meanwhile: see `giveUpSession`.
   */
  kill(): string | undefined {
    this.#lost ??= 'this client was killed on purpose'
    this.line?.close()
    this.line?.cut()
    this.app.peer.end()
    return this.#facts?.token
  }

  /** Ends the connection; calls that wait are rejected. */
  close(): void {
    this.#lost ??= 'this client closed the connection'
    this.line?.close()
    this.app.peer.close('NORMAL')
  }
}

/**
 * Connects to a hypervisor; rejects with ConnectError. The session is not open yet. `dial` makes the
 * first connection, and each one that the session goes on with.
 */
export async function connectUv(
  options: ConnectOptions,
  dial: Dial = connectWs,
): Promise<UvClient> {
  const { url, token, ca, protocol = 'json', connectMsMax, ended } = options
  const { resumeMsMax = RESUME_MS_MAX, backoff, random = Math.random, watch } = options
  const connect: LinePorts['connect'] = (heard) =>
    dial({
      url,
      token,
      ca,
      subprotocol: UV_CODECS[protocol]().subprotocol,
      ...(connectMsMax === undefined ? {} : { connectMsMax }),
      ...heard,
    })
  // Nothing comes before SESSION_OPEN, so the client is there when the first message is.
  let client: UvClient | undefined
  const line = new UvLine(
    {
      connect,
      hasSession: () => client?.hasSession === true,
      attempt: (transport) => client?.attempt(transport),
      detached: () => client?.detach(),
      lost: (how) => client?.lose(how),
      told: (state, why) => watch?.line?.(state, why),
      now: () => performance.now(),
      after,
      random,
    },
    { resumeMsMax, ended, ...(backoff === undefined ? {} : { backoff }) },
  )
  let connection: Connection<UpCall, DownCall> | undefined
  let first: WsTransport | undefined
  first = await connect({
    receive: (data) => connection?.receive(data),
    failed: (error) => client?.lose(`this client failed: ${String(error)}`),
    ended: (ending) => line.ended(first, ending),
  })
  line.begin(first)
  client = new UvClient(first, { ...options, resumable: resumeMsMax > 0 })
  connection = client.app.peer.connection
  client.line = line
  return client
}

/** An answer without them is none to SESSION_OPEN: the codecs see to that. */
const factsOf = ({ session }: AnswerMessage): SessionFacts => present(session, 'facts of a session')

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
