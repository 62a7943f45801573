/** Runs the lab: every story under every design, and the switch by VM size. */
import type { CostModel } from './cost-model.ts'
import type { Design } from './design.ts'
import { type Experiment, playStory, runExperiment } from './experiment.ts'
import type { Story } from './story.ts'
import { runSwitch, type SwitchRun } from './switch-sizes.ts'
import { WireWorld } from './wire-world.ts'

export interface LabPlan {
  readonly designs: readonly Design[]
  readonly stories: readonly Story[]
  /** Gigabytes of 16,384 pages. */
  readonly sizes: readonly number[]
  readonly costs: CostModel
  /** Stories run over a real socket. */
  readonly wire: boolean
}

export interface LabResult {
  readonly costs: CostModel
  readonly experiments: readonly Experiment[]
  readonly switches: readonly SwitchRun[]
}

/** Milliseconds of a clock, and somebody who is told what runs next. */
export interface LabPorts {
  readonly now: () => number
  readonly tell: (what: string) => void
}

export async function runLab(plan: LabPlan, { now, tell }: LabPorts): Promise<LabResult> {
  const experiments: Experiment[] = []
  for (const story of plan.stories) {
    for (const design of plan.designs) {
      const run = plan.wire ? runOverWire : runExperiment
      experiments.push(await run(design, story, now))
    }
  }
  const switches: SwitchRun[] = []
  for (const size of plan.sizes) {
    for (const design of plan.designs) {
      tell(`switching ${size} GB under ${design.name}`)
      switches.push(runSwitch(design, size, plan.costs, now))
    }
  }
  return { costs: plan.costs, experiments, switches }
}

async function runOverWire(design: Design, story: Story, now: () => number): Promise<Experiment> {
  const world = await WireWorld.open(design)
  try {
    return await playStory(design, story, world, now)
  } finally {
    await world.close()
  }
}
