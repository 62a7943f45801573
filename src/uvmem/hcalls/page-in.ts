/**
 * H_SVM_PAGE_IN: moves a page from normal to secure memory, or shares it.
 *
 * Source: kvmppc_h_svm_page_in() and kvmppc_svm_page_in(); the order of checks is part of the
 * contract. DIFF: the kernel takes mmap_lock and uvmem_lock here; one VM is one queue instead.
 */

import { H_PAGE_IN_SHARED } from '../../abi/calls.ts'
import { H, U } from '../../abi/codes.ts'
import {
  type DevicePfn,
  type Gfn,
  type Gpa,
  gfnOf,
  gpaOf,
  PAGE_SHIFT,
  type Ra,
  raOf,
  raOfDevice,
} from '../../abi/page.ts'
import { present } from '../../lib/assert.ts'
import { secureWord } from '../frame-state.ts'
import { atOnce, type Host, type HvSteps, RESCHED, refuse, type Vm } from '../host.ts'
import {
  faultIn,
  freeDevicePage,
  freeFrame,
  indexOf,
  invalidation,
  isSecure,
  mark,
  notifies,
  type Place,
  uvPageIn,
} from '../mapping.ts'
import { devicePte, frameOfPte, isDevicePte, isFramePte, NO_PTE, pfnOfPte } from '../mem-slots.ts'
import { Reason } from '../reason.ts'
import { SECURE_INIT_START } from '../vm-state.ts'
import { share } from './share.ts'

/**
 * @param gpa any address in the page; passed on as it came.
 * @param flags H_PAGE_IN_NONSHARED or H_PAGE_IN_SHARED.
 * @param order 16.
 * @returns H_SUCCESS, H_PARAMETER, H_P2 (flags), H_P3 (order), H_UNSUPPORTED (not started).
 */
export function pageIn(host: Host, vm: Vm, gpa: Gpa, flags: number, order: number): HvSteps {
  if ((vm.secureGuest & SECURE_INIT_START) === 0)
    return atOnce(refuse(vm, H.UNSUPPORTED, Reason.notStarted))
  if (order !== PAGE_SHIFT) return atOnce(refuse(vm, H.P3, Reason.badOrder))
  if (flags !== 0 && flags !== H_PAGE_IN_SHARED) return atOnce(refuse(vm, H.P2, Reason.badFlags))
  const gfn = gfnOf(gpa)
  if (flags === H_PAGE_IN_SHARED) return share(host, vm, gpa)

  const slot = vm.slots.at(gfn)
  if (slot === undefined) return atOnce(refuse(vm, H.PARAMETER, Reason.noSlot))
  if (isSecure(vm, gfn)) return atOnce(refuse(vm, H.PARAMETER, Reason.alreadySecure))
  if (!slot.region.mapped) return atOnce(refuse(vm, H.PARAMETER, Reason.noMapping))
  // No generator around this one: it runs for each page, and would cost as much as all the checks.
  return migrateIn(host, vm, { slot, gfn }, gpa, true, H.PARAMETER)
}

/**
 * Gives a page a device page; with `sends`, its content goes to the ultravisor first. Returns
 * H_SUCCESS, or `failure`. Source: kvmppc_svm_page_in().
 */
export function* migrateIn(
  host: Host,
  vm: Vm,
  place: Place,
  gpa: Gpa,
  sends: boolean,
  failure: number,
): HvSteps {
  const { region } = place.slot
  const index = indexOf(place)
  // DIFF: Linux up to the series switches page merging off here, page by page.
  if (host.profile.mergingOff === 'per-page' && region.ksmError !== 0) {
    return refuse(vm, failure, Reason.notMergeable)
  }
  if (region.swap.size > 0 && region.swap.has(index)) {
    // DIFF: Linux cannot migrate a page in swap, and does not bring it back first.
    if (!host.profile.pageInReadsSwap) return refuse(vm, failure, Reason.swapped)
    yield* faultIn(host, vm, place.gfn)
  }
  if (notifies(host, vm)) yield invalidation(vm, place.gfn)
  const pte = region.ptes.get(index)
  // DIFF: migrate_vma had no owner check before 5.8, and took device pages for normal ones.
  if (isDevicePte(pte) && !host.profile.migratesDevicePages) {
    return refuse(vm, failure, Reason.devicePage)
  }
  if (isFramePte(pte) && vm.pins.holds(frameOfPte(pte))) return refuse(vm, failure, Reason.pinned)

  // DIFF: Linux takes the PFN and marks the frame before it asks, and undoes neither.
  const undoes = host.profile.undoesPageIn
  const early = undoes ? undefined : takePage(host, vm, place.gfn, gpa)
  if (undoes ? !host.devices.promise() : early === undefined) {
    return refuse(vm, failure, Reason.poolEmpty)
  }
  let ret: number = U.SUCCESS
  if (sends && pte !== NO_PTE) ret = yield uvPageIn(vm, raOfPte(pte), gpa)
  // Page-ins before this one may not have their PFN yet: it takes its own in its turn.
  else if (sends && undoes) yield RESCHED
  if (undoes) host.devices.release()
  // DIFF: Linux leaves the PFN taken and the frame marked secure, while the page stays where it was.
  if (ret !== U.SUCCESS && host.profile.failsOnUcall)
    return refuse(vm, failure, Reason.pageInRefused)

  const pfn = early ?? present(takePage(host, vm, place.gfn, gpa), 'the promised device page')
  region.ptes.set(index, devicePte(pfn))
  if (isFramePte(pte)) freeFrame(host, vm, frameOfPte(pte))
  else if (isDevicePte(pte)) freeDevicePage(host, vm, pfnOfPte(pte), place.gfn)
  // A page that was mapped nowhere is inserted under the notifier's eyes once more.
  if (pte === NO_PTE && notifies(host, vm)) yield invalidation(vm, place.gfn)
  return H.SUCCESS
}

/** Where a mapped page lies. */
const raOfPte = (pte: number): Ra =>
  isDevicePte(pte) ? raOfDevice(pfnOfPte(pte)) : raOf(frameOfPte(pte))

/** Takes a device page, marks its frame secure and notes an odd GPA. Source: kvmppc_uvmem_get_page(). */
function takePage(host: Host, vm: Vm, gfn: Gfn, gpa: Gpa): DevicePfn | undefined {
  const pfn = host.devices.take()
  if (pfn === undefined) return undefined
  mark(vm, gfn, secureWord(pfn))
  if (gpa !== gpaOf(gfn)) host.devices.note(pfn, { gpa })
  return pfn
}
