/**
 * A client's line to its hypervisor: one connection after the other, for one session. When a connection
 * breaks it connects again and goes on with the session (see rpc-resume.ts), until that takes too long or
 * the hypervisor will not have it. Time and chance come in by argument.
 *
 *     connected ── the connection broke ──► resuming ── the session goes on ──► connected
 *         │                                     │
 *         └── closed by either side, fenced ────┴── too late, or refused ──► lost
 */
import { CLOSE } from '../../schemas/errors.ts'
import { BACKOFF, type Backoff, backoffMs } from './uv-backoff.ts'
import type { Attempt } from './uv-client.ts'
import { UvCallError } from './uv-errors.ts'
import type { Ending, WsOptions, WsTransport } from './ws-transport.ts'

export type LineState = 'connected' | 'resuming' | 'lost'

/** Milliseconds that a client tries to resume its session, if nobody says anything else. */
export const RESUME_MS_MAX = 30_000
/** Milliseconds that an attempt has from its connection to the answer of SESSION_OPEN. */
const ANSWER_MS_MAX = 10_000

/** What a line needs: the client that speaks on it, and the world. */
export interface LinePorts {
  /** Connects; `receive`, `failed` and `ended` are told of that connection. */
  readonly connect: (heard: Pick<WsOptions, 'receive' | 'failed' | 'ended'>) => Promise<WsTransport>
  /** Whether there is a session to go on with. */
  readonly hasSession: () => boolean
  /** Begins to go on with the session; undefined when there is none that could. */
  readonly attempt: (transport: WsTransport) => Attempt | undefined
  /** The connection broke; calls wait. */
  readonly detached: () => void
  /** There will be no other connection. */
  readonly lost: (how: string) => void
  readonly told: (state: LineState, why: string) => void
  readonly now: () => number
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
  /** 0 to below 1. */
  readonly random: () => number
}

export interface LineOptions {
  /** Milliseconds from a break to giving up; 0: a break ends the session. */
  readonly resumeMsMax: number
  readonly backoff?: Backoff
  /** Told once how the last connection ended. */
  readonly ended?: ((ending: Ending) => void) | undefined
}

/** Ends that a session survives. */
const BREAKS: ReadonlySet<number> = new Set([
  1_006,
  CLOSE.SLOW_READER.code,
  CLOSE.PONG_MISSING.code,
  CLOSE.RESTARTING.code,
  CLOSE.DISK_FAILED.code,
  CLOSE.RESUME_LATE.code,
])

export class UvLine {
  readonly #ports: LinePorts
  readonly #options: LineOptions
  #state: LineState = 'connected'
  /** The connection that counts. */
  #transport: WsTransport | undefined
  /** Of the wait between two attempts. */
  #stopWaiting: (() => void) | undefined
  #isClosed = false

  constructor(ports: LinePorts, options: LineOptions) {
    this.#ports = ports
    this.#options = options
  }

  get state(): LineState {
    return this.#state
  }

  /** The connection that is there already. */
  begin(transport: WsTransport): void {
    this.#transport = transport
  }

  /** The first connection has ended. */
  ended(transport: WsTransport | undefined, ending: Ending): void {
    if (transport === undefined || transport !== this.#transport) return
    this.#transport = undefined
    const mayResume = this.#options.resumeMsMax > 0 && this.#ports.hasSession() && !this.#isClosed
    const canResume = mayResume && BREAKS.has(ending.code)
    if (!canResume) return this.#lose(ending.sentence, ending)
    this.#ports.detached()
    this.#tell('resuming', ending.sentence)
    const deadline = this.#ports.now() + this.#options.resumeMsMax
    this.#wait(0, deadline, ending, '')
  }

  /** Cuts the connection without a word, as when a cable is pulled: the session is resumed. */
  cut(): void {
    this.#transport?.terminate()
  }

  /** The client has closed the connection, or gives up. */
  close(): void {
    this.#isClosed = true
    this.#stopWaiting?.()
    this.#stopWaiting = undefined
    if (this.#state === 'resuming') this.#state = 'lost'
  }

  #tell(state: LineState, why: string): void {
    this.#state = state
    this.#ports.told(state, why)
  }

  #lose(how: string, ending: Ending): void {
    this.#ports.lost(how)
    this.#tell('lost', how)
    this.#options.ended?.({ ...ending, sentence: how })
  }

  /** Attempt `number` begins after a wait. `last` is how the one before failed. */
  #wait(number: number, deadline: number, ending: Ending, last: string): void {
    const { backoff = BACKOFF, resumeMsMax } = this.#options
    const { now, random, after } = this.#ports
    const ms = backoffMs(backoff, number, random())
    if (now() + ms > deadline) {
      const why = last === '' ? '' : `: ${last}`
      const sentence = `${ending.sentence}; the session could not be resumed within ${resumeMsMax} ms${why}`
      return this.#lose(sentence, ending)
    }
    this.#stopWaiting = after(ms, () => {
      this.#stopWaiting = undefined
      this.#try().then(
        (transport) => this.#succeed(transport),
        (error: unknown) => this.#fail(error, number, deadline, ending),
      )
    })
  }

  #succeed(transport: WsTransport): void {
    if (this.#isClosed) return transport.terminate()
    this.#tell('connected', 'the session goes on')
  }

  #fail(error: unknown, number: number, deadline: number, ending: Ending): void {
    if (this.#isClosed) return
    const why = error instanceof Error ? error.message : String(error)
    const isRefused = error instanceof UvCallError && error.code !== 'CONNECTION_LOST'
    if (isRefused) this.#lose(`${ending.sentence}; the session is not resumed: ${why}`, ending)
    else this.#wait(number + 1, deadline, ending, why)
  }

  /** Connects, and goes on with the session there; rejects, with no connection left, when either fails. */
  async #try(): Promise<WsTransport> {
    let attempt: Attempt | undefined
    let transport: WsTransport | undefined
    transport = await this.#ports.connect({
      receive: (data) => attempt?.receive(data),
      failed: (error) => this.#ports.lost(`this client failed: ${String(error)}`),
      ended: (ending) => {
        attempt?.end(ending.sentence)
        this.ended(transport, ending)
      },
    })
    const line = transport
    const late = this.#ports.after(ANSWER_MS_MAX, () => line.terminate())
    try {
      attempt = this.#isClosed ? undefined : this.#ports.attempt(line)
      if (attempt === undefined) throw new Error('this client has no session to resume')
      await attempt.resumed(() => {
        this.#transport = line
      })
    } catch (error) {
      line.terminate()
      throw error
    } finally {
      late()
    }
    return line
  }
}
