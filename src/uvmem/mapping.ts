/**
 * Moves between normal memory and device pages: the host's page tables and its page faults.
 *
 * Sources: __kvmppc_svm_page_out(), kvmppc_uvmem_page_free(), kvmppc_uvmem_migrate_to_ram() of
 * book3s_hv_uvmem.c; migrate_vma_setup() and gfn_to_pfn() of mm/ and virt/kvm.
 */

import type { UvPageIn, UvPageInval } from '../abi/calls.ts'
import { Host as HostCode, U } from '../abi/codes.ts'
import {
  asGfn,
  type DevicePfn,
  type Frame,
  type Gfn,
  type Gpa,
  gfnOf,
  gpaOf,
  PAGE_SHIFT,
  type Ra,
  raOf,
} from '../abi/page.ts'
import { type WordRun, WordTable } from '../lib/word-table.ts'
import { isSecureWord, StateWord } from './frame-state.ts'
import { FaultKind, type Host, type HvSteps, refuse, stop, type Vm } from './host.ts'
import {
  frameOfPte,
  isDevicePte,
  isFramePte,
  type MemSlot,
  NO_PTE,
  pfnOfPte,
  type Region,
} from './mem-slots.ts'
import { Reason } from './reason.ts'
import { SECURE_INIT_DONE } from './vm-state.ts'

/** A page as the host maps it. */
export interface Place {
  readonly slot: MemSlot
  readonly gfn: Gfn
}

export const indexOf = ({ slot, gfn }: Place): number => gfn - slot.base

export const isDone = (vm: Vm): boolean => (vm.secureGuest & SECURE_INIT_DONE) !== 0

/** The state word that look-ups of `gfn` find; normal when no uvmem slot covers it. */
export function stateWordAt(vm: Vm, gfn: Gfn): number {
  const slot = vm.uvmem.at(gfn)
  return slot === undefined ? StateWord.Normal : slot.words.get(gfn - slot.base)
}

/** Source: kvmppc_gfn_is_uvmem_pfn(). */
export const isSecure = (vm: Vm, gfn: Gfn): boolean => isSecureWord(stateWordAt(vm, gfn))

/** Source: kvmppc_mark_gfn(); a GFN without uvmem slot is passed over in silence. */
export function mark(vm: Vm, gfn: Gfn, word: number): void {
  const slot = vm.uvmem.at(gfn)
  if (slot !== undefined) slot.words.set(gfn - slot.base, word)
}

/** What the MMU notifier sends when a mapping goes. Source: kvm_unmap_radix(). */
export const invalidation = (vm: Vm, gfn: Gfn): UvPageInval => ({
  call: 'UV_PAGE_INVAL',
  lpid: vm.lpid,
  gpa: gpaOf(gfn),
  order: PAGE_SHIFT,
  via: 'notifier',
})

/** Hands a page of normal memory to the ultravisor; `gpa` as the caller gave it. */
export const uvPageIn = (vm: Vm, ra: Ra, gpa: Gpa): UvPageIn => ({
  call: 'UV_PAGE_IN',
  lpid: vm.lpid,
  ra,
  gpa,
  flags: 0,
  order: PAGE_SHIFT,
})

/** True when a migration must tell the ultravisor. */
export const notifies = (host: Host, vm: Vm): boolean => host.notifiesMigrations && isDone(vm)

/** Gives a device page back and marks its frame. Source: kvmppc_uvmem_page_free(). */
export function freeDevicePage(host: Host, vm: Vm, pfn: DevicePfn, mapped: Gfn): void {
  const note = host.devices.noteOf(pfn)
  const gfn = note.gpa === undefined ? mapped : gfnOf(note.gpa)
  // DIFF: before version 2 of the series a paged-out frame counted as normal.
  const pagedOut = host.profile.tracksPagedOut && note.removeGfn !== true
  host.devices.free(pfn)
  mark(vm, gfn, pagedOut ? StateWord.PagedOut : StateWord.Normal)
}

/** Takes the mapping of a page away; what it mapped is freed unless somebody pins it. */
export function clearPte(host: Host, vm: Vm, region: Region, index: number, gfn: Gfn): void {
  const pte = region.ptes.get(index)
  region.ptes.set(index, NO_PTE)
  if (isDevicePte(pte)) freeDevicePage(host, vm, pfnOfPte(pte), gfn)
  else if (isFramePte(pte)) freeFrame(host, vm, frameOfPte(pte))
}

/** Takes all mappings of a region away. Source: munmap() and exit_mmap(). */
export function clearRegion(host: Host, vm: Vm, region: Region, base: Gfn): void {
  const plain = vm.pins.size === 0 && host.devices.notes().size === 0
  for (let index = 0; index < region.pages; ) {
    const run = region.ptes.runAt(index, region.pages)
    if (run.word !== NO_PTE || run.step !== 0) {
      if (plain && run.step === 1 && run.word !== NO_PTE) clearRun(host, vm, run, base)
      else
        for (let i = 0; i < run.count; i++)
          clearPte(host, vm, region, index + i, asGfn(base + index + i))
    }
    index += run.count
  }
  region.ptes = new WordTable(region.pages)
  region.swap.clear()
}

