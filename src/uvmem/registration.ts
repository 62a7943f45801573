/**
 * Makes a memory slot known to the uvmem code and to the ultravisor, and takes it back.
 *
 * Sources: __kvmppc_uvmem_memslot_create(), __kvmppc_uvmem_memslot_delete(),
 * kvmppc_memslot_page_merge().
 */
import { H, U } from '../abi/codes.ts'
import { gpaOf, PAGE_SIZE } from '../abi/page.ts'
import { type Host, type HvSteps, refuse, type Vm } from './host.ts'
import type { MemSlot } from './mem-slots.ts'
import { Reason } from './reason.ts'

/** True when page merging could be switched off for the slot's mapping. */
const stopsMerging = ({ region }: MemSlot): boolean => region.mapped && region.ksmError === 0

/**
 * @param checks a refusal takes the uvmem slot back.
 * @returns the code of UV_REGISTER_MEM_SLOT (0 or more) or H_PARAMETER.
 */
export function* registerSlot(host: Host, vm: Vm, slot: MemSlot, checks = true): HvSteps {
  const { profile } = host
  if (profile.mergingOff === 'per-slot' && !stopsMerging(slot)) {
    return refuse(vm, H.PARAMETER, Reason.mergingStays)
  }
  vm.uvmem.add(slot.base, slot.pages)
  const ret = yield {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: vm.lpid,
    startGpa: gpaOf(slot.base),
    size: slot.pages * PAGE_SIZE,
    flags: 0,
    slotId: slot.id,
  }
  // DIFF: Linux asks whether the answer is negative, so that U_BUSY (1) passes for success.
  const failed = profile.strictRegistration ? ret !== U.SUCCESS : ret < 0
  // DIFF: up to the series a positive code is the answer of the hypercall.
  if (!failed) return profile.startAnswersRegistration ? ret : H.SUCCESS
  if (!checks) return refuse(vm, ret, Reason.slotRefused)
  vm.uvmem.free(slot.base)
  return refuse(vm, H.PARAMETER, Reason.slotRefused)
}

/**
 * The other way round; the ultravisor's answer is ignored.
 *
 * @param knownToUv the ultravisor has forgotten the slot already: it is not called.
 */
export function* unregisterSlot(vm: Vm, slot: MemSlot, knownToUv = false): HvSteps<void> {
  if (!knownToUv) yield { call: 'UV_UNREGISTER_MEM_SLOT', lpid: vm.lpid, slotId: slot.id }
  vm.uvmem.free(slot.base)
}
