/**
 * What the VMM does to the mapping behind a memory slot.
 *
 * Sources: munmap(), mmap(), ksm_madvise().
 */
import { Host as HostCode } from '../../abi/codes.ts'
import { asGfn, type SlotId } from '../../abi/page.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import { clearRegion, invalidation, isDone } from '../mapping.ts'
import type { Region } from '../mem-slots.ts'
import { Reason } from '../reason.ts'

/** Takes the whole mapping of a slot away. @returns 0 or -ENOENT. */
export function* unmapVma(host: Host, vm: Vm, id: SlotId): HvSteps {
  const slot = vm.slots.get(id)
  const region = slot?.region ?? keptRegion(vm, id)
  if (region === undefined) return refuse(vm, HostCode.ENOENT, Reason.noSuchSlot)
  if (!region.mapped) return refuse(vm, HostCode.ENOENT, Reason.nothingToDo)
  if (slot !== undefined && isDone(vm)) {
    for (let index = 0; index < slot.pages; index++) {
      yield invalidation(vm, asGfn(slot.base + index))
    }
  }
  clearRegion(host, vm, region, slot?.base ?? asGfn(0))
  region.mapped = false
  return HostCode.OK
}

/** The newest mapping that outlived a slot with this id. */
const keptRegion = (vm: Vm, id: SlotId): Region | undefined =>
  vm.kept.findLast((region) => region.slotId === id)

/** Maps a slot afresh, with nothing in it. @returns 0 or -ENOENT. */
export function mapVma(vm: Vm, id: SlotId): number {
  const region = vm.slots.get(id)?.region ?? keptRegion(vm, id)
  if (region === undefined) return refuse(vm, HostCode.ENOENT, Reason.noSuchSlot)
  if (region.mapped) return refuse(vm, HostCode.ENOENT, Reason.nothingToDo)
  region.mapped = true
  region.ksmError = 0
  return HostCode.OK
}

/** From now on page merging cannot be switched off for the slot's mapping. @returns 0 or -ENOENT. */
export function failKsm(vm: Vm, id: SlotId, error: number): number {
  const region = vm.slots.get(id)?.region ?? keptRegion(vm, id)
  if (region === undefined) return refuse(vm, HostCode.ENOENT, Reason.noSuchSlot)
  region.ksmError = error
  return HostCode.OK
}