/** Frees pages in a row that nobody pins and that carry no notes. */
function clearRun(host: Host, vm: Vm, run: WordRun, base: Gfn): void {
  if (isFramePte(run.word)) {
    host.ram.freeRun(frameOfPte(run.word), run.count)
    return
  }
  host.devices.freeRun(pfnOfPte(run.word), run.count)
  const word = host.profile.tracksPagedOut ? StateWord.PagedOut : StateWord.Normal
  const end = base + run.start + run.count
  for (let gfn: number = base + run.start; gfn < end; ) {
    const slot = vm.uvmem.at(asGfn(gfn))
    const stop = Math.min(end, slot === undefined ? gfn + 1 : vm.uvmem.endOfWindow(asGfn(gfn)))
    if (slot !== undefined) slot.words.fill(gfn - slot.base, stop - gfn, word, 0)
    gfn = stop
  }
}

export function freeFrame(host: Host, vm: Vm, frame: Frame): void {
  if (!vm.pins.holds(frame)) host.ram.free(frame)
}

/**
 * Moves a page from secure to normal memory. Returns U_SUCCESS also when there is nothing to move;
 * otherwise -1 (no frame) or the code of UV_PAGE_OUT. Source: __kvmppc_svm_page_out().
 *
 * @param gpa the address noted on the device page; its GFN's state decides, not the mapped one's.
 */
export function* migrateOut(host: Host, vm: Vm, place: Place, gpa: Gpa): HvSteps {
  if (!isSecure(vm, gfnOf(gpa))) return U.SUCCESS
  if (notifies(host, vm)) yield invalidation(vm, place.gfn)
  const { ptes } = place.slot.region
  const pte = ptes.get(indexOf(place))
  // The state is stale: migrate_vma_setup() finds no device page, and that counts as success.
  if (!isDevicePte(pte)) return U.SUCCESS
  const frame = host.deniesFrames ? undefined : host.ram.allocate(vm.lpid)
  if (frame === undefined) return refuse(vm, -1, Reason.outOfMemory)
  const pfn = pfnOfPte(pte)
  if (host.devices.noteOf(pfn).skipPageOut !== true) {
    const ret = yield {
      call: 'UV_PAGE_OUT',
      lpid: vm.lpid,
      ra: raOf(frame),
      gpa,
      flags: 0,
      order: PAGE_SHIFT,
    }
    if (ret !== U.SUCCESS) {
      host.ram.free(frame)
      return refuse(vm, ret, Reason.pageOutRefused)
    }
  }
  ptes.set(indexOf(place), frame)
  freeDevicePage(host, vm, pfn, place.gfn)
  return U.SUCCESS
}

/** The GPA noted on the device page that `place` maps. */
export function notedGpa(host: Host, place: Place): Gpa {
  const pte = place.slot.region.ptes.get(indexOf(place))
  const noted = isDevicePte(pte) ? host.devices.noteOf(pfnOfPte(pte)).gpa : undefined
  return noted ?? gpaOf(place.gfn)
}

/**
 * The normal frame behind a GFN, brought there by a page fault of the host where need be: the
 * number of the frame (1 or more), else NOSLOT, SIGSEGV or SIGBUS, or H_HARDWARE with `vm.fault` set.
 *
 * Source: gfn_to_pfn() and do_swap_page() with kvmppc_uvmem_migrate_to_ram().
 */
export function* faultIn(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return refuse(vm, HostCode.NOSLOT, Reason.noSlot)
  if (!slot.region.mapped) return refuse(vm, HostCode.SIGSEGV, Reason.noMapping)
  const { ptes } = slot.region
  const place = { slot, gfn }
  const index = indexOf(place)
  if (isFramePte(ptes.get(index))) return ptes.get(index)
  if (ptes.get(index) === NO_PTE) return mapFreshFrame(host, vm, place)
  const ret = yield* migrateOut(host, vm, place, notedGpa(host, place))
  if (ret !== U.SUCCESS) return HostCode.SIGBUS
  if (isFramePte(ptes.get(index))) return ptes.get(index)
  // DIFF: the kernel takes the same fault again, for ever.
  if (host.profile.detectsStaleMarks) return refuse(vm, HostCode.SIGBUS, Reason.devicePage)
  return stop(vm, FaultKind.Livelock, 'host page fault loop: device PTE never resolved')
}

/** Maps a frame where there was none: zeros, or what was there before the page was reclaimed. */
function mapFreshFrame(host: Host, vm: Vm, place: Place): number {
  const frame = host.ram.allocate(vm.lpid)
  if (frame === undefined) return refuse(vm, HostCode.SIGBUS, Reason.outOfMemory)
  const { ptes, swap } = place.slot.region
  const index = indexOf(place)
  const kept = swap.get(index)
  if (kept !== undefined) {
    host.ram.write(frame, kept)
    swap.delete(index)
  }
  ptes.set(index, frame)
  return frame
}
