/** A client's line: when it connects again, how long it waits, and when it gives up. */
import t from 'tap'
import { BACKOFF, backoffMs } from '../../src/peer/uv-backoff.ts'
import type { Attempt } from '../../src/peer/uv-client.ts'
import { UvCallError } from '../../src/peer/uv-errors.ts'
import { type LinePorts, UvLine } from '../../src/peer/uv-line.ts'
import type { Ending, WsTransport } from '../../src/peer/ws-transport.ts'

type Heard = Parameters<LinePorts['connect']>[0]

/** A line whose world is moved by hand: connections, answers, and time. */
class World {
  readonly line: UvLine
  readonly told: string[] = []
  readonly waits: number[] = []
  readonly dialled: Heard[] = []
  readonly endings: Ending[] = []
  readonly terminated: WsTransport[] = []
  hasSession = true
  /** What the next attempts get: a connection, or why there is none. */
  reachable = true
  /** What the hypervisor says to SESSION_OPEN; undefined: nothing. */
  answer: 'yes' | 'no' | undefined = 'yes'
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
        told: (state) => this.told.push(state),
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
    return this.reachable
      ? Promise.resolve(this.transport())
      : Promise.reject(new Error('connect ECONNREFUSED'))
  }

  #attempt(): Attempt {
    const { answer } = this
    return {
      receive: () => undefined,
      end: () => undefined,
      resumed: (adopted) => {
        if (answer === undefined) return new Promise(() => undefined)
        if (answer === 'yes') {
          adopted()
          return Promise.resolve({
            session: 's1',
            token: 'x',
            host: { pageShift: 16, poolPages: 1, profile: 'spec' },
          })
        }
        const error = { kind: 'error', id: 1, code: -32_002, message: 'No such session.' } as const
        return Promise.reject(
          new UvCallError({ call: 'SESSION_OPEN', name: 'x' }, error, undefined),
        )
      },
    }
  }
}

function begun(resumeMsMax = 1_000) {
  const world = new World(resumeMsMax)
  const first = world.transport()
  world.line.begin(first)
  return { world, first }
}

t.test('a connection that breaks is mended, and the session goes on', async (t) => {
  const { world, first } = begun()
  world.end(first)
  t.same([world.line.state, world.detached, world.dialled.length], ['resuming', 1, 0])
  await world.pass()
  t.same(world.told, ['resuming', 'connected'])
  t.equal(world.line.state, 'connected')
  t.equal(world.timers, 0, 'nothing is left to do')
  world.end(first)
  t.equal(world.line.state, 'connected', 'what the old connection says does not count')
})

t.test('it waits longer each time, and gives up when the time is over', async (t) => {
  const { world, first } = begun(1_000)
  world.reachable = false
  world.end(first)
  while (world.line.state === 'resuming') await world.pass()
  t.same(world.waits, [10, 20, 40, 80, 100, 100, 100, 100, 100, 100, 100, 100])
  t.ok(world.now <= 1_000)
  t.same(world.told.at(-1), 'lost')
  t.match(world.endings, [
    {
      code: 1_006,
      sentence:
        'ended with 1006; the session could not be resumed within 1000 ms: connect ECONNREFUSED',
    },
  ])
})

t.test('a refusal is final: nobody asks again', async (t) => {
  const { world, first } = begun()
  world.answer = 'no'
  world.end(first)
  await world.pass()
  t.equal(world.line.state, 'lost')
  t.equal(world.dialled.length, 1)
  t.match(world.endings, [{ sentence: /^ended with 1006; the session is not resumed: .*No such/ }])
})

t.test('what says nothing to SESSION_OPEN is cut, and tried again', async (t) => {
  const { world, first } = begun(60_000)
  world.answer = undefined
  world.end(first)
  await world.pass()
  t.equal(world.terminated.length, 0)
  await world.pass()
  t.equal(world.terminated.length, 1, 'after ten seconds')
  t.equal(world.now, 10_010)
})

t.test('only a break is mended: a goodbye, a fence or a reset is the end', async (t) => {
  for (const [code, goesOn] of [
    [1_006, true],
    [4_002, true],
    [4_003, true],
    [1_000, false],
    [1_001, false],
    [1_011, false],
    [4_001, false],
    [4_006, false],
    [4_007, false],
  ] as const) {
    const { world, first } = begun()
    world.end(first, code)
    t.equal(world.line.state, goesOn ? 'resuming' : 'lost', String(code))
    t.equal(world.endings.length, goesOn ? 0 : 1, String(code))
  }
})

t.test('without time, without a session, or after close nothing is tried', async (t) => {
  const none = begun(0)
  none.world.end(none.first)
  t.equal(none.world.line.state, 'lost')
  const fresh = begun()
  fresh.world.hasSession = false
  fresh.world.end(fresh.first)
  t.equal(fresh.world.line.state, 'lost')
  const closed = begun()
  closed.world.end(closed.first)
  closed.world.line.close()
  t.equal(closed.world.timers, 0)
  t.equal(closed.world.line.state, 'lost')
})

t.test(
  'waits are by chance: the first from nothing, the others from half of their highest',
  async (t) => {
    t.equal(backoffMs(BACKOFF, 0, 0), 0)
    t.equal(backoffMs(BACKOFF, 0, 1), 50)
    t.equal(backoffMs(BACKOFF, 1, 0), 50)
    t.equal(backoffMs(BACKOFF, 1, 1), 100)
    t.equal(backoffMs(BACKOFF, 5, 0), 800)
    t.equal(backoffMs(BACKOFF, 6, 1), 2_000, 'no more than the highest')
    t.equal(backoffMs(BACKOFF, 1_000, 1), 2_000)
  },
)
