/**
 * One client moves pages, another one does not read: rounds with and without it take turns, so that
 * what else the machine does falls on both alike.
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { asGpa, asLpid, PAGE_SHIFT, PAGE_SIZE } from '../../src/abi/page.ts'
import type { Beside } from './fairness.ts'
import { connect, makeVm, switchVm, type World } from './wire-guest.ts'

const LPID = asLpid(1)
const SIZE = 2 ** 26
/** Above the guest's kernel and tables. */
const FIRST = 2 ** 24
const MOVES = 400
const MOVES_AT_ONCE = 4
/** Calls that a peer makes before it is measured: their answers are ten times what the server holds. */
const FLOOD = 500
/** It goes on asking: so many milliseconds between two calls. */
const ASK_MS = 5

interface Round {
  readonly latency: number
  readonly p99: number
  readonly cpu: number
}

/** Rounds in pairs, and the middle of what they differ by. */
export async function beside({ url, pairs }: { url: string; pairs: number }): Promise<Beside> {
  const world = await connect(url, { protocol: 'json', window: 32 })
  const wish = { lpid: LPID, size: SIZE, kernelBytes: 262_144, tags: true }
  await makeVm(world, wish)
  await switchVm(world, wish, 'all')
  await measure(world, url)
  const ratios: Round[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const alone = await measure(world, url)
    const end = await neverRead(world.uv, LPID + 1 + pair)
    const crowded = await measure(world, url)
    end()
    ratios.push({
      latency: crowded.latency / alone.latency,
      p99: crowded.p99 / alone.p99,
      cpu: crowded.cpu / alone.cpu,
    })
  }
  world.client.close()
  return {
    latency: middle(ratios.map(({ latency }) => latency)),
    p99: middle(ratios.map(({ p99 }) => p99)),
    cpu: middle(ratios.map(({ cpu }) => cpu)),
  }
}

/** Pages go out and come in again; a few at a time. */
async function measure(world: World, url: string): Promise<Round> {
  const took: number[] = []
  const before = await cpuOf(url)
  let next = 0
  const work = async (): Promise<void> => {
    for (let move = next++; move < MOVES; move = next++) {
      const start = performance.now()
      await call(world, 'H_SVM_PAGE_OUT', move)
      await call(world, 'H_SVM_PAGE_IN', move)
      took.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: MOVES_AT_ONCE }, work))
  const cpu = (await cpuOf(url)) - before
  took.sort((a, b) => a - b)
  return { latency: middle(took), p99: took[Math.floor(took.length * 0.99)] ?? 0, cpu }
}

function call({ client }: World, name: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT', page: number) {
  const gpa = asGpa(FIRST + page * PAGE_SIZE)
  const body = { call: name, lpid: LPID, gpa, flags: 0, order: PAGE_SHIFT } as const
  return new Promise<void>((resolve, reject) => {
    client.app.call(body, (outcome) => {
      if (outcome.kind === 'answer' && outcome.ret === 0) resolve()
      else reject(new Error(JSON.stringify(outcome)))
    })
  })
}

/** A peer with a VM that asks for pages and reads nothing, until it is ended. */
async function neverRead(uv: string, lpid: number): Promise<() => void> {
  const socket = new WebSocket(uv, ['uvmem.v1.json'], { perMessageDeflate: false })
  await once(socket, 'open')
  let id = 0
  const ask = (method: string, params: object): void => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }))
  }
  ask('SESSION_OPEN', { name: 'never reads' })
  ask('UV_REGISTER_MEM_SLOT', { lpid, start_gpa: 0, size: PAGE_SIZE, flags: 0, slotid: 0 })
  await once(socket, 'message')
  socket.pause()
  const load = { lpid, ra: '0x10000', offset: 0, length: PAGE_SIZE }
  for (let n = 0; n < FLOOD; n++) ask('MEM_READ', load)
  const timer = setInterval(() => ask('MEM_READ', load), ASK_MS)
  await new Promise((resume) => setTimeout(resume, 300))
  return () => {
    clearInterval(timer)
    socket.terminate()
  }
}

/** Seconds of processor time that the server has had. */
async function cpuOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = /^process_cpu_seconds_total (\S+)/m.exec(text)
  if (found === null) throw new Error('the server does not tell its processor time')
  return Number(found[1])
}

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
