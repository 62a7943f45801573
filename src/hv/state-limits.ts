/** Limits that hold for a state that is put back as they hold for one that grows. */
import type { Limits } from '../../schemas/limits.ts'
import type { Vm } from '../uvmem/host.ts'
import type { LimitPassed } from './hypervisor.ts'

/** The first limit that VMs pass on a host whose other VMs have `others` pages in their slots. */
export function limitPassedBy(
  vms: Iterable<Vm>,
  limits: Limits,
  others: { readonly vms: number; readonly frames: number },
): LimitPassed | undefined {
  const { vmsMax, slotsPerVmMax, framesPerSlotMax, framesTotalMax } = limits
  let count = others.vms
  let frames = others.frames
  for (const { slots } of vms) {
    count++
    if (slots.size > slotsPerVmMax) return { limit: 'slotsPerVmMax', max: slotsPerVmMax }
    for (const { pages } of slots) {
      frames += pages
      if (pages > framesPerSlotMax) return { limit: 'framesPerSlotMax', max: framesPerSlotMax }
    }
  }
  if (count > vmsMax) return { limit: 'vmsMax', max: vmsMax }
  return frames > framesTotalMax ? { limit: 'framesTotalMax', max: framesTotalMax } : undefined
}
