/** Runs the fuzzer of the wire to its end, in the suite or by command. */
import { performance } from 'node:perf_hooks'
import { Line } from '../server/line.ts'
import { GOOD_LPID } from './good-client.ts'
import { dataBytes } from './heap.ts'
import type { Protocol } from './hostility.ts'
import { tellFailure } from './shrink.ts'
import { playLife, type SocketCounts } from './socket-fuzz.ts'
import { type WireCounts, WireFuzz } from './wire-fuzz.ts'

export interface WireFigures extends Omit<WireCounts, 'outcomes'> {
  readonly outcomes: Readonly<Record<string, number>>
  readonly durationMs: number
  /** Bytes of data in use when the run is warm, after three tenths of it, and the most and last after that. */
  readonly heap: { readonly first: number; readonly most: number; readonly last: number }
  /** Told to a person, with the seed and the shortest story that fails. */
  readonly failure: string | undefined
}

/** Looks at the heap in one run, and those before it is warm: code is compiled, rings are full. */
const looks = 10
const cold = 2

export interface WireOptions {
  readonly tell?: (line: string) => void
  /** What the clients speak; both, when it is left out. */
  readonly protocols?: readonly Protocol[]
}

/** In one process: `messages` of them, and all that they lead to. */
export async function fuzzWire(
  messages: number,
  seed: number,
  { tell, protocols }: WireOptions = {},
): Promise<WireFigures> {
  const fuzz = new WireFuzz(seed, protocols)
  const { counts } = fuzz
  const start = performance.now()
  const heaps: number[] = []
  let failure: string | undefined
  while (counts.messages < messages && failure === undefined) {
    const failed = await fuzz.round()
    if (failed !== undefined) failure = await tellFailure(seed, counts.rounds, failed)
    if (counts.messages >= ((heaps.length + 1) * messages) / looks) {
      heaps.push(await dataBytes())
      tell?.(`${counts.messages} messages, heap ${((heaps.at(-1) ?? 0) / 2 ** 20).toFixed(1)} MiB`)
    }
  }
  const { outcomes, ...rest } = counts
  const [first = 0, ...later] = heaps.slice(cold)
  return {
    ...rest,
    outcomes: Object.fromEntries([...outcomes].sort(([a], [b]) => a.localeCompare(b))),
    durationMs: Math.round(performance.now() - start),
    heap: { first, most: Math.max(first, ...later), last: later.at(-1) ?? first },
    failure,
  }
}

export interface SocketFigures {
  readonly messages: number
  readonly lives: number
  /** By close code; 0: still open. */
  readonly ends: Readonly<Record<string, number>>
  readonly goodCalls: number
  readonly durationMs: number
  readonly failure: string | undefined
}

const GOOD_SLOT = { lpid: GOOD_LPID, start_gpa: 0, size: 65_536, flags: 0, slotid: 0 }
/** Connections at the same time. */
const atOnce = 8

/** Over sockets, against the server at `uv`: a good client makes a call after every life. */
export async function fuzzSockets(
  uv: string,
  messages: number,
  seed: number,
): Promise<SocketFigures> {
  const counts: SocketCounts = { messages: 0, lives: 0, ends: new Map() }
  const port = Number(new URL(uv).port)
  const start = performance.now()
  const good = new Line(uv)
  await good.opened()
  await good.call('SESSION_OPEN', { name: 'good' })
  await good.call('UV_REGISTER_MEM_SLOT', GOOD_SLOT)
  let goodCalls = 0
  let begun = 0
  let failure: string | undefined
  const worker = async (): Promise<void> => {
    while (counts.messages < messages && failure === undefined) {
      begun++
      const wrong = await playLife(port, seed + begun * 104_729, counts)
      const { result } = await good.call('H_SVM_INIT_DONE', { lpid: GOOD_LPID })
      goodCalls++
      failure ??=
        wrong ?? (result?.ret === -67 ? undefined : `good client: ${JSON.stringify(result)}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  good.socket.terminate()
  return {
    messages: counts.messages,
    lives: counts.lives,
    ends: Object.fromEntries([...counts.ends].map(([code, times]) => [String(code), times])),
    goodCalls,
    durationMs: Math.round(performance.now() - start),
    failure,
  }
}
