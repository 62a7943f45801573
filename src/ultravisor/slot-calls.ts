/**
 * UV_REGISTER_MEM_SLOT and UV_UNREGISTER_MEM_SLOT.
 *
 * Source: create_memslot() and free_memslot() of svm_host.c; ultravisor.rst for the documented
 * codes.
 */
import type { UcallAnswer, UvRegisterMemSlot, UvUnregisterMemSlot } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import { asGfn, gfnOf, PAGE_SIZE, pagesIn, UV_SLOTS_MAX } from '../abi/page.ts'
import { releaseSlot, releaseSlots } from './page-release.ts'
import type { Svm } from './svm.ts'
import { Trap } from './trap.ts'
import { giveUnits, reserveUnits, type Ultravisor, unitsOf } from './ultravisor.ts'

const ADDRESS_END = 2 ** 64

/** The range and id are checked in the documented order; each has its own code. */
export function registerMemSlot(uv: Ultravisor, call: UvRegisterMemSlot): UcallAnswer {
  const svm = svmOf(uv, call)
  if (svm === undefined) return { ret: U.PARAMETER }
  const refusal = refusalOf(uv, svm, call) ?? (addSlot(uv, svm, call) ? undefined : U.P3)
  if (refusal === undefined) return { ret: U.SUCCESS }
  // DIFF: profile `firmware` has one code for every refusal.
  return { ret: uv.profile.registerAnswersParameter ? U.PARAMETER : refusal }
}

/** Answers 0 for an unknown id, too. */
export function unregisterMemSlot(uv: Ultravisor, call: UvUnregisterMemSlot): UcallAnswer {
  const svm = svmOf(uv, call)
  if (svm === undefined) return { ret: U.PARAMETER }
  const slot = svm.slots.get(call.slotId)
  // DIFF: in profile `firmware` the last slot takes the page table with it, whatever the id says.
  if (uv.profile.releasesTableRoughly && svm.slots.size === 1) {
    releaseSlots(uv, svm)
  } else if (slot !== undefined) releaseSlot(uv, svm, slot)
  if (slot === undefined) return { ret: U.SUCCESS }
  svm.slots.remove(call.slotId)
  // DIFF: profile `firmware` gives the budget back only when the SVM ends.
  if (!uv.profile.keepsSlotBudget) giveSlotUnits(uv, svm, slot.units)
  return { ret: U.SUCCESS }
}

function svmOf(uv: Ultravisor, call: UvRegisterMemSlot | UvUnregisterMemSlot): Svm | undefined {
  const svm = uv.svms.get(call.lpid)
  // DIFF: profile `firmware` does not look whether there is an SVM.
  if (svm === undefined && uv.profile.crashesOnUnknownLpid) {
    throw new Trap('OOPS', `${call.call} for LPID ${call.lpid}, which has no SVM`)
  }
  return svm
}

function refusalOf(uv: Ultravisor, svm: Svm, call: UvRegisterMemSlot): number | undefined {
  const { startGpa, size, flags, slotId } = call
  const strict = !uv.profile.registerAnswersParameter
  if (startGpa % PAGE_SIZE !== 0) return U.P2
  if (startGpa + size >= ADDRESS_END) return U.P3
  // DIFF: profile `firmware` rounds the size up to whole pages.
  if (!uv.profile.roundsSlotSize && (size === 0 || size % PAGE_SIZE !== 0)) return U.P3
  if (strict && flags !== 0) return U.P4
  if (slotId >= UV_SLOTS_MAX) return U.P5
  if (svm.slots.overlaps(gfnOf(startGpa), pagesIn(size), slotId)) return U.P2
  return undefined
}

/** False when the budget does not cover the slot. */
function addSlot(uv: Ultravisor, svm: Svm, call: UvRegisterMemSlot): boolean {
  const [base, count] = [gfnOf(call.startGpa), pagesIn(call.size)]
  const units = unitsOf(base, count)
  const old = svm.slots.get(call.slotId)
  // DIFF: profile `firmware` replaces the slot's record and keeps everything else of it.
  const returned = old === undefined || uv.profile.replaceKeepsOldSlot ? 0 : old.units
  if (units - returned > uv.availableUnits) return false
  if (old !== undefined && !uv.profile.replaceKeepsOldSlot) {
    releaseSlot(uv, svm, old)
    giveSlotUnits(uv, svm, old.units)
  }
  // May trap: the budget is touched after it, so that a stopped SVM takes nothing with it.
  svm.pages.mapRange(asGfn(base), count)
  reserveUnits(uv, units)
  svm.reservedUnits += units
  svm.contents.clearRange(base, base + count)
  if (count === 0) svm.slots.remove(call.slotId)
  else svm.slots.put({ id: call.slotId, base, count, units })
  return true
}

function giveSlotUnits(uv: Ultravisor, svm: Svm, units: number): void {
  svm.reservedUnits -= units
  giveUnits(uv, units)
}
