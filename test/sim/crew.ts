/** Several processes that share a campaign: each plays some seeds, and is given more. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Campaign } from './campaign.ts'
import { added, NOTHING, type Summary } from './summary.ts'

/** Seeds that a process is given at a time. */
const PART_SEEDS = 200

export interface CrewWish extends Campaign {
  readonly workers: number
  /** Told after each part what there is so far. */
  readonly progress: (sum: Summary) => void
}

const EXTENSION = import.meta.url.slice(-3)
const WORKER = fileURLToPath(new URL(`worker${EXTENSION}`, import.meta.url))
/** One process for each core: none needs threads to collect garbage; young objects fit its cache. */
const V8_FLAGS = ['--single-threaded-gc', '--max-semi-space-size=4']

/** Ends early when a seed goes wrong, or enough events have happened. */
export async function playTogether(wish: CrewWish): Promise<Summary> {
  const { from, seeds, events = Number.POSITIVE_INFINITY, workers, progress } = wish
  let sum = NOTHING
  let next = from
  const work = async (child: ChildProcess): Promise<void> => {
    while (next < from + seeds && sum.story === undefined && sum.events < events) {
      const part = { from: next, seeds: Math.min(PART_SEEDS, from + seeds - next) }
      next += part.seeds
      const more = await played(child, part)
      sum = added(sum, more)
      progress(sum)
    }
  }
  const crew = Array.from({ length: workers }, () =>
    fork(WORKER, [], { execArgv: [...process.execArgv, ...V8_FLAGS] }),
  )
  try {
    await Promise.all(crew.map(work))
  } finally {
    for (const child of crew) child.kill()
  }
  return sum
}

/** Gives a process a part. Throws when it dies over it. */
function played(child: ChildProcess, part: Campaign): Promise<Summary> {
  return new Promise((resolve, reject) => {
    const died = (code: number | null): void => {
      reject(new Error(`seeds ${part.from} and on: a process ended with ${code}`))
    }
    child.once('exit', died)
    child.once('message', (sum: Summary) => {
      child.off('exit', died)
      resolve(sum)
    })
    child.send(part)
  })
}
