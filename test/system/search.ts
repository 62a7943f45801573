/** Searches random runs of both sides for something wrong, with fast-check's shrinking. */
import fc from 'fast-check'
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import type { HvProfile } from '../../src/uvmem/profile.ts'
import { anyOp, type Op } from './ops.ts'
import { type Defect, explain, type Finding, play, type Run } from './play.ts'

export interface Search {
  readonly hv: HvProfile
  readonly uv: UvProfile
  readonly seed: number
  /** Operations to play, at least. */
  readonly steps: number
}

export interface Shortest {
  readonly run: Run
  readonly finding: Finding
}

/** Operations of one run, at most. */
const opsPerRunMax = 60

/** Every world begins with two VMs, one of them secure. */
const PREAMBLE: readonly Op[] = [
  { op: 'boot', vm: 1 },
  { op: 'boot', vm: 2 },
  { op: 'esm', vm: 1, strategy: 'necessary' },
]

/** Enough device pages and secure memory, too few, or next to none. */
const anyRun = ({ hv, uv }: Search): fc.Arbitrary<Run> =>
  fc
    .record({
      poolPages: fc.constantFrom(64, 24, 12),
      secureUnits: fc.constantFrom(64, 3),
      ops: fc.array(anyOp, { minLength: 10, maxLength: opsPerRunMax, size: 'max' }),
    })
    .map((world) => ({ hv, uv, ...world, ops: [...PREAMBLE, ...world.ops] }))

/** Runs of one check: the next check begins with the next seed. */
const runsPerCheck = 200

/** Plays runs until `wish.steps` operations are done or `judge` says no; shrinks what it said no to. */
function playOn(wish: Search, judge: (run: Run, finding: Finding) => boolean): number {
  let steps = 0
  const property = fc.property(anyRun(wish), (run) => {
    const finding = play(run)
    steps += finding === undefined ? run.ops.length : finding.step + 1
    return finding === undefined || judge(run, finding)
  })
  for (let seed = wish.seed; steps < wish.steps; seed++) {
    if (fc.check(property, { seed, numRuns: runsPerCheck }).failed) break
  }
  return steps
}

/** The shortest run found that goes wrong, and how many operations were played. */
export function search(wish: Search): { steps: number; shortest: Shortest | undefined } {
  let shortest: Shortest | undefined
  const steps = playOn(wish, (run, finding) => {
    shortest = { run, finding }
    return false
  })
  return { steps, shortest }
}

/** Everything that goes wrong in random runs, by the known defects that it needs. */
export function census(wish: Search): {
  steps: number
  findings: number
  byDefects: Map<string, Shortest>
  unexplained: Shortest | undefined
} {
  const byDefects = new Map<string, Shortest>()
  let findings = 0
  let unexplained: Shortest | undefined
  const steps = playOn(wish, (run, finding) => {
    findings++
    const defects = explain(run, finding)
    if (defects === undefined) unexplained = { run, finding }
    else if (!byDefects.has(nameOf(defects))) byDefects.set(nameOf(defects), { run, finding })
    return defects !== undefined
  })
  return { steps, findings, byDefects, unexplained }
}

export const nameOf = (defects: readonly Defect[]): string =>
  defects.map(({ side, name }) => `${side}.${name}`).join(' + ')

/** A run as lines that a person can follow. */
export function tell({ run, finding }: Shortest): string[] {
  const lines = run.ops.slice(0, finding.step + 1).map((op, i) => `  ${i}. ${JSON.stringify(op)}`)
  return [
    `  pool ${run.poolPages} PFNs, ${run.secureUnits} units of secure memory`,
    ...lines,
    `  => ${finding.what}`,
  ]
}
