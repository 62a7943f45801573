/** The fuzzers that the command runs, each with the promise that it puts to the test. */
import { LIMITS } from '../../schemas/limits.ts'
import { listen } from '../../src/server/listen.ts'
import { type ServerOptions, server } from '../server/server.ts'
import { fuzzRest } from './rest-fuzz.ts'
import { measureSlow } from './slow-run.ts'
import { fuzzSockets, fuzzWire } from './wire-run.ts'

/** One line of evidence. */
export interface Figure {
  readonly id: string
  readonly promise: string
  /** What the peer does. */
  readonly fault: string
  readonly count: number
  readonly seed: number
  readonly durationMs: number
  readonly ok: boolean
  /** Counts by outcome, or how it failed, for a person. */
  readonly detail: string
}

export interface FuzzWishes {
  readonly messages: number
  readonly requests: number
  readonly sockets: number
  readonly seed: number
  readonly tell: (line: string) => void
}

export interface Fuzzer {
  readonly name: string
  readonly run: (wishes: FuzzWishes) => Promise<readonly Figure[]>
}

/** The heap may grow by so much from a warm start to the end. */
const heapGrowthMax = 1.05
/** One message in so many goes over a socket. */
const socketShare = 20

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([what, times]) => `       ${what}: ${times}`)
    .join('\n')

async function runWire({ messages, seed, tell }: FuzzWishes): Promise<readonly Figure[]> {
  const run = await fuzzWire(messages, seed, { tell })
  const { first, last } = run.heap
  const isFlat = last <= first * heapGrowthMax
  const heap = `       heap: ${first} bytes warm, ${last} at the end, ${((last / first - 1) * 100).toFixed(1)} %`
  return [
    {
      id: 'hostile-wire',
      promise:
        'Each message has its documented outcome; nothing throws; the heap is flat within 5 %',
      fault:
        'random and mutated JSON and binary messages from 1 of 2 to 1 of 40, a good client beside',
      count: run.messages,
      seed,
      durationMs: run.durationMs,
      ok: run.failure === undefined && isFlat,
      detail: run.failure ?? `${counted(run.outcomes)}\n${heap}`,
    },
  ]
}

/** A server of its own for as long as `use` runs. */
export async function withServer<T>(
  options: ServerOptions,
  use: (address: { readonly url: string; readonly uv: string }) => Promise<T>,
): Promise<T> {
  const app = server(options)
  try {
    return await use(await listen(app, '127.0.0.1', 0))
  } finally {
    await app.close()
  }
}

/** A host that rubbish cannot fill with memory. */
export const SMALL_HOST = {
  ...LIMITS,
  vmsMax: 12,
  slotsPerVmMax: 6,
  framesPerSlotMax: 64,
  sessionGraceMs: 50,
}

async function runSockets({ messages, seed }: FuzzWishes): Promise<readonly Figure[]> {
  const wanted = Math.ceil(messages / socketShare)
  const run = await withServer({ limits: SMALL_HOST }, ({ uv }) => fuzzSockets(uv, wanted, seed))
  return [
    {
      id: 'hostile-sockets',
      promise: 'Connections end with a documented code or go on; a good client is always served',
      fault: 'the same messages in spoilt, fragmented and chopped WebSocket frames',
      count: run.messages,
      seed,
      durationMs: run.durationMs,
      ok: run.failure === undefined,
      detail:
        run.failure ?? counted({ lives: run.lives, 'good calls': run.goodCalls, ...run.ends }),
    },
  ]
}

async function runRest({ requests, seed, tell }: FuzzWishes): Promise<readonly Figure[]> {
  const options = { limits: SMALL_HOST, app: { journalEvents: 1_024 } }
  const run = await fuzzRest(requests, seed, options, tell)
  const { first, last } = run.heap
  const heap = `       heap: ${first} bytes warm, ${last} at the end`
  const detail = `${counted(run.statuses)}\n       operations that succeeded: ${run.succeeded.size}\n${heap}`
  return [
    {
      id: 'hostile-rest',
      promise: 'No 5xx but those of waits; every answer is valid against the OpenAPI document',
      fault: 'requests grown from the document: five of ten valid, three nearly, two wild',
      count: run.requests,
      seed,
      durationMs: run.durationMs,
      ok: run.failure === undefined && last <= Math.max(1, first) * heapGrowthMax,
      detail: run.failure ?? detail,
    },
  ]
}

/** The median beside slow peers may be so many times that of a quiet server. */
const slowdownMax = 2

async function runSlow({ sockets, seed, tell }: FuzzWishes): Promise<readonly Figure[]> {
  const run = await measureSlow(sockets, tell)
  const ratio = run.beside / run.quiet
  const lines = [
    `alone: median ${run.quiet} us, 99th of 100 ${run.quietP99} us`,
    `beside: median ${run.beside} us, 99th of 100 ${run.besideP99} us`,
    `ratio of the medians: ${ratio.toFixed(2)}; calls that failed: ${run.failed}`,
  ]
  return [
    {
      id: 'hostile-slow',
      promise: 'A good client is served within twice the time that it takes on a quiet server',
      fault: `half-open and slow sockets of every kind, and ${run.neverReading} clients that never read`,
      count: run.sockets,
      seed,
      durationMs: run.durationMs,
      ok: run.failed === 0 && ratio <= slowdownMax,
      detail: lines.map((line) => `       ${line}`).join('\n'),
    },
  ]
}

export const fuzzers: readonly Fuzzer[] = [
  { name: 'slow', run: runSlow },
  { name: 'rest', run: runRest },
  { name: 'wire', run: runWire },
  { name: 'sockets', run: runSockets },
]
