/**
 * A server that is used without a rest: guests that work, visitors that come and go. Its memory must
 * stay flat, and once all have gone nothing of them may be left.
 */
import { asGpa, asLpid, asSlotId, type Lpid, PAGE_SIZE } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { imageOf } from '../../src/load/image.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import { GUEST_PAGES, GuestWork } from '../durability/guest-work.ts'
import { again } from '../durability/rest-again.ts'
import { type Held, ServerProcess } from './server-process.ts'
import { Standstills } from './standstills.ts'

export interface SoakWish {
  readonly seconds: number
  readonly seed: number
  /** Milliseconds between two things that a guest does: 0 is as fast as it can. */
  readonly restMs: number
  readonly tell?: (line: string) => void
}

export interface SoakResult {
  readonly seconds: number
  /** What the guests did, and visits. */
  readonly done: number
  readonly visits: number
  /** Bytes of the heap without garbage: the median of the first and of the last quarter. */
  readonly heap: { readonly first: number; readonly last: number }
  /** What is wrong: nothing. */
  readonly wrong: readonly string[]
}

/** From a warm server to the end the heap may grow by so much. */
export const heapGrowthMax = 1.05
/** Of the time, so much is for getting warm. */
const warmShare = 0.25
const looks = 24
const visitEveryMs = 100
const FIRST_VISITOR = 1_000
const VISITORS = 500
/** Milliseconds that sockets and sessions have to go after the last client. */
const goneMsMax = 20_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const medianOf = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

export async function soak(wish: SoakWish): Promise<SoakResult> {
  const server = await ServerProcess.start()
  try {
    const run = new Soak(wish, server)
    return await run.play()
  } finally {
    server.kill()
  }
}

class Soak {
  readonly #wish: SoakWish
  readonly #server: ServerProcess
  readonly #rest: HvRest
  readonly #clients: UvClient[] = []
  readonly #guests: GuestWork[] = []
  readonly #wrong: string[] = []
  #visits = 0
  #isOver = false

  constructor(wish: SoakWish, server: ServerProcess) {
    this.#wish = wish
    this.#server = server
    this.#rest = new HvRest({ url: server.address.url })
  }

  async play(): Promise<SoakResult> {
    const before = await this.#server.look('all')
    await this.#begin()
    const rest = async (): Promise<boolean> => {
      await sleep(this.#wish.restMs)
      return this.#isOver
    }
    const works = [...this.#guests.map((guest) => guest.work(rest)), this.#visit()]
    const ended = Promise.all(works).catch((error: unknown) => this.#wrong.push(String(error)))
    const heap = await this.#watch()
    this.#isOver = true
    await ended
    for (const guest of this.#guests) this.#wrong.push(...(await guest.check()))
    await this.#leave(before)
    const code = await this.#server.end()
    if (code !== 0) this.#wrong.push(`the server ended with ${code}`)
    if (this.#server.err !== '') this.#wrong.push(`the server said: ${this.#server.err}`)
    const done = this.#guests.reduce((sum, guest) => sum + guest.done, 0)
    return {
      ...{ seconds: this.#wish.seconds, done, visits: this.#visits },
      heap,
      wrong: this.#wrong,
    }
  }

  async #begin(): Promise<void> {
    const image = imageOf(GUEST_PAGES, 1)
    if (typeof image === 'string') throw new Error(image)
    for (const [i, protocol] of (['json', 'bin', 'json', 'bin'] as const).entries()) {
      const client = await connectUv({ url: this.#server.address.uv, protocol, window: 8 })
      await client.open()
      this.#clients.push(client)
      const random = prng(this.#wish.seed + i)
      const guest = new GuestWork(asLpid(i + 1), client, this.#rest, image, random)
      await guest.boot()
      this.#guests.push(guest)
    }
  }

  /** Looks at the heap now and then; a server that is warm must not grow. */
  async #watch(): Promise<SoakResult['heap']> {
    const heaps: number[] = []
    const every = (this.#wish.seconds * 1_000) / looks
    for (let look = 1; look <= looks && this.#wrong.length === 0; look++) {
      await sleep(every)
      const { heap, rss } = await this.#server.look('all')
      heaps.push(heap)
      this.#wish.tell?.(`${Math.round((look * every) / 1_000)} s: heap ${heap}, rss ${rss}`)
    }
    const warm = heaps.slice(Math.floor(looks * warmShare))
    const quarter = Math.ceil(warm.length / 4)
    const heap = { first: medianOf(warm.slice(0, quarter)), last: medianOf(warm.slice(-quarter)) }
    if (heap.last > heap.first * heapGrowthMax) {
      this.#wrong.push(`the heap grew from ${heap.first} to ${heap.last} bytes`)
    }
    return heap
  }

  /** Short sessions, each with a VM of its own, a look at the metrics, and a stream that is cut. */
  async #visit(): Promise<void> {
    const standstills = new Standstills()
    try {
      while (!this.#isOver) {
        await standstills.over(() => this.#visitOnce())
        await sleep(visitEveryMs)
      }
    } finally {
      standstills.end()
    }
  }

  async #visitOnce(): Promise<void> {
    const { uv, url } = this.#server.address
    const lpid = asLpid(FIRST_VISITOR + (this.#visits % VISITORS))
    const protocol = this.#visits % 2 === 0 ? 'bin' : 'json'
    this.#visits++
    const client = await connectUv({ url: uv, protocol })
    try {
      await client.open()
      await client.svm(lpid).registerSlot(asSlotId(0), asGpa(0), PAGE_SIZE)
    } finally {
      client.close()
    }
    await this.#remove(lpid)
    await (await fetch(`${url}/metrics`)).arrayBuffer()
    const stop = new AbortController()
    const stream = await fetch(`${url}/v1/journal/stream`, { signal: stop.signal })
    await stream.body?.getReader().read()
    stop.abort()
  }

  async #remove(lpid: Lpid): Promise<void> {
    await again(() => this.#rest.call('deleteVm', { path: { lpid } }))
  }

  /** Everybody goes. What the server had before anybody came, and no more, is left. */
  async #leave(before: Held): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const { lpid } of this.#guests) await this.#remove(lpid)
    const late = performance.now() + goneMsMax
    for (;;) {
      const left = leftOf(before, await this.#server.look('quick'))
      if (left.length === 0) return
      if (performance.now() > late) {
        this.#wrong.push(`left behind: ${left.join(', ')}`)
        return
      }
      await sleep(100)
    }
  }
}

/** What is there that was not there before. */
function leftOf(before: Held, now: Held): readonly string[] {
  const more = Object.entries(now.resources)
    .filter(([kind, count]) => count > (before.resources[kind] ?? 0))
    .map(([kind, count]) => `${count} ${kind} instead of ${before.resources[kind] ?? 0}`)
  const counts = (['sessions', 'vms', 'devicePages'] as const)
    .filter((name) => now[name] !== 0)
    .map((name) => `${now[name]} ${name}`)
  return [...more, ...counts]
}
