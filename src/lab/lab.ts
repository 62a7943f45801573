/** Runs the lab: every story under every design, and the switch by VM size. */
import type { CostModel } from './cost-model.ts'
import type { Design } from './design.ts'
import { type Experiment, runExperiment } from './experiment.ts'
import type { Story } from './story.ts'
import { runSwitch, type SwitchRun } from './switch-sizes.ts'

export interface LabPlan {
  readonly designs: readonly Design[]
  readonly stories: readonly Story[]
  /** Gigabytes of 16,384 pages. */
  readonly sizes: readonly number[]
  readonly costs: CostModel
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

export function runLab(plan: LabPlan, { now, tell }: LabPorts): LabResult {
  const experiments: Experiment[] = []
  for (const story of plan.stories) {
    for (const design of plan.designs) experiments.push(runExperiment(design, story, now))
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
