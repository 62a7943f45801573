/**
 * The sharing half of H_SVM_PAGE_IN: a page becomes visible to both sides.
 *
 * Source: kvmppc_share_page(). A secure page is dropped and a fresh one shared; any other page is
 * shared as it is.
 */

import { H, U } from '../../abi/codes.ts'
import { asFrame, type Gfn, type Gpa, gfnOf, raOf } from '../../abi/page.ts'
import { pfnOfWord, StateWord } from '../frame-state.ts'
import { FaultKind, type Host, type HvSteps, refuse, stop, type Vm } from '../host.ts'
import {
  faultIn,
  freeDevicePage,
  indexOf,
  isSecure,
  mark,
  stateWordAt,
  uvPageIn,
} from '../mapping.ts'
import { isDevicePte, pfnOfPte } from '../mem-slots.ts'
import { Reason } from '../reason.ts'

/** @returns H_SUCCESS or H_PARAMETER; H_HARDWARE with `vm.fault` where the kernel would not return. */
export function* share(host: Host, vm: Vm, gpa: Gpa): HvSteps {
  const gfn = gfnOf(gpa)
  // DIFF: Linux drops the device page before it asks the ultravisor, without a page-out.
  if (host.profile.shareKeepsUntilAgreed && isSecure(vm, gfn)) return yield* replace(host, vm, gpa)

  if (isSecure(vm, gfn) && !markForDrop(host, vm, gfn)) return outOfNote(vm)
  const frame = yield* faultIn(host, vm, gfn)
  if (vm.fault !== undefined) return frame
  if (frame <= 0) return H.PARAMETER
  if (isSecure(vm, gfn)) {
    if (!markForDrop(host, vm, gfn)) return outOfNote(vm)
    // DIFF: the kernel finds the same normal page again and again, and tries for ever.
    return stop(
      vm,
      FaultKind.Livelock,
      'gfn_to_pfn retried forever (share of a GFN whose uvmem mark is stale)',
    )
  }
  const ret = yield uvPageIn(vm, raOf(asFrame(frame)), gpa)
  if (ret !== U.SUCCESS) return refuse(vm, H.PARAMETER, Reason.shareRefused)
  // DIFF: Linux 5.6 and 5.7 have no state for a shared frame.
  if (host.profile.tracksShared) mark(vm, gfn, StateWord.Shared)
  return H.SUCCESS
}

/** Marks the device page for a drop without page-out; false when it was freed behind our back. */
function markForDrop(host: Host, vm: Vm, gfn: Gfn): boolean {
  const pfn = pfnOfWord(stateWordAt(vm, gfn))
  if (!host.devices.isUsed(pfn)) return false
  host.devices.note(pfn, { skipPageOut: true, removeGfn: false })
  return true
}

/** DIFF: the kernel reads the note of a freed page through a null pointer. */
const outOfNote = (vm: Vm): number =>
  stop(vm, FaultKind.Oops, 'invalid memory access (kernel NULL/wild dereference)')

/** Shares a secure page so that nothing is lost when the ultravisor refuses. */
function* replace(host: Host, vm: Vm, gpa: Gpa): HvSteps {
  const gfn = gfnOf(gpa)
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return refuse(vm, H.PARAMETER, Reason.noSlot)
  if (!slot.region.mapped) return refuse(vm, H.PARAMETER, Reason.noMapping)
  const index = indexOf({ slot, gfn })
  const pte = slot.region.ptes.get(index)
  if (!isDevicePte(pte)) return refuse(vm, H.PARAMETER, Reason.devicePage)
  const frame = host.ram.allocate(vm.lpid)
  if (frame === undefined) return refuse(vm, H.PARAMETER, Reason.outOfMemory)
  const ret = yield uvPageIn(vm, raOf(frame), gpa)
  if (ret !== U.SUCCESS) {
    host.ram.free(frame)
    return refuse(vm, H.PARAMETER, Reason.shareRefused)
  }
  slot.region.ptes.set(index, frame)
  freeDevicePage(host, vm, pfnOfPte(pte), gfn)
  mark(vm, gfn, host.profile.tracksShared ? StateWord.Shared : StateWord.Normal)
  return H.SUCCESS
}
