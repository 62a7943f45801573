/** Plays a story under a design and says what came of it: never what was expected. */
import type { Design } from './design.ts'
import type { Broken, InvariantId } from './invariants.ts'
import { STORY_PAGES, type Story, tellOp } from './story.ts'
import { StoryWorld } from './story-world.ts'

export interface ExperimentStep {
  readonly told: string
  readonly result: string
}

export interface Experiment {
  readonly design: string
  readonly story: string
  /** `holds`, or the invariants that broke in the order in which they did. */
  readonly broken: readonly InvariantId[]
  /** The first broken one, and the steps that led to it; undefined when all hold. */
  readonly first: Broken | undefined
  readonly steps: readonly ExperimentStep[]
  readonly hypercalls: number
  readonly ultracalls: number
  readonly pagesMoved: number
  /** Milliseconds. */
  readonly wallMs: number
}

/** `now`: milliseconds of a clock that does not go back. */
export function runExperiment(design: Design, story: Story, now: () => number): Experiment {
  const since = now()
  const world = new StoryWorld(design, STORY_PAGES)
  const broken = new Set<InvariantId>()
  const steps: ExperimentStep[] = []
  let first: Broken | undefined
  let stepsToFirst = story.ops.length
  for (const op of story.ops) {
    const outcome = world.perform(op)
    steps.push({ told: tellOp(op), result: outcome.result })
    const found = [...world.broken(), ...outcome.broken]
    for (const each of found) broken.add(each.id)
    if (first === undefined && found[0] !== undefined) {
      first = found[0]
      stepsToFirst = steps.length
    }
  }
  const { hypercalls, ultracalls, pagesMoved } = world.counts
  return {
    design: design.name,
    story: story.name,
    broken: [...broken],
    first,
    steps: steps.slice(0, stepsToFirst),
    hypercalls,
    ultracalls,
    pagesMoved,
    wallMs: now() - since,
  }
}
