/**
 * Random calls over connections that break: page moves by the ultravisor, which nest an ultracall each,
 * and touches by the host, which make ultracalls of their own. Every call has to end with the one code
 * that it has when it is executed once, in its order.
 */
import { type Gfn, gpaOf, PAGE_SHIFT } from '../../src/abi/page.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'
import { LPID, ResumeWorld, testFrames, type WorldOptions } from './resume-world.ts'
import type { Fault } from './tcp-proxy.ts'

export interface RunWish extends Omit<WorldOptions, 'random'> {
  readonly seed: number
  readonly calls: number
  /** Connections that break; delays come in between and do not count. */
  readonly cuts: number
  /** Calls and touches that are under way at once. */
  readonly atOnce?: number
  /** Told now and then how far it is. */
  readonly progress?: (calls: number, cuts: number) => void
}

export interface RunResult {
  readonly calls: number
  readonly cuts: number
  readonly resumes: number
  /** Sent again, joined or repeated: how often the tables were needed. */
  readonly resent: number
  readonly repeated: number
  readonly fenced: number
  /** What is wrong; nothing is lost and nothing executed twice when it is empty. */
  readonly wrong: readonly string[]
}

const KINDS: readonly Fault['kind'][] = ['cut', 'cut', 'cut', 'unnoticed', 'late', 'delay']

/** Bytes of one call there and back, each way, roughly. */
const CALL_BYTES = 120

/**
 * Bytes that pass before a fault strikes: half of them inside the next messages, the others so far away
 * that the faults are spread over all calls.
 */
const bytesBefore = (random: Prng, callsPerCut: number): number =>
  random.int(2) === 0 ? random.int(400) : random.int(Math.ceil(4 * callsPerCut * CALL_BYTES) + 1)

class Breaker {
  cuts = 0
  readonly #world: ResumeWorld
  readonly #random: Prng
  readonly #most: number
  readonly #callsPerCut: number

  constructor(world: ResumeWorld, random: Prng, { cuts, calls }: RunWish) {
    this.#world = world
    this.#random = random
    this.#most = cuts
    this.#callsPerCut = calls / Math.max(1, cuts)
  }

  /** Arms the next fault; each arms its successor, until there were enough. */
  next(): void {
    if (this.cuts >= this.#most) return
    const kind = KINDS[this.#random.int(KINDS.length)] ?? 'cut'
    const direction = this.#random.int(2) === 0 ? 'up' : 'down'
    this.#world.proxy.arm(
      { kind, direction, bytes: bytesBefore(this.#random, this.#callsPerCut) },
      () => {
        if (kind === 'delay') return this.next()
        this.cuts++
        // One of four strikes again before the session goes on.
        if (this.#random.int(4) === 0) this.next()
        else this.#world.whenResumed(() => this.next())
      },
    )
  }
}

export async function run(wish: RunWish): Promise<RunResult> {
  const random = prng(wish.seed)
  await using world = await ResumeWorld.start({ ...wish, random: random.real })
  const breaker = new Breaker(world, random, wish)
  const asked = new Map<string, number>()
  const wrong: string[] = []
  const executedBefore = {
    in: world.executed('H_SVM_PAGE_IN'),
    out: world.executed('H_SVM_PAGE_OUT'),
  }
  breaker.next()
  await move(world, random, wish, breaker, asked, wrong)
  world.proxy.disarm()
  const calls = [...asked.values()].reduce((sum, n) => sum + n, 0)
  for (const [call, before] of [
    ['H_SVM_PAGE_IN', executedBefore.in],
    ['H_SVM_PAGE_OUT', executedBefore.out],
  ] as const) {
    const executed = world.executed(call) - before
    if (executed !== asked.get(call)) {
      wrong.push(`${call}: asked ${asked.get(call)} times, executed ${executed} times`)
    }
  }
  const { counters } = world.client.app.peer
  return {
    calls,
    cuts: breaker.cuts,
    resumes: world.resumes,
    resent: counters.callsResent,
    repeated: counters.callsRepeated,
    fenced: world.fences.count,
    wrong: [...wrong, ...(await world.wrong())].slice(0, 20),
  }
}

/** Moves frames in and out until there were enough calls. */
function move(
  world: ResumeWorld,
  random: Prng,
  wish: RunWish,
  breaker: Breaker,
  asked: Map<string, number>,
  wrong: string[],
): Promise<void> {
  const { calls, cuts, atOnce = 24, progress } = wish
  /** True: the frame is in secure memory. Frames under way are in neither set. */
  const idle = { secure: [...testFrames()], out: [] as Gfn[] }
  let made = 0
  let open = 0
  return new Promise((resolve) => {
    const isEnough = (): boolean => wrong.length > 0 || (made >= calls && breaker.cuts >= cuts)
    const begin = (): void => {
      if (isEnough()) {
        if (open === 0) resolve()
        return
      }
      while (open < atOnce && !isEnough()) one()
    }
    const one = (): void => {
      const from = random.int(2) === 0 && idle.out.length > 0 ? 'out' : 'secure'
      const list = idle[from].length > 0 ? from : from === 'out' ? 'secure' : 'out'
      const [gfn] = idle[list].splice(random.int(idle[list].length), 1)
      if (gfn === undefined) return
      open++
      const ended = (code: number | string): void => {
        open--
        if (code !== 0) wrong.push(`GFN ${gfn} from ${list}: ${code}`)
        idle[list === 'secure' ? 'out' : 'secure'].push(gfn)
        setImmediate(begin)
      }
      if (list === 'secure' && random.int(4) === 0) touch(world, gfn, ended)
      else {
        made++
        if (made % 10_000 === 0) progress?.(made, breaker.cuts)
        call(world, list === 'secure' ? 'H_SVM_PAGE_OUT' : 'H_SVM_PAGE_IN', gfn, asked, ended)
      }
    }
    begin()
  })
}

function call(
  world: ResumeWorld,
  name: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT',
  gfn: Gfn,
  asked: Map<string, number>,
  ended: (code: number | string) => void,
): void {
  asked.set(name, (asked.get(name) ?? 0) + 1)
  const body = { call: name, lpid: LPID, gpa: gpaOf(gfn), flags: 0, order: PAGE_SHIFT } as const
  world.client.app.call(body, (outcome) => {
    ended(outcome.kind === 'answer' ? outcome.ret : outcome.message)
  })
}

/** The host looks at the page: the ultravisor is asked for its ciphertext, in no call's context. */
function touch(world: ResumeWorld, gfn: Gfn, ended: (code: number | string) => void): void {
  world.app.vmm.touch(LPID, gfn).then(
    (outcome) => ended(outcome.how === 'done' ? outcome.result : outcome.how),
    (error: unknown) => ended(String(error)),
  )
}
