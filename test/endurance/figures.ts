/** What the endurance runs show, each with its promise. */

import type { Program } from '../built-program.ts'
import { runKills, termMsMax } from '../durability/kill-run.ts'
import type { Figure } from '../hostile/figures.ts'
import { type FloodResult, flood, goodputMin, rssGrowthBytesMax } from './flood.ts'
import { heapGrowthMax, soak } from './soak.ts'

export interface EnduranceWish {
  readonly seconds: number
  /** SIGTERMs. */
  readonly times: number
  readonly seed: number
  readonly program: Program
  readonly tell: (line: string) => void
}

export interface EnduranceRun {
  readonly name: string
  readonly run: (wish: EnduranceWish) => Promise<Figure>
}

const restMs = 1
const clients = 8
const floodSeconds = 10
const serversAtOnce = 2

async function runSoak({ seconds, seed, tell }: EnduranceWish): Promise<Figure> {
  const began = performance.now()
  const { done, visits, heap, wrong } = await soak({ seconds, seed, restMs, tell })
  const growth = ((heap.last / heap.first - 1) * 100).toFixed(1)
  return {
    id: 'soak',
    promise: `The heap of a warm server is flat within ${percent(heapGrowthMax)}; no handle, session, VM or page is left when all have gone`,
    fault: 'guests that work without a rest, visitors with VMs and streams of their own',
    ...{ count: Math.round(seconds), seed, durationMs: since(began), ok: wrong.length === 0 },
    detail: [`${done} calls, ${visits} visits, heap ${growth} %`, ...wrong].join('\n'),
  }
}

async function runOverload({ seed, tell }: EnduranceWish): Promise<Figure> {
  const began = performance.now()
  const hasty = await flood({ clients, seconds: floodSeconds, isPaced: false, tell })
  const paced = await flood({ clients, seconds: floodSeconds, isPaced: true, tell })
  const tooLittle = `done by who holds back: ${paced.goodput} of the capacity`
  const wrong = [...hasty.wrong, ...paced.wrong, ...(paced.goodput < goodputMin ? [tooLittle] : [])]
  return {
    id: 'overload',
    promise: `Memory (${rssGrowthBytesMax / 2 ** 20} MiB more at most), queues and buffers stay within their limits; each call is answered or refused; one alone is afterwards as quick as at a server that was spared; clients that hold back get ${goodputMin * 100} % of the capacity or more done`,
    fault:
      'three times the calls that it can do, from clients that hold back what is too much, and from some that do not',
    ...{ count: hasty.sent + paced.sent, seed, durationMs: since(began), ok: wrong.length === 0 },
    detail: [...linesOf('held back', paced), ...linesOf('sent all the same', hasty), ...wrong].join(
      '\n',
    ),
  }
}

function linesOf(how: string, result: FloodResult): string[] {
  const { capacity, offered, goodput, moved, refused, heldBack, most, rssBefore, alone } = result
  const done = `${Math.round(goodput * 100)} % of the capacity done`
  return [
    `${how}: ${Math.round(capacity)} calls a second, then ${Math.round(offered)}: ${done}; ${moved} pages moved, ${refused} calls refused, ${heldBack} held back`,
    `  rss ${rssBefore}, ${most.rss} at most; longest queue ${most.queueLongest}; a call alone: ${alone.after} us afterwards, ${alone.spared} us of a server that was spared`,
  ]
}

async function runSigterm({ times, seed, program }: EnduranceWish): Promise<Figure> {
  const began = performance.now()
  const wish = { program, kills: times, servers: serversAtOnce, seed, termEvery: 1 }
  const { kills, acknowledged, termsMs, wrong } = await runKills(wish)
  const longest = Math.round(termsMs.at(-1) ?? 0)
  const late = longest > termMsMax ? [`the longest took ${longest} ms`] : []
  return {
    id: 'sigterm',
    promise: `A server ends within ${termMsMax / 1_000} s, and nothing that was acknowledged is lost`,
    fault: 'SIGTERM under load',
    ...{ count: kills, seed, durationMs: since(began), ok: wrong.length + late.length === 0 },
    detail: [`${acknowledged} acknowledged calls, ${longest} ms at most`, ...late, ...wrong].join(
      '\n',
    ),
  }
}

const since = (began: number): number => Math.round(performance.now() - began)
const percent = (times: number): string => `${Math.round((times - 1) * 100)} %`

export const enduranceRuns: readonly EnduranceRun[] = [
  { name: 'soak', run: runSoak },
  { name: 'overload', run: runOverload },
  { name: 'sigterm', run: runSigterm },
]
