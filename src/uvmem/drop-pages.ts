/**
 * Drops the device pages of a slot: its frames become normal again.
 *
 * Source: kvmppc_uvmem_drop_pages(). Up to version 3 of the 2020 series it touched each page and
 * let the fault handler do the work; since then it migrates directly.
 */
import { asGfn, type Gfn, gpaOf } from '../abi/page.ts'
import { pfnOfWord, StateWord } from './frame-state.ts'
import { FaultKind, type Host, type HvSteps, RESCHED, stop, type Vm } from './host.ts'
import { clearPte, faultIn, isSecure, migrateOut, notifies, stateWordAt } from './mapping.ts'
import { isDevicePte, type MemSlot, type Region } from './mem-slots.ts'

/** Why a slot's pages are dropped. */
export interface Drop {
  /** No UV_PAGE_OUT: the content is given up. */
  readonly skipPageOut: boolean
  /** The frames' history ends here, as at a reset; a flush alone keeps the "paged out" mark in series v2. */
  readonly purges: boolean
  /** False while the slot is being removed: host page faults no longer find it. */
  readonly slotValid: boolean
}

/** Frames, or runs of frames, that are dropped before others may run. */
const stepsPerTurn = 4_096
/** Frames of such runs that are dropped before others may run: some milliseconds. */
const framesPerTurn = 131_072
/** Frames that are looked at and dropped at a stroke, at most. */
const framesPerRunMax = 65_536

/** Ends early when the slot's mapping is gone, or with `vm.fault` set. */
export function* dropPages(host: Host, vm: Vm, slot: MemSlot, drop: Drop): HvSteps<void> {
  const { drops } = host.profile
  if (drops === 'never') return
  if (drops === 'by-migration' && !slot.region.mapped) return
  let turns = 0
  let frames = 0
  for (let done = 0; done < slot.pages; ) {
    const gfn = asGfn(slot.base + done)
    const many = isSecure(vm, gfn)
      ? dropRun(host, vm, slot, gfn, drop)
      : passRun(host, vm, slot, gfn, drop)
    frames += many
    if (many > 0) done += many
    else {
      yield* dropOne(host, vm, slot, gfn, drop)
      if (vm.fault !== undefined) return
      done++
    }
    if (++turns % stepsPerTurn !== 0 && frames < framesPerTurn) continue
    frames = 0
    yield RESCHED
  }
}

/** Frames from `gfn` on that are not secure, made normal at a stroke where the profile does so. */
function passRun(host: Host, vm: Vm, slot: MemSlot, gfn: Gfn, drop: Drop): number {
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) return 1
  const end = Math.min(vm.uvmem.endOfWindow(gfn), slot.base + slot.pages)
  const run = uvmem.words.runAt(gfn - uvmem.base, end - uvmem.base)
  // Words that rise (normal, shared, paged out) are taken one at a time.
  const count = run.step === 0 ? run.count : 1
  // DIFF: up to version 2 of the series a flush left frames alone that were not secure.
  if (host.profile.flushResets || drop.purges) {
    uvmem.words.fill(run.start, count, StateWord.Normal, 0)
  }
  return count
}

/**
 * Drops secure frames in a row at a stroke, without page-out; 0 when they must be looked at one by
 * one. DIFF: the kernel migrates page by page; the frames that come in their place are the same.
 */
function dropRun(host: Host, vm: Vm, slot: MemSlot, gfn: Gfn, drop: Drop): number {
  const { profile, devices, ram } = host
  const plain = drop.skipPageOut && profile.drops === 'by-migration' && profile.flushResets
  if (!plain || notifies(host, vm) || host.deniesFrames || devices.notes().size > 0) return 0
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) return 0
  const end = Math.min(vm.uvmem.endOfWindow(gfn), slot.base + slot.pages, gfn + framesPerRunMax)
  const states = uvmem.words.runAt(gfn - uvmem.base, end - uvmem.base)
  const { ptes } = slot.region
  const pages = ptes.runAt(gfn - slot.base, gfn - slot.base + states.count)
  if (pages.word !== states.word) return 0
  const { first, count } = ram.allocateRun(vm.lpid, pages.count)
  if (first === undefined) return 0
  devices.freeRun(pfnOfWord(states.word), count)
  uvmem.words.fill(states.start, count, StateWord.Normal, 0)
  ptes.fill(pages.start, count, first, 1)
  return count
}

function* dropOne(host: Host, vm: Vm, slot: MemSlot, gfn: Gfn, drop: Drop): HvSteps<void> {
  const pfn = pfnOfWord(stateWordAt(vm, gfn))
  if (!host.devices.isUsed(pfn)) {
    stop(vm, FaultKind.Oops, 'invalid memory access (kernel NULL/wild dereference)')
    return
  }
  const { profile } = host
  const removeGfn = profile.flushResets || (drop.purges && profile.tracksPagedOut)
  host.devices.note(pfn, {
    skipPageOut: drop.skipPageOut,
    ...(removeGfn ? { removeGfn: true } : {}),
  })
  // DIFF: up to version 3 of the series a page fault did it, which no longer finds a removed slot.
  if (profile.drops === 'by-migration') {
    yield* migrateOut(host, vm, { slot, gfn }, host.devices.noteOf(pfn).gpa ?? gpaOf(gfn))
  } else if (drop.slotValid) yield* faultIn(host, vm, gfn)
  // DIFF: Linux leaves both marks on a page that could not be dropped.
  if (profile.dropMarksExpire && host.devices.isUsed(pfn) && isSecure(vm, gfn)) {
    host.devices.note(pfn, { skipPageOut: false, removeGfn: false })
  }
  // A page that could not be dropped is only logged by the kernel, which goes on with the next.
}

/**
 * Lets every device page of a region go without a frame in its place: what it held is lost, and the
 * next touch finds zeros. For pages that could not be moved before their ultravisor forgot them.
 */
export function forgetDevicePages(host: Host, vm: Vm, region: Region, base: Gfn): void {
  for (let index = 0; index < region.pages; ) {
    const run = region.ptes.runAt(index, region.pages)
    if (isDevicePte(run.word)) {
      for (let i = 0; i < run.count; i++) {
        clearPte(host, vm, region, index + i, asGfn(base + index + i))
      }
    }
    index += run.count
  }
}

/** Frees the uvmem slots of a VM that is normal again, and what is left of its device pages. */
export function freeUvmemSlots(host: Host, vm: Vm): void {
  for (const { region, base } of vm.slots) forgetDevicePages(host, vm, region, base)
  vm.uvmem.clear()
}
