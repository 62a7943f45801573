/**
 * What must hold on both sides after each step of the demo. Source: spec of the experiments,
 * invariants I1, I2 and I6; and each side's own rules.
 */

import { asGfn } from '../abi/page.ts'
import { disagreementsOf } from '../peer/frame-agreement.ts'
import { hvRunsOf } from '../peer/hv-runs.ts'
import { countsOf } from '../peer/uv-frames.ts'
import { type DemoWorld, pfnsInUse } from './demo-world.ts'

/** Both sides after a step. */
export interface BothSides {
  readonly hv: Readonly<Record<'normal' | 'secure' | 'paged_out' | 'shared', number>>
  readonly uv: Readonly<Record<string, number>>
  readonly hypercalls: number
  readonly ultracalls: number
  /** What does not hold; empty when all is well. */
  readonly wrong: readonly string[]
}

export async function lookAtBoth(demo: DemoWorld): Promise<BothSides> {
  const { rest, agent, lpid } = demo
  const path = { lpid }
  const look = await agent.ask('look', { lpid })
  const vm = await rest.call('getVm', { path })
  const hv = await rest.call('countFrames', { path })
  const pfns = await pfnsInUse(demo)
  const invariants = await rest.call('getInvariants')
  const wrong = look.violations.map((text) => `ultravisor: ${text}`)
  if (invariants.unexplained > 0) {
    const { violations } = invariants
    const [first] = violations.filter(({ defect }) => defect === undefined)
    wrong.push(`hypervisor: ${JSON.stringify(first)}`)
  }
  if (pfns !== hv.secure) wrong.push(`${pfns} PFNs for ${hv.secure} secure frames`)
  const runs = look.runs.map((run) => ({ ...run, from: asGfn(run.from) }))
  if (vm.state === 'secure') {
    if (look.life !== 'secure') wrong.push(`the ultravisor says ${look.life}`)
    for (const { from, count, hv: ours, uv: theirs } of disagreementsOf(
      await hvRunsOf(rest, lpid),
      runs,
    )) {
      wrong.push(`${count} frames from ${from}: hypervisor ${ours}, ultravisor ${theirs}`)
    }
  } else if (look.life !== 'none') wrong.push(`VM ${vm.state}, ultravisor ${look.life}`)
  else if (hv.secure + hv.paged_out + hv.shared > 0) wrong.push('a normal VM has secure frames')
  const { hypercalls, ultracalls } = look
  return { hv, uv: Object.fromEntries(countsOf(runs)), hypercalls, ultracalls, wrong }
}
