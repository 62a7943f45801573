/** A client's line whose world is moved by hand. */
import type { Attempt } from '../../src/peer/uv-client.ts'
import { UvCallError } from '../../src/peer/uv-errors.ts'
import { type LinePorts, UvLine } from '../../src/peer/uv-line.ts'
import type { Ending, WsTransport } from '../../src/peer/ws-transport.ts'

type Heard = Parameters<LinePorts['connect']>[0]

const FACTS = {
  ...{ session: 's1', token: 'x' },
  host: { pageShift: 16, poolPages: 1, profile: 'spec' },
}

/** A line whose world is moved by hand: connections, answers, and time. */
export class World {
  readonly line: UvLine
  readonly told: string[] = []
  readonly whys: string[] = []
  readonly waits: number[] = []
  readonly dialled: Heard[] = []
  readonly endings: Ending[] = []
  readonly terminated: WsTransport[] = []
  hasSession = true
  /** What the next attempts get: a connection, or why there is none. */
  reachable = true
  /** What the hypervisor says to SESSION_OPEN; undefined: nothing. */
  answer: 'yes' | 'no' | 'broken' | undefined = 'yes'
  /** What reaches the attempt, in words. */
  readonly heard: string[] = []
  /** How connecting fails. */
  failure: unknown = new Error('connect ECONNREFUSED')
  /** Whether connections are made at once, or when `connected` is called. */
  isPrompt = true
  /** Answers SESSION_OPEN by hand. */
  asked: ((answer: () => void) => void) | undefined
  connected: () => void = () => undefined
  now = 0
  detached = 0
  readonly #timers: { readonly at: number; readonly run: () => void }[] = []

  constructor(resumeMsMax: number) {
    this.line = new UvLine(
      {
        connect: (heard) => this.#connect(heard),
        hasSession: () => this.hasSession,
        attempt: () => this.#attempt(),
        detached: () => this.detached++,
        lost: (how) => this.told.push(`lost ${how}`),
        told: (state, why) => {
          this.told.push(state)
          this.whys.push(why)
        },
        now: () => this.now,
        after: (ms, run) => this.#after(ms, run),
        random: () => 1,
      },
      {
        resumeMsMax,
        backoff: { firstMs: 10, highestMs: 100 },
        ended: (ending) => this.endings.push(ending),
      },
    )
  }

  transport(): WsTransport {
    const made: WsTransport = {
      bufferedAmount: 0,
      send: () => undefined,
      close: () => undefined,
      terminate: () => this.terminated.push(made),
    }
    return made
  }

  /** Breaks the connection that counts. */
  end(transport: WsTransport, code = 1_006): void {
    this.line.ended(transport, { code, sentence: `ended with ${code}` })
  }

  /** Lets time pass until something is due, and runs it. */
  async pass(): Promise<void> {
    const [next] = this.#timers.toSorted((a, b) => a.at - b.at)
    if (next !== undefined) {
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.now = next.at
      next.run()
    }
    for (let n = 0; n < 10; n++) await Promise.resolve()
  }

  get timers(): number {
    return this.#timers.length
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run }
    this.waits.push(ms)
    this.#timers.push(timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at >= 0) this.#timers.splice(at, 1)
    }
  }

  #connect(heard: Heard): Promise<WsTransport> {
    this.dialled.push(heard)
    if (!this.reachable) return Promise.reject(this.failure)
    if (this.isPrompt) return Promise.resolve(this.transport())
    return new Promise((resolve) => {
      this.connected = () => resolve(this.transport())
    })
  }

  #attempt(): Attempt | undefined {
    const { answer } = this
    if (!this.hasSession) return undefined
    return {
      receive: (data) => this.heard.push(`receive ${String(data)}`),
      end: (how) => this.heard.push(`end ${how}`),
      resumed: (adopted) => {
        if (this.asked !== undefined) {
          return new Promise((resolve) => this.asked?.(() => resolve(FACTS)))
        }
        if (answer === undefined) return new Promise(() => undefined)
        if (answer === 'yes') {
          adopted()
          return Promise.resolve(FACTS)
        }
        const code = answer === 'no' ? -32_002 : -32_010
        const error = { kind: 'error', id: 1, code, message: 'No such session.' } as const
        return Promise.reject(
          new UvCallError({ call: 'SESSION_OPEN', name: 'x' }, error, undefined),
        )
      },
    }
  }
}

export function begun(resumeMsMax = 1_000) {
  const world = new World(resumeMsMax)
  const first = world.transport()
  world.line.begin(first)
  return { world, first }
}
