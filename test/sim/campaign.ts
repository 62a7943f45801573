/** Many seeds, one after the other, until one goes wrong. */
import { planOf } from './plan.ts'
import { run } from './run.ts'
import { shorten } from './shorten.ts'
import { COUNTED, type Summary } from './summary.ts'
import type { FaultCounts } from './world.ts'

export interface Campaign {
  readonly from: number
  readonly seeds: number
  /** Ends after so many events, if that comes first. */
  readonly events?: number
}

export async function campaign(wish: Campaign): Promise<Summary> {
  const { from, events: eventsMax = Number.POSITIVE_INFINITY } = wish
  const sum = { seeds: 0, events: 0, messages: 0, checks: 0, executed: 0 }
  const faults: Partial<FaultCounts> = {}
  for (let seed = from; seed < from + wish.seeds && sum.events < eventsMax; seed++) {
    const plan = planOf(seed)
    const result = await run(plan)
    sum.seeds++
    for (const name of COUNTED) sum[name] += result[name]
    for (const kind of Object.keys(result.faults) as (keyof FaultCounts)[]) {
      faults[kind] = (faults[kind] ?? 0) + result.faults[kind]
    }
    const { finding } = result
    if (finding !== undefined) return { ...sum, faults, story: await shorten(plan, finding) }
  }
  return { ...sum, faults, story: undefined }
}
