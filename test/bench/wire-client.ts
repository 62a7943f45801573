/** `wire-client TASK JSON`: one measurement against a running server; prints its figures as JSON. */
import { createCipheriv, randomBytes } from 'node:crypto'
// As every client of ours has it.
import '../../src/bin/v8-flags.ts'
import { asGpa, asLpid, PAGE_SHIFT, PAGE_SIZE } from '../../src/abi/page.ts'
import { randomSource } from '../../src/peer/file-source.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import { beside } from './fairness-client.ts'
import { echoRate, type PageLoop, pageLoopRate, sinkRate, sourceRate } from './floor-client.ts'
import { connect, deleteVm, GIB, makeVm, pagesOf, switchVm, type World } from './wire-guest.ts'

const SMALL_KERNEL_BYTES = 262_144
const MIB = 2 ** 20

interface Target {
  readonly url: string
}
type Task = (given: never) => Promise<object>

/** The most of several measurements: the first ones run code that is not compiled yet. */
async function most<T>(rounds: number, measure: () => Promise<T>, rate: (one: T) => number) {
  let top = await measure()
  for (let round = 1; round < rounds; round++) {
    const next = await measure()
    if (rate(next) > rate(top)) top = next
  }
  return top
}

interface AllGiven extends Target {
  readonly protocol: UvProtocol
  readonly window: number
  readonly pages: number
  readonly each?: boolean
  readonly rounds?: number
}

/** One VM with content in every page, strategy `all`. */
async function all({ url, protocol, window, pages, each = false, rounds = 1 }: AllGiven) {
  const defer = each ? { defer: (flush: () => void) => flush() } : {}
  const world = await connect(url, { protocol, window, ...defer })
  const wish = { lpid: 1, size: pages * PAGE_SIZE, kernelBytes: SMALL_KERNEL_BYTES, tags: true }
  const { counters } = world.client.app.peer
  let first: number | undefined
  const measure = async () => {
    const lpid = await makeVm(world, wish)
    const { counts } = world.client.svm(lpid)
    const before = { ...counters, pageIns: counts.pageIns }
    const ms = await switchVm(world, wish, 'all')
    const sent = counters.messagesSent - before.messagesSent
    const received = counters.messagesReceived - before.messagesReceived
    const bytes =
      counters.bytesSent - before.bytesSent + counters.bytesReceived - before.bytesReceived
    const pageIns = counts.pageIns - before.pageIns
    await deleteVm(world, lpid)
    const pagesPerS = (pageIns / ms) * 1_000
    first ??= pagesPerS
    return {
      pagesPerS,
      firstPerS: first,
      messagesPerS: ((sent + received) / ms) * 1_000,
      bytes: bytes / (sent + received),
      sentPerPage: sent / pageIns,
      receivedPerPage: received / pageIns,
    }
  }
  const figures = await most(rounds, measure, ({ pagesPerS }) => pagesPerS)
  world.client.close()
  return figures
}

/** VMs of several sizes with a guest of 40 MB in each, strategy `necessary`. */
async function necessary({ url, sizes }: Target & { sizes: readonly number[] }) {
  const world = await connect(url, { protocol: 'bin', window: 64, contentMode: 'bytes' })
  const ms: number[] = []
  for (const size of [sizes[0] ?? GIB, ...sizes]) {
    const wish = { lpid: 1, size, kernelBytes: 40_000_000 }
    // The best of three: what the machine does besides is not the size's doing.
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 3; round++) {
      await makeVm(world, wish)
      best = Math.min(best, await switchVm(world, wish, 'necessary'))
      await deleteVm(world, 1)
    }
    ms.push(best)
  }
  world.client.close()
  return { ms: ms.slice(1) }
}

/** A VM full of bytes comes in, then goes out encrypted; the best of several times for each way. */
async function bytes({ url, pages, rounds }: Target & { pages: number; rounds: number }) {
  const world = await connect(url, { protocol: 'bin', window: 64, contentMode: 'bytes' })
  const wish = { lpid: 1, size: pages * PAGE_SIZE + 64 * MIB, kernelBytes: SMALL_KERNEL_BYTES }
  const first = 16 * MIB
  const content = randomSource(pages * PAGE_SIZE, 3)
  const pieces = async function* () {
    for (let at = 0; at < content.size; at += MIB) yield content.read(at, MIB)
  }
  let inMs = Number.POSITIVE_INFINITY
  let outMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const lpid = await makeVm(world, wish)
    await world.rest.write(lpid, asGpa(first), pieces())
    inMs = Math.min(inMs, await switchVm(world, wish, 'all'))
    outMs = Math.min(outMs, await pageOutAll(world, first, pages))
    await deleteVm(world, lpid)
  }
  world.client.close()
  const rate = (ms: number): number => ((pages * PAGE_SIZE) / ms) * 1_000
  return { in: rate(inMs), out: rate(outMs) }
}

