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
import type { SessionFacts } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import { type UvViolation, violationsOf } from '../ultravisor/invariants.ts'
import { UV_LIMITS } from '../ultravisor/limits.ts'
import type { UvProfileName } from '../ultravisor/profile.ts'
import type { ContentMode } from '../ultravisor/svm.ts'
import type { Transport, WireData } from './rpc-codec.ts'
import type { PeerLimits } from './rpc-options.ts'
import { UvApp, type UvWatch } from './uv-app.ts'
import { UvCallError } from './uv-errors.ts'
import { UV_CODECS, type UvProtocol } from './uv-protocol.ts'
import { UvSvm } from './uv-svm.ts'
import { connectWs, type Ending } from './ws-transport.ts'

/** Bytes: a budget costs nothing until pages have content, so it covers the biggest guest. */
const SECURE_MEMORY_BYTES = 2 ** 44
const WINDOW = 64

export interface UvOptions {
  /** What the session is called in the hypervisor's logs; default `uv`. */
  readonly name?: string
  /** Resumes the session that this token was given for. */
  readonly resume?: string
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
  /** Runs what is to be sent at the end of a turn; default `queueMicrotask`. */
  readonly defer?: (flush: () => void) => void
}

export interface ConnectOptions extends UvOptions {
  /** The endpoint: `ws://HOST:PORT/v1/uv`. */
  readonly url: string
  /** Bearer token of the server, when it wants one. */
  readonly token?: string | undefined
  /** Certificates in PEM that a wss server's own is checked with, in place of the known ones. */
  readonly ca?: string | undefined
  readonly connectMsMax?: number
  /** Told once how the connection ended, whoever ended it. */
  readonly ended?: (ending: Ending) => void
}

export class UvClient {
  readonly app: UvApp
  readonly #name: string
  readonly #resume: string | undefined
  readonly #svms = new Map<Lpid, UvSvm>()
  #lost: string | undefined

  /** For a transport that is there already; `connectUv` makes one. */
  constructor(transport: Transport, options: UvOptions = {}) {
    const { name = 'uv', protocol = 'json', profile = 'firmware', contentMode = 'bytes' } = options
    const { secureMemory = SECURE_MEMORY_BYTES, window = WINDOW, defer = queueMicrotask } = options
    const { watch, limits } = options
    this.#name = name
    this.#resume = options.resume
    this.app = new UvApp({
      codec: UV_CODECS[protocol](),
      transport,
      defer,
      profile,
      contentMode,
      secureMemory,
      window: Math.min(Math.max(1, window), UV_LIMITS.windowRequestsMax),
      ...(watch === undefined ? {} : { watch }),
      ...(limits === undefined ? {} : { limits }),
    })
  }

  /** SESSION_OPEN: comes before anything else. Rejects with UvCallError. */
  open(): Promise<SessionFacts> {
    const resume = this.#resume === undefined ? {} : { resume: this.#resume }
    const body = { call: 'SESSION_OPEN', name: this.#name, ...resume } as const
    return new Promise((resolve, reject) => {
      this.app.call(body, (outcome) => {
        if (outcome.kind === 'answer' && outcome.session !== undefined) resolve(outcome.session)
        else if (outcome.kind === 'error') reject(new UvCallError(body, outcome, this.#lost))
      })
    })
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

  /** Ends the connection; calls that wait are rejected. */
  close(): void {
    this.#lost ??= 'this client closed the connection'
    this.app.peer.close('NORMAL')
  }
}

/** Connects to a hypervisor; rejects with ConnectError. The session is not open yet. */
export async function connectUv(options: ConnectOptions): Promise<UvClient> {
  const { url, token, ca, protocol = 'json', connectMsMax, ended } = options
  // Nothing comes before SESSION_OPEN, so the client is there when the first message is.
  let client: UvClient | undefined
  const transport = await connectWs({
    url,
    token,
    ca,
    subprotocol: UV_CODECS[protocol]().subprotocol,
    ...(connectMsMax === undefined ? {} : { connectMsMax }),
    receive: (data) => client?.receive(data),
    failed: (error) => client?.lose(`this client failed: ${String(error)}`),
    ended: (ending) => {
      client?.lose(ending.sentence)
      ended?.(ending)
    },
  })
  client = new UvClient(transport, options)
  return client
}
