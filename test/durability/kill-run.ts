/**
 * Servers that are killed in the middle of their work, again and again, and what their guests and
 * operators make of it: whatever was acknowledged must be there, and every call ends as if nothing
 * had happened.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asLpid } from '../../src/abi/page.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'
import { imageOf } from '../../src/load/image.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import type { Program } from '../built-program.ts'
import { GUEST_PAGES, GuestWork } from './guest-work.ts'
import { OperatorWork } from './operator-work.ts'
import { again } from './rest-again.ts'
import { type Place, ServerProcess } from './server-process.ts'

/** Acknowledged calls between two kills, at most; and milliseconds, however few there were. */
const callsMax = 40
const workMsMax = 3_000
/** Of so many kills one is a SIGTERM, unless something else is asked for. */
const TERM_EVERY = 10
/** What a server says that was killed while it wrote: all of that was still unsaid. */
const TORN_TAIL =
  /^.*: the last \d+ bytes were never whole and are cut: nobody was told of them\.\n/gm
/** Milliseconds that a server has to end after a SIGTERM. */
export const termMsMax = 3_000

export interface KillWish {
  readonly program: Program
  readonly kills: number
  /** Servers at once. */
  readonly servers: number
  readonly seed: number
  /** Of so many kills one is a SIGTERM; 1: all are. */
  readonly termEvery?: number
  /** Told of every kill. */
  readonly killed?: (count: number) => void
}

export interface KillResult {
  readonly kills: number
  /** Calls of guests and operators that were acknowledged. */
  readonly acknowledged: number
  /** Milliseconds from a start to the ready line: the middle one and the longest. */
  readonly startMs: { readonly median: number; readonly max: number }
  /** Milliseconds from each SIGTERM to the end, longest last. */
  readonly termsMs: readonly number[]
  /** What was not as it should be: nothing. */
  readonly wrong: readonly string[]
}

export async function runKills(wish: KillWish): Promise<KillResult> {
  const left = { kills: wish.kills }
  const parts = await Promise.all(
    Array.from({ length: wish.servers }, (_, i) => runServer(wish, left, prng(wish.seed + i))),
  )
  const starts = parts.flatMap(({ startsMs }) => startsMs).sort((a, b) => a - b)
  return {
    kills: wish.kills - left.kills,
    acknowledged: parts.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    startMs: {
      median: Math.round(starts[starts.length >> 1] ?? 0),
      max: Math.round(starts.at(-1) ?? 0),
    },
    termsMs: parts.flatMap(({ termsMs }) => termsMs).sort((a, b) => a - b),
    wrong: parts.flatMap(({ wrong }) => wrong),
  }
}

interface Part {
  readonly acknowledged: number
  readonly startsMs: readonly number[]
  readonly termsMs: readonly number[]
  readonly wrong: readonly string[]
}

async function runServer(wish: KillWish, left: { kills: number }, random: Prng): Promise<Part> {
  const dir = mkdtempSync(join(tmpdir(), 'uvmem-durability-'))
  // Small files, so that they often take over from each other.
  const words = ['--pool', '64MiB', '--window', '8']
  const server = new ServerProcess(wish.program, dir, words)
  try {
    const works = await begin(await server.start(), random)
    let isOver = false
    const workers = Promise.all(works.all.map((work) => work.work(() => isOver)))
    const wrong: string[] = []
    const termsMs: number[] = []
    const termEvery = wish.termEvery ?? TERM_EVERY
    workers.catch((error: unknown) => wrong.push(String(error)))
    while (left.kills > 0 && wrong.length === 0) {
      left.kills--
      wish.killed?.(wish.kills - left.kills)
      const isTerm = random.int(termEvery) === 0
      const end = await kill(server, random, isTerm, () => doneIn(works))
      if (isTerm) termsMs.push(end.tookMs)
      if (isTerm && end.code !== 0) wrong.push(`SIGTERM under load: it ended with ${end.code}`)
      await server.start()
    }
    isOver = true
    await workers.catch(() => undefined)
    if (wrong.length === 0) wrong.push(...(await checkAll(works)))
    for (const client of works.clients) client.close()
    if ((await server.end('SIGTERM')) !== 0) wrong.push('SIGTERM did not end it with 0')
    const complaints = server.err.replaceAll(TORN_TAIL, '')
    if (complaints !== '') wrong.push(complaints)
    return { acknowledged: doneIn(works), startsMs: server.startsMs, termsMs, wrong }
  } finally {
    await server.end('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Under load: not after a call, but anywhere in the one behind it. */
async function kill(
  server: ServerProcess,
  random: Prng,
  isTerm: boolean,
  done: () => number,
): Promise<{ readonly code: number | null; readonly tookMs: number }> {
  const until = done() + random.int(callsMax)
  const late = performance.now() + workMsMax
  while (done() < until && performance.now() < late) await sleep(1)
  await sleep(random.int(8))
  const began = performance.now()
  const code = await server.end(isTerm ? 'SIGTERM' : 'SIGKILL')
  return { code, tookMs: performance.now() - began }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const doneIn = ({ all }: Works): number => all.reduce((sum, { done }) => sum + done, 0)

interface Works {
  readonly clients: readonly UvClient[]
  readonly guests: readonly GuestWork[]
  readonly operator: OperatorWork
  readonly all: readonly (GuestWork | OperatorWork)[]
  readonly rest: HvRest
}

async function begin({ url, uv }: Place, random: Prng): Promise<Works> {
  const rest = new HvRest({ url })
  const image = imageOf(GUEST_PAGES, 1)
  if (typeof image === 'string') throw new Error(image)
  const backoff = { firstMs: 5, highestMs: 50 }
  const clients: UvClient[] = []
  const guests: GuestWork[] = []
  for (const [i, protocol] of (['json', 'bin'] as const).entries()) {
    const client = await connectUv({ url: uv, protocol, backoff, window: 8, resumeMsMax: 60_000 })
    await client.open()
    clients.push(client)
    const work = new GuestWork(asLpid(i + 1), client, rest, image, prng(random.int(2 ** 31)))
    await work.boot()
    guests.push(work)
  }
  const operator = new OperatorWork(rest, prng(random.int(2 ** 31)))
  return { clients, guests, operator, all: [...guests, operator], rest }
}

async function checkAll({ guests, operator, rest }: Works): Promise<readonly string[]> {
  const wrong = [...(await operator.check())]
  for (const guest of guests) wrong.push(...(await guest.check()))
  const found = await again(() => rest.call('getInvariants'))
  if (found?.unexplained !== 0) wrong.push(`invariants: ${JSON.stringify(found?.violations)}`)
  return wrong
}
