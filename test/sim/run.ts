/** Performs a plan in a world of its own. */
import type { Plan } from './plan.ts'
import { type FaultCounts, SimWorld } from './world.ts'

export interface Result {
  /** What went wrong first; undefined: nothing did. */
  readonly finding: string | undefined
  readonly events: number
  readonly messages: number
  readonly checks: number
  readonly executed: number
  readonly fingerprint: string
  readonly faults: FaultCounts
}

/** Milliseconds of virtual time in which everything must have come to an end after the last fault. */
export const endWithinMs = 60_000
/** Events in which it must have. */
export const endWithinEvents = 100_000

export async function run(plan: Plan): Promise<Result> {
  const world = new SimWorld(plan.world)
  const { clock, auditor } = world
  for (const { at, act } of plan.acts) void clock.after(at, () => world.perform(act))
  const busyUntil = (plan.acts.at(-1)?.at ?? 0) + 1
  await goOn(world, () => clock.now >= busyUntil, busyUntil, Number.POSITIVE_INFINITY)
  await settle(world)
  world.checkAll()
  await settle(world)
  // The last look is at everything, whatever the last event touched.
  auditor.touched()
  world.look()
  for (const what of world.unfinished()) auditor.tell(what)
  return {
    finding: auditor.findings[0],
    events: clock.events,
    messages: world.fingerprint.messages,
    checks: auditor.checks,
    executed: auditor.executed,
    fingerprint: world.fingerprint.hex,
    faults: world.counts,
  }
}

async function settle(world: SimWorld): Promise<void> {
  world.heal()
  const { clock } = world
  const events = clock.events + endWithinEvents
  await goOn(world, () => world.isIdle, clock.now + endWithinMs, events)
}

/** Lets things happen, and looks at everything after each. */
async function goOn(
  world: SimWorld,
  isOver: () => boolean,
  until: number,
  events: number,
): Promise<void> {
  const { clock, auditor } = world
  const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve))
  while (!isOver() && auditor.findings.length === 0 && clock.events < events) {
    if (!clock.step(until)) {
      // What promises lead to may want something else to happen.
      await turn()
      if (!clock.step(until)) break
    }
    await Promise.resolve()
    world.look()
  }
  await turn()
}
