/** Plays random operations on both sides at once and looks at everything after each. */
import { disagreementsOf } from '../../src/lab/agreement.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { UV_PROFILES, type UvProfile } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES, type HvProfile } from '../../src/uvmem/profile.ts'
import { type Op, perform, type Violation } from './ops.ts'
import { World } from './world.ts'

export interface Run {
  readonly hv: HvProfile
  readonly uv: UvProfile
  readonly poolPages: number
  readonly secureUnits: number
  readonly ops: readonly Op[]
}

export interface Finding {
  /** Index of the operation after which it was seen. */
  readonly step: number
  readonly what: Violation
}

/** The first thing that is wrong; undefined when nothing is. */
export function play(run: Run): Finding | undefined {
  const world = new World(run)
  for (const [step, op] of run.ops.entries()) {
    const what = perform(world, op, step) ?? look(world)
    if (what !== undefined) return { step, what }
  }
  return undefined
}

function look(world: World): Violation | undefined {
  const { host, uv } = world.machine
  for (const vm of host.vms.values()) {
    if (vm.fault !== undefined)
      return `host fault of VM ${vm.lpid}: ${vm.fault.kind} ${vm.fault.message}`
    const fault = uv.svms.get(vm.lpid)?.fault
    if (fault !== undefined)
      return `ultravisor fault of VM ${vm.lpid}: ${fault.kind} ${fault.message}`
  }
  const [first] = disagreementsOf(host, uv, 1)
  if (first !== undefined)
    return `I2: VM ${first.lpid} GFN ${first.gfn}: HV ${first.hv}, UV ${first.uv}`
  return leak(world)
}

/** I3: what a guest wrote to a secure page is in no frame that the host holds. */
function leak(world: World): Violation | undefined {
  for (const [lpid, written] of world.written) {
    const frames = world.machine.uv.svms.get(lpid)?.frames
    if (frames === undefined) continue
    for (const [gfn, value] of written) {
      if (value >> 60n !== 1n || !isPrivate(frames.state(gfn))) continue
      if (world.heldByHost(lpid, gfn) === value) return `I3: VM ${lpid} GFN ${gfn} lies in clear`
    }
  }
  return undefined
}

const isPrivate = (state: FrameState): boolean =>
  state === FrameState.Secure || state === FrameState.PagedOut

/** A defect of the real code: the side and the switch that stands for it. */
export interface Defect {
  readonly side: 'hv' | 'uv'
  readonly name: string
}

/** Every switch in which the real code differs from the documentation. */
export function defects(): readonly Defect[] {
  const list: Defect[] = []
  for (const name of Object.keys(HV_PROFILES.spec) as (keyof HvProfile)[]) {
    if (HV_PROFILES.spec[name] !== HV_PROFILES['linux-6'][name]) list.push({ side: 'hv', name })
  }
  for (const name of Object.keys(UV_PROFILES.spec)) list.push({ side: 'uv', name })
  return list
}

/** The same run with these defects mended. */
export function mend(run: Run, mended: readonly Defect[]): Run {
  const hv: Record<string, unknown> = { ...run.hv }
  const uv: Record<string, unknown> = { ...run.uv }
  for (const { side, name } of mended) {
    if (side === 'hv') hv[name] = (HV_PROFILES.spec as unknown as Record<string, unknown>)[name]
    else uv[name] = (UV_PROFILES.spec as unknown as Record<string, unknown>)[name]
  }
  return { ...run, hv: hv as unknown as HvProfile, uv: uv as unknown as UvProfile }
}

/**
 * The known defects that a finding needs: the smallest set without which it is not made, found by
 * mending everything and taking mends back one at a time. Undefined when it is made all the same
 * with everything mended: then it is no known defect.
 */
export function explain(run: Run, finding: Finding): readonly Defect[] | undefined {
  const ops = run.ops.slice(0, finding.step + 1)
  const made = (mended: readonly Defect[]): boolean => {
    const found = play({ ...mend(run, mended), ops })
    return found !== undefined && found.step <= finding.step
  }
  let needed = [...defects()]
  if (made(needed)) return undefined
  for (const defect of defects()) {
    const fewer = needed.filter((each) => each.name !== defect.name || each.side !== defect.side)
    if (!made(fewer)) needed = fewer
  }
  return needed
}

/** The documented behaviour on both sides, but for this one defect. */
export function leave(defect: Defect): { hv: HvProfile; uv: UvProfile } {
  const others = defects().filter((each) => each !== defect && !same(each, defect))
  const real: Run = {
    hv: HV_PROFILES['linux-6'],
    uv: UV_PROFILES.firmware,
    poolPages: 0,
    secureUnits: 0,
    ops: [],
  }
  const { hv, uv } = mend(real, others)
  return { hv, uv }
}

const same = (a: Defect, b: Defect): boolean => a.side === b.side && a.name === b.name
