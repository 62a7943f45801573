/**
 * What the VMM does to a VM's memory slots, before the switch and after (hotplug).
 *
 * Sources: kvm_set_memory_region(), kvmppc_core_commit_memory_region_hv(),
 * kvmppc_radix_flush_memslot(), kvmppc_uvmem_memslot_create(), kvmppc_uvmem_memslot_delete().
 */
import { H, Host as HostCode } from '../../abi/codes.ts'
import { asGfn, type Gfn, gpaOf, type SlotId } from '../../abi/page.ts'
import { dropPages, forgetDevicePages } from '../drop-pages.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import { clearRegion } from '../mapping.ts'
import { isDevicePte, type MemSlot, newRegion, pfnOfPte, type Region } from '../mem-slots.ts'
import { Reason } from '../reason.ts'
import { registerSlot, unregisterSlot } from '../registration.ts'
import { secureRest } from '../secure-rest.ts'
import { SECURE_INIT_START } from '../vm-state.ts'

export interface AddSlot {
  readonly id: SlotId
  readonly base: Gfn
  /** Pages, 1 or more. */
  readonly pages: number
  /** The ultravisor knows the slot already: it is not called back. */
  readonly knownToUv?: boolean
}

/** The slot's own code, and what became of it in secure memory. */
export interface AddSlotResult {
  /** 0, -EEXIST, or -EINVAL where a failure of the uvmem code undoes the slot. */
  readonly ret: number
  /** What the uvmem code answered; the kernel ignores it. H_SUCCESS when it was not asked. */
  readonly uvmem: number
}

/** Source: kvm_set_memory_region() with KVM_MR_CREATE. */
export function* addSlot(host: Host, vm: Vm, wish: AddSlot): HvSteps<AddSlotResult> {
  const { id, base, pages } = wish
  if (vm.slots.get(id) !== undefined || vm.slots.overlaps(base, pages)) {
    return { ret: refuse(vm, HostCode.EEXIST, Reason.slotOverlaps), uvmem: H.SUCCESS }
  }
  const slot: MemSlot = { id, base, pages, region: takeRegion(host, vm, wish) }
  vm.slots.add(slot)
  // DIFF: Linux 5.6 does not tell the uvmem code, and 5.7 does not secure the slot.
  if (vm.secureGuest === 0 || host.profile.hotplug === 'untold') {
    return { ret: HostCode.OK, uvmem: H.SUCCESS }
  }
  const uvmem = yield* hotplug(host, vm, slot, wish.knownToUv === true)
  // DIFF: Linux ignores the failure: the slot is there, and the ultravisor knows nothing of it.
  if (uvmem === H.SUCCESS || !host.profile.hotplugUndone) return { ret: HostCode.OK, uvmem }
  const { reason } = vm
  yield* removeSlot(host, vm, id, true, wish.knownToUv === true)
  vm.reason = reason
  return { ret: HostCode.EINVAL, uvmem }
}

/** Source: kvmppc_uvmem_memslot_create(). */
function* hotplug(host: Host, vm: Vm, slot: MemSlot, knownToUv: boolean): HvSteps {
  if (knownToUv) vm.uvmem.add(slot.base, slot.pages)
  else {
    // DIFF: Linux up to the series keeps the uvmem slot of a hot-added slot that was refused.
    const registered = yield* registerSlot(host, vm, slot, host.profile.hotplugChecks)
    if (registered !== H.SUCCESS) return registered
  }
  return host.profile.hotplug === 'secured' ? yield* secureRest(host, vm, slot) : H.SUCCESS
}

/**
 * Source: kvm_set_memory_region() with KVM_MR_DELETE.
 *
 * @param munmap the memory behind the slot goes with it.
 * @param knownToUv the ultravisor has forgotten the slot already: it is not called back.
 * @returns 0 or -ENOENT.
 */
export function* removeSlot(
  host: Host,
  vm: Vm,
  id: SlotId,
  munmap: boolean,
  knownToUv = false,
): HvSteps {
  const slot = vm.slots.get(id)
  if (slot === undefined) return refuse(vm, HostCode.ENOENT, Reason.noSuchSlot)
  yield* flush(host, vm, slot, false)
  if (vm.fault !== undefined) return H.HARDWARE
  vm.slots.delete(slot)
  if (vm.secureGuest !== 0 && host.profile.hotplug !== 'untold')
    yield* unregisterSlot(vm, slot, knownToUv)
  // DIFF: Linux leaves pages that could not be dropped in the mapping, where nobody tracks them.
  if (host.profile.freesUvmemSlots) forgetDevicePages(host, vm, slot.region, slot.base)
  // The slot is gone: no notifier finds what munmap() takes away.
  if (munmap) clearRegion(host, vm, slot.region, slot.base)
  else keepRegion(host, vm, slot)
  return HostCode.OK
}

/** A dirty-log toggle flushes a slot's mappings. @returns 0 or -ENOENT. */
export function* flushSlot(host: Host, vm: Vm, id: SlotId): HvSteps {
  const slot = vm.slots.get(id)
  if (slot === undefined) return refuse(vm, HostCode.ENOENT, Reason.noSuchSlot)
  yield* flush(host, vm, slot, true)
  return vm.fault === undefined ? HostCode.OK : H.HARDWARE
}

/** Source: kvmppc_radix_flush_memslot(). */
function* flush(host: Host, vm: Vm, slot: MemSlot, slotValid: boolean): HvSteps<void> {
  if ((vm.secureGuest & SECURE_INIT_START) === 0) return
  // DIFF: Linux takes a dirty-log toggle for the end of the slot, which the ultravisor knows nothing of.
  if (slotValid && !host.profile.flushDrops) return
  yield* dropPages(host, vm, slot, { skipPageOut: true, purges: false, slotValid })
}

/** The mapping that outlived a slot of the same id and size, or a fresh one in its place. */
function takeRegion(host: Host, vm: Vm, { id, base, pages }: AddSlot): Region {
  const at = vm.kept.findIndex((region) => region.slotId === id)
  const [kept] = at < 0 ? [] : vm.kept.splice(at, 1)
  if (kept === undefined) return newRegion(id, pages)
  if (kept.mapped && kept.pages === pages) {
    forgetPlainNotes(host, kept, base)
    return kept
  }
  clearRegion(host, vm, kept, asGfn(0))
  return newRegion(id, pages)
}

/** Lets the mapping live on without its slot; its device pages note where they belonged. */
function keepRegion(host: Host, vm: Vm, slot: MemSlot): void {
  vm.kept.push(slot.region)
  forEachDevicePage(slot.region, (index, pte) => {
    const pfn = pfnOfPte(pte)
    const gpa = host.devices.noteOf(pfn).gpa ?? gpaOf(asGfn(slot.base + index))
    host.devices.note(pfn, { gpa })
  })
}

/** A note that says what is plain again at the new base need not be kept. */
function forgetPlainNotes(host: Host, region: Region, base: Gfn): void {
  forEachDevicePage(region, (index, pte) => {
    const pfn = pfnOfPte(pte)
    if (host.devices.noteOf(pfn).gpa !== gpaOf(asGfn(base + index))) return
    const { gpa: _plain, ...rest } = host.devices.noteOf(pfn)
    host.devices.setNote(pfn, rest)
  })
}

function forEachDevicePage(region: Region, visit: (index: number, pte: number) => void): void {
  for (let index = 0; index < region.pages; ) {
    const run = region.ptes.runAt(index, region.pages)
    if (isDevicePte(run.word)) {
      for (let i = 0; i < run.count; i++) visit(index + i, run.word + i * run.step)
    }
    index += run.count
  }
}
