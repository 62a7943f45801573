/** The shortest story that still goes wrong: acts are left out, more and more finely, while it does. */
import { type Plan, type Planned, sentenceOf } from './plan.ts'
import { run } from './run.ts'

/** Runs that a search takes, at most. */
const RUNS_MAX = 400

export interface Story {
  readonly plan: Plan
  readonly finding: string
}

export async function shorten(plan: Plan, finding: string): Promise<Story> {
  let best: Story = { plan, finding }
  let runs = 0
  const tryWith = async (acts: readonly Planned[]): Promise<boolean> => {
    runs++
    const shorter = { ...plan, acts }
    const { finding: found } = await run(shorter)
    if (found === undefined) return false
    best = { plan: shorter, finding: found }
    return true
  }
  const leaveOut = async (size: number): Promise<void> => {
    let at = 0
    while (at < best.plan.acts.length && runs < RUNS_MAX) {
      const { acts } = best.plan
      const isShorter = await tryWith([...acts.slice(0, at), ...acts.slice(at + size)])
      if (!isShorter) at += size
    }
  }
  for (let size = plan.acts.length >> 1; size > 1; size >>= 1) await leaveOut(size)
  for (let before = Number.POSITIVE_INFINITY; best.plan.acts.length < before; ) {
    before = best.plan.acts.length
    await leaveOut(1)
  }
  return best
}

/** The story in lines. */
export function tell({ plan, finding }: Story): readonly string[] {
  const { seed, ...world } = plan.world
  const facts = Object.entries(world).map(([name, value]) => `${name} ${String(value)}`)
  return [
    `seed ${seed}: ${finding}`,
    `  world: ${facts.join(', ')}`,
    ...plan.acts.map((planned) => `  ${sentenceOf(planned)}`),
  ]
}