function pageOutAll({ client }: World, first: number, pages: number): Promise<number> {
  const start = performance.now()
  let asked = 0
  let done = 0
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      const gpa = asGpa(first + asked++ * PAGE_SIZE)
      const body = {
        call: 'H_SVM_PAGE_OUT',
        lpid: asLpid(1),
        gpa,
        flags: 0,
        order: PAGE_SHIFT,
      } as const
      client.app.call(body, (outcome) => {
        if (outcome.kind !== 'answer' || outcome.ret !== 0)
          return reject(new Error(JSON.stringify(outcome)))
        if (++done === pages) resolve(performance.now() - start)
        else if (asked < pages) ask()
      })
    }
    for (let i = 0; i < 64; i++) ask()
  })
}

/** Many clients with one VM each. */
async function clients({ url, count }: Target & { count: number }) {
  const start = performance.now()
  let secure = 0
  const worlds: World[] = []
  let next = 1
  const work = async (): Promise<void> => {
    while (next <= count) {
      const wish = { lpid: next++, size: 64 * MIB, kernelBytes: SMALL_KERNEL_BYTES }
      const world = await connect(url, { protocol: 'bin' })
      worlds.push(world)
      await makeVm(world, wish)
      await switchVm(world, wish, 'necessary')
      secure++
    }
  }
  await Promise.all(Array.from({ length: 32 }, work))
  const s = (performance.now() - start) / 1_000
  const { sessions } = await new HvRest({ url }).call('getHost')
  await hold()
  for (const { client } of worlds) client.close()
  return { s, secure, sessions }
}

/** Many VMs of 100 GB, served by one client. */
async function vms({ url, count }: Target & { count: number }) {
  const world = await connect(url, { protocol: 'bin' })
  const start = performance.now()
  for (let lpid = 1; lpid <= count; lpid++) {
    const wish = { lpid, size: 100 * GIB, kernelBytes: SMALL_KERNEL_BYTES }
    await makeVm(world, wish)
    await switchVm(world, wish, 'necessary')
  }
  const s = (performance.now() - start) / 1_000
  const { secure } = await world.rest.call('countFrames', { path: { lpid: count } })
  await hold()
  world.client.close()
  return { s, secure }
}

/** Lets the bench look at the server while everything is held. */
async function hold(): Promise<void> {
  console.error('held')
  await new Promise((resume) => setTimeout(resume, 1_500))
}

/** The longest operations there are: a switch, a reset and the end of a VM of 1 TB. */
async function terabyte({ url }: Target) {
  const world = await connect(url, { protocol: 'bin' })
  const wish = { lpid: 1, size: 1_024 * GIB, kernelBytes: SMALL_KERNEL_BYTES }
  await makeVm(world, wish)
  const initMs = await switchVm(world, wish, 'necessary')
  const start = performance.now()
  await world.rest.call('resetVm', { path: { lpid: 1 } })
  const resetMs = performance.now() - start
  await deleteVm(world, 1)
  // And with a tag in every page: no run is longer than what was filled at once.
  await makeVm(world, { ...wish, tags: true })
  await switchVm(world, wish, 'necessary')
  await world.rest.call('resetVm', { path: { lpid: 1 } })
  await deleteVm(world, 1)
  world.client.close()
  return { initMs, resetMs, pages: pagesOf(wish.size) }
}

/** AES-256-GCM over pages, bytes a second. */
function sealRate(pages: number): number {
  const page = randomBytes(PAGE_SIZE)
  const key = randomBytes(32)
  const start = performance.now()
  for (let i = 0; i < pages; i++) {
    const run = createCipheriv('aes-256-gcm', key, randomBytes(12))
    run.update(page)
    run.final()
    run.getAuthTag()
  }
  return ((pages * PAGE_SIZE) / (performance.now() - start)) * 1_000
}

/** Copies of pages, bytes a second. */
function copyRate(pages: number): number {
  const from = randomBytes(PAGE_SIZE)
  const to = Buffer.alloc(16 * PAGE_SIZE)
  const start = performance.now()
  for (let i = 0; i < pages; i++) from.copy(to, (i % 16) * PAGE_SIZE)
  return ((pages * PAGE_SIZE) / (performance.now() - start)) * 1_000
}

interface FloorGiven extends Target {
  readonly count: number
  readonly size: number
  /** As often as what is held against it. */
  readonly rounds: number
}

const floor = (rate: (given: FloorGiven) => Promise<number>) => async (given: FloorGiven) => ({
  rate: await most(
    given.rounds,
    () => rate(given),
    (one) => one,
  ),
})

const TASKS: Readonly<Record<string, Task>> = {
  all,
  necessary,
  bytes,
  clients,
  vms,
  terabyte,
  beside,
  echo: floor(({ url, count, size }) => echoRate(url, count, Math.round(size), 32)),
  sink: floor(({ url, count, size }) => sinkRate(url, count, size)),
  source: floor(({ url, count, size }) => sourceRate(url, count, size)),
  pages: async (given: PageLoop) => ({ rate: await pageLoopRate(given) }),
  local: async () => ({ seal: sealRate(8_000), copy: copyRate(50_000) }),
}

const task = TASKS[process.argv[2] ?? '']
if (task === undefined) throw new Error(`tasks: ${Object.keys(TASKS).join(', ')}`)
console.log(JSON.stringify(await task(JSON.parse(process.argv[3] ?? '{}') as never)))
