/** Plays a story under a design and says what came of it: never what was expected. */

import type { Counts } from './counts.ts'
import type { Design } from './design.ts'
import type { Broken, InvariantId } from './invariants.ts'
import { STORY_PAGES, type Story, type StoryOp, tellOp } from './story.ts'
import { type Outcome, StoryWorld } from './story-world.ts'

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
  readonly tookMs: number
}

/** What an experiment is played in: one process, or a socket between two sides. */
export interface Stage {
  readonly counts: Counts
  perform(op: StoryOp): Outcome | Promise<Outcome>
  broken(): readonly Broken[]
}

/** `now`: milliseconds of a clock that does not go back. */
export function runExperiment(design: Design, story: Story, now: () => number): Experiment {
  const since = now()
  const world = new StoryWorld(design, STORY_PAGES)
  const log = new ExperimentLog()
  for (const op of story.ops) log.note(op, world.perform(op), world.broken())
  return log.end(design, story, world.counts, now() - since)
}

/** The same on any stage. */
export async function playStory(
  design: Design,
  story: Story,
  stage: Stage,
  now: () => number,
): Promise<Experiment> {
  const since = now()
  const log = new ExperimentLog()
  for (const op of story.ops) log.note(op, await stage.perform(op), stage.broken())
  return log.end(design, story, stage.counts, now() - since)
}

/** What came of each step. */
class ExperimentLog {
  readonly #broken = new Set<InvariantId>()
  readonly #steps: ExperimentStep[] = []
  #first: Broken | undefined
  #stepsToFirst = Number.POSITIVE_INFINITY

  note(op: StoryOp, outcome: Outcome, seen: readonly Broken[]): void {
    this.#steps.push({ told: tellOp(op), result: outcome.result })
    const found = [...seen, ...outcome.broken]
    for (const each of found) this.#broken.add(each.id)
    if (this.#first !== undefined || found[0] === undefined) return
    this.#first = found[0]
    this.#stepsToFirst = this.#steps.length
  }

  end(design: Design, story: Story, counts: Counts, tookMs: number): Experiment {
    const { hypercalls, ultracalls, pagesMoved } = counts
    return {
      design: design.name,
      story: story.name,
      broken: [...this.#broken],
      first: this.#first,
      steps: this.#steps.slice(0, this.#stepsToFirst),
      hypercalls,
      ultracalls,
      pagesMoved,
      tookMs,
    }
  }
}
