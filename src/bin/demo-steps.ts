/** The life that the demo takes a guest through, step by step. */
import { abort, createVm, load, reboot, switchAll, switchNecessary } from './demo-boot.ts'
import { type BothSides, lookAtBoth } from './demo-checks.ts'
import { hostReads, readSecrets, search, tamper, writeSecrets } from './demo-secrets.ts'
import { hotAdd, hotRemove, share, unshare } from './demo-shares.ts'
import type { DemoWorld } from './demo-world.ts'

/** What one step did. */
export interface StepReport {
  readonly name: string
  readonly ok: boolean
  readonly ms: number
  readonly hypercalls: number
  readonly ultracalls: number
  /** What happened, or what should have. */
  readonly text: string
  /** Both sides afterwards; null when the step itself failed. */
  readonly after: BothSides | null
}

/** Says in words what it did, or throws. */
type Step = (demo: DemoWorld) => Promise<string>

export const STEPS: readonly (readonly [name: string, step: Step])[] = [
  ['create a VM', createVm],
  ['load the guest', load],
  ['switch, necessary pages', switchNecessary],
  ['guest writes secrets', writeSecrets],
  ['host reads a secret page', hostReads],
  ['search what the host holds', search],
  ['guest reads its secrets', readSecrets],
  ['host flips a bit', tamper],
  ['share, exchange messages', share],
  ['unshare', unshare],
  ['hot-add memory', hotAdd],
  ['hot-remove it', hotRemove],
  ['reboot, switch again', reboot],
  ['switch, all pages', switchAll],
  ['switch, wrong digest', abort],
]

/** Runs the steps in order and tells each as it ends; stops behind the first that does not hold. */
export async function runSteps(
  demo: DemoWorld,
  tell: (report: StepReport) => void,
): Promise<readonly StepReport[]> {
  const reports: StepReport[] = []
  let before = { hypercalls: 0, ultracalls: 0 }
  for (const [name, step] of STEPS) {
    const report = await runStep(demo, name, step, before)
    reports.push(report)
    tell(report)
    if (!report.ok) return reports
    if (report.after !== null) before = report.after
  }
  return reports
}

async function runStep(
  demo: DemoWorld,
  name: string,
  step: Step,
  before: { readonly hypercalls: number; readonly ultracalls: number },
): Promise<StepReport> {
  const start = performance.now()
  let text: string
  try {
    text = await step(demo)
  } catch (error) {
    const ms = performance.now() - start
    const why = error instanceof Error ? error.message : String(error)
    return { name, ok: false, ms, hypercalls: 0, ultracalls: 0, text: why, after: null }
  }
  const ms = performance.now() - start
  const after = await lookAtBoth(demo)
  const hypercalls = after.hypercalls - before.hypercalls
  const ultracalls = after.ultracalls - before.ultracalls
  const ok = after.wrong.length === 0
  return { name, ok, ms, hypercalls, ultracalls, text: ok ? text : after.wrong.join('; '), after }
}
