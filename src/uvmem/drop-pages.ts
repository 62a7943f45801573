/**
 * Drops the device pages of a slot: its frames become normal again.
 *
 * Source: kvmppc_uvmem_drop_pages(). Up to version 3 of the 2020 series it touched each page and
 * let the fault handler do the work; since then it migrates directly.
 */
import { asGfn, type Gfn, gpaOf } from '../abi/page.ts'
import { pfnOfWord, StateWord } from './frame-state.ts'
import { FaultKind, type Host, type HvSteps, RESCHED, stop, type Vm } from './host.ts'
import { faultIn, isSecure, migrateOut, stateWordAt } from './mapping.ts'
import type { MemSlot } from './mem-slots.ts'

/** Why a slot's pages are dropped. */
export interface Drop {
  /** No UV_PAGE_OUT: the content is given up. */
  readonly skipPageOut: boolean
  /** The frames' history ends here, as at a reset; a flush alone keeps the "paged out" mark in series v2. */
  readonly purges: boolean
  /** False while the slot is being removed: host page faults no longer find it. */
  readonly slotValid: boolean
}

/** Frames that are dropped before others may run. */
const framesPerTurn = 4_096

/** Ends early when the slot's mapping is gone, or with `vm.fault` set. */
export function* dropPages(host: Host, vm: Vm, slot: MemSlot, drop: Drop): HvSteps<void> {
  const { drops } = host.profile
  if (drops === 'never') return
  if (drops === 'by-migration' && !slot.region.mapped) return
  for (let done = 0; done < slot.pages; ) {
    const gfn = asGfn(slot.base + done)
    const idle = idleRun(host, vm, slot, gfn)
    if (idle > 0) done += idle
    else {
      yield* dropOne(host, vm, slot, gfn, drop)
      if (vm.fault !== undefined) return
      done++
      if (done % framesPerTurn === 0) yield RESCHED
    }
  }
}

/** Frames from `gfn` on that are not secure, made normal at a stroke where the profile does so. */
function idleRun(host: Host, vm: Vm, slot: MemSlot, gfn: Gfn): number {
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) return 1
  const at = gfn - uvmem.base
  const end = Math.min(vm.uvmem.endOfWindow(gfn), slot.base + slot.pages) - uvmem.base
  const run = uvmem.words.runAt(at, end)
  if (isSecure(vm, gfn)) return 0
  // Words that rise (normal, shared, paged out) are taken one at a time.
  const count = run.step === 0 ? run.count : 1
  if (host.profile.flushResets) uvmem.words.fill(at, count, StateWord.Normal, 0)
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
  if (profile.drops === 'by-migration') {
    yield* migrateOut(host, vm, { slot, gfn }, host.devices.noteOf(pfn).gpa ?? gpaOf(gfn))
  } else if (drop.slotValid) yield* faultIn(host, vm, gfn)
  if (profile.dropMarksExpire && host.devices.isUsed(pfn) && isSecure(vm, gfn)) {
    host.devices.note(pfn, { skipPageOut: false, removeGfn: false })
  }
  // A page that could not be dropped is only logged by the kernel, which goes on with the next.
}
