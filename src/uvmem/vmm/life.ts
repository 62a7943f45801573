/**
 * A VM from the VMM's side: created, reset to normal, destroyed.
 *
 * Sources: kvm_create_vm(), kvmhv_svm_off() (KVM_PPC_SVM_OFF, used at every reboot),
 * kvmppc_core_destroy_vm_hv().
 */
import { H, Host as HostCode, U } from '../../abi/codes.ts'
import { asGfn, type Frame, type Gfn, type Lpid } from '../../abi/page.ts'
import { present } from '../../lib/assert.ts'
import { dropPages, freeUvmemSlots } from '../drop-pages.ts'
import { type Host, type HvSteps, newVm, refuse, type Vm } from '../host.ts'
import { clearRegion, freeFrame } from '../mapping.ts'
import { newRegion, type Region } from '../mem-slots.ts'
import { Reason } from '../reason.ts'
import { SECURE_INIT_START } from '../vm-state.ts'
import type { AddSlot } from './slots.ts'

export interface CreateVm {
  readonly lpid: Lpid
  readonly radix: boolean
  readonly svmEnabled: boolean
  readonly slots: readonly AddSlot[]
}

/** A normal VM; `undefined` when the LPID is in use. The caller has checked that slots do not overlap. */
export function createVm(host: Host, wish: CreateVm): Vm | undefined {
  if (host.vms.has(wish.lpid)) return undefined
  const vm = newVm(wish.lpid, wish.radix, wish.svmEnabled)
  for (const { id, base, pages } of wish.slots) {
    vm.slots.add({ id, base, pages, region: newRegion(id, pages) })
  }
  host.vms.set(wish.lpid, vm)
  return vm
}

/**
 * @returns 0; -EINVAL when the ultravisor refuses UV_SVM_TERMINATE: the flags stay; -ENOTTY under a
 * kernel without the ioctl.
 */
export function* svmOff(host: Host, vm: Vm): HvSteps {
  // DIFF: Linux 5.6 has no such ioctl.
  if (!host.profile.hasSvmOff) return refuse(vm, HostCode.ENOTTY, Reason.noSuchIoctl)
  if ((vm.secureGuest & SECURE_INIT_START) === 0) return HostCode.OK
  for (const slot of vm.slots) {
    yield* dropPages(host, vm, slot, { skipPageOut: true, purges: true, slotValid: true })
    if (vm.fault !== undefined) return H.HARDWARE
    yield { call: 'UV_UNREGISTER_MEM_SLOT', lpid: vm.lpid, slotId: slot.id }
  }
  const ret = yield { call: 'UV_SVM_TERMINATE', lpid: vm.lpid }
  if (ret !== U.SUCCESS) return refuse(vm, HostCode.EINVAL, Reason.terminateRefused)
  unpinAll(host, vm)
  vm.secureGuest = 0
  // DIFF: Linux keeps the uvmem slots; the next H_SVM_INIT_START puts new ones in front.
  if (host.profile.freesUvmemSlots) freeUvmemSlots(host, vm)
  return HostCode.OK
}

/** The VMM exits: its memory goes first, then the ultravisor is told. @returns 0. */
export function* destroyVm(host: Host, vm: Vm): HvSteps {
  unpinAll(host, vm)
  for (const slot of vm.slots) clearRegion(host, vm, slot.region, slot.base)
  for (const region of vm.kept) clearRegion(host, vm, region, asGfn(0))
  vm.kept.length = 0
  if (vm.secureGuest !== 0) yield { call: 'UV_SVM_TERMINATE', lpid: vm.lpid }
  host.vms.delete(vm.lpid)
  return HostCode.OK
}

/** Lets every pinned page go; one that is mapped nowhere any more is freed. */
function unpinAll(host: Host, vm: Vm): void {
  for (const gfn of [...vm.pins.entries()].map(([each]) => each)) unpinFrame(host, vm, gfn)
}

/** Lets the page go that was pinned through `gfn`; it may be mapped elsewhere by now. */
export function unpinFrame(host: Host, vm: Vm, gfn: Gfn): void {
  const frame = present(vm.pins.delete(gfn), 'a pinned frame')
  const slot = vm.slots.at(gfn)
  if (slot !== undefined && slot.region.ptes.get(gfn - slot.base) === frame) return
  const regions = [...vm.slots].map((each) => each.region).concat(vm.kept)
  if (!regions.some((region) => maps(region, frame))) freeFrame(host, vm, frame)
}

/** Pins are few, and fewer still have moved, so mappings are searched. */
function maps(region: Region, frame: Frame): boolean {
  for (let index = 0; index < region.pages; ) {
    const run = region.ptes.runAt(index, region.pages)
    const offset = frame - run.word
    if (run.step === 1 ? offset >= 0 && offset < run.count : offset === 0) return true
    index += run.count
  }
  return false
}
