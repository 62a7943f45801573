/**
 * What the host does to single pages of a VM: touch, reclaim, discard, pin, and the guest's own faults.
 *
 * Sources: do_swap_page() with kvmppc_uvmem_migrate_to_ram(), zap_pte_range() with
 * kvm_unmap_radix(), get_user_pages(), kvmppc_book3s_radix_page_fault(), kvmppc_send_page_to_uv().
 */
import { H, Host as HostCode, U } from '../../abi/codes.ts'
import { asFrame, type Gfn, gpaOf, raOf } from '../../abi/page.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import {
  clearPte,
  faultIn,
  invalidation,
  isDone,
  isSecure,
  migrateOut,
  notedGpa,
  uvPageIn,
} from '../mapping.ts'
import { frameOfPte, isDevicePte, isFramePte } from '../mem-slots.ts'
import { Reason } from '../reason.ts'
import { unpinFrame } from './life.ts'

/** A host write to a page: a secure one is paged out. @returns 0, NOSLOT, SIGSEGV or SIGBUS. */
export function* touch(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  const frame = yield* faultIn(host, vm, gfn)
  return frame > 0 ? HostCode.OK : frame
}

/** How a page's mapping goes. */
export type Unmap = 'reclaim' | 'discard'

/**
 * The mapping of a page goes: `reclaim` keeps what it held (swap), `discard` does not
 * (MADV_DONTNEED). After H_SVM_INIT_DONE the ultravisor is told; its answer is ignored.
 *
 * @returns 0, NOSLOT or SIGSEGV.
 */
export function* unmap(host: Host, vm: Vm, gfn: Gfn, how: Unmap): HvSteps {
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return refuse(vm, HostCode.NOSLOT, Reason.noSlot)
  if (!slot.region.mapped) return refuse(vm, HostCode.SIGSEGV, Reason.noMapping)
  const { ptes, swap } = slot.region
  const index = gfn - slot.base
  // DIFF: Linux drops a device page without a page-out, and its content with it.
  if (isDevicePte(ptes.get(index)) && host.profile.unmapPagesOut) {
    const ret = yield* migrateOut(host, vm, { slot, gfn }, notedGpa(host, { slot, gfn }))
    if (ret !== U.SUCCESS) return HostCode.SIGBUS
  }
  if (isDone(vm)) yield invalidation(vm, gfn)
  const pte = ptes.get(index)
  const held = isFramePte(pte) && how === 'reclaim' ? host.ram.read(frameOfPte(pte)) : null
  clearPte(host, vm, slot.region, index, gfn)
  if (held !== null) swap.set(index, held)
  else if (how === 'discard') swap.delete(index)
  return HostCode.OK
}

/** Pins a page, which brings it to normal memory first. @returns 0, -EEXIST, NOSLOT, SIGSEGV, SIGBUS. */
export function* pin(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  const frame = yield* faultIn(host, vm, gfn)
  if (frame <= 0) return frame
  if (vm.pins.has(gfn)) return refuse(vm, HostCode.EEXIST, Reason.alreadyPinned)
  vm.pins.add(gfn, asFrame(frame))
  return HostCode.OK
}

/** @returns 0 or -ENOENT. */
export function unpin(host: Host, vm: Vm, gfn: Gfn): number {
  if (!vm.pins.has(gfn)) return refuse(vm, HostCode.ENOENT, Reason.notPinned)
  unpinFrame(host, vm, gfn)
  return HostCode.OK
}

/**
 * A page fault of the guest that reaches the hypervisor: reflected by the ultravisor once the VM is
 * secure. @returns RESUME_GUEST (0), RESUME_HOST (2: no slot, emulate MMIO) or -EFAULT.
 */
export function* guestFault(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  if (isDone(vm)) return yield* sendPage(host, vm, gfn)
  if (vm.slots.at(gfn) === undefined) return refuse(vm, HostCode.RESUME_HOST, Reason.noSlot)
  const frame = yield* faultIn(host, vm, gfn)
  if (vm.fault !== undefined) return H.HARDWARE
  return frame > 0 ? HostCode.RESUME_GUEST : HostCode.EFAULT
}

/** Source: kvmppc_send_page_to_uv(). No state changes. */
function* sendPage(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  const frame = yield* faultIn(host, vm, gfn)
  if (vm.fault !== undefined) return H.HARDWARE
  if (frame <= 0) return HostCode.EFAULT
  if (isSecure(vm, gfn)) return HostCode.RESUME_GUEST
  const ret = yield uvPageIn(vm, raOf(asFrame(frame)), gpaOf(gfn))
  return ret === U.SUCCESS ? HostCode.RESUME_GUEST : refuse(vm, HostCode.EFAULT, Reason.pageNotSent)
}
