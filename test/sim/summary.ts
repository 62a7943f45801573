/** What several runs came to, and how the parts of a campaign are added. */
import type { Story } from './shorten.ts'
import type { FaultCounts } from './world.ts'

/** What is counted of every run. */
export const COUNTED = ['events', 'messages', 'checks', 'executed'] as const

export interface Summary {
  readonly seeds: number
  readonly events: number
  readonly messages: number
  readonly checks: number
  readonly executed: number
  readonly faults: Partial<FaultCounts>
  /** The lowest seed that went wrong, shortened. */
  readonly story: Story | undefined
}

export const NOTHING: Summary = {
  ...{ seeds: 0, events: 0, messages: 0, checks: 0, executed: 0 },
  ...{ faults: {}, story: undefined },
}

export function added(left: Summary, right: Summary): Summary {
  const faults: Partial<FaultCounts> = { ...left.faults }
  for (const kind of Object.keys(right.faults) as (keyof FaultCounts)[]) {
    faults[kind] = (faults[kind] ?? 0) + (right.faults[kind] ?? 0)
  }
  return {
    seeds: left.seeds + right.seeds,
    events: left.events + right.events,
    messages: left.messages + right.messages,
    checks: left.checks + right.checks,
    executed: left.executed + right.executed,
    faults,
    story: firstOf(left.story, right.story),
  }
}

function firstOf(left: Story | undefined, right: Story | undefined): Story | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return left.plan.world.seed <= right.plan.world.seed ? left : right
}
