/**
 * Secures the frames of a slot that nobody asked for: the heart of the 2020 series.
 *
 * Source: kvmppc_uv_migrate_mem_slot() and kvmppc_next_nontransitioned_gfn(). DIFF: frames that lie
 * in a row and are backed alike are secured together; the PFNs they get are the same as one by one.
 */
import { H, U } from '../abi/codes.ts'
import { asFrame, asGfn, type Gfn, gpaOf, raOf } from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import { StateWord, secureWord } from './frame-state.ts'
import { migrateIn } from './hcalls/page-in.ts'
import { type Host, type HvSteps, RESCHED, refuse, type Vm } from './host.ts'
import { faultIn, notifies, uvPageIn } from './mapping.ts'
import { devicePte, isDevicePte, isFramePte, type MemSlot, NO_PTE } from './mem-slots.ts'
import { Reason } from './reason.ts'

/** Frames, or runs of frames, that are secured before others may run. */
const stepsPerTurn = 4_096
/** Frames of such runs that are secured before others may run: some milliseconds. */
const framesPerTurn = 131_072
/** Frames that are looked at and secured at a stroke, at most. */
const framesPerRunMax = 65_536

/** @returns H_SUCCESS, or H_STATE when a frame could not be secured; what was done stays. */
export function* secureRest(host: Host, vm: Vm, slot: MemSlot): HvSteps {
  const end = endOfWalk(host, vm, slot)
  let turns = 0
  let frames = 0
  for (let gfn: number = slot.base; gfn < end; ) {
    const { normal, skip } = nextFrames(vm, asGfn(gfn), end)
    gfn += skip
    for (const stop = gfn + normal; gfn < stop; ) {
      const many = secureRun(host, vm, asGfn(gfn), stop - gfn)
      frames += many
      if (many > 0) gfn += many
      else {
        const ret = yield* secureOne(host, vm, asGfn(gfn))
        if (ret !== H.SUCCESS) return refuseSlot(vm)
        gfn++
      }
      if (++turns % stepsPerTurn !== 0 && frames < framesPerTurn) continue
      frames = 0
      yield RESCHED
    }
  }
  return H.SUCCESS
}

/** Linux walks the uvmem slot that holds the memory slot's first frame, and nothing without one. */
function endOfWalk(host: Host, vm: Vm, slot: MemSlot): number {
  // DIFF: the series walked the memory slot, and secured frames that no uvmem slot covers.
  if (host.profile.securesUntracked) return slot.base + slot.pages
  const uvmem = vm.uvmem.at(slot.base)
  return uvmem === undefined ? slot.base : uvmem.base + uvmem.count
}

/** How many frames from `gfn` on are left alone, and how many normal ones follow them at once. */
function nextFrames(vm: Vm, gfn: Gfn, end: number): { skip: number; normal: number } {
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) return { skip: 0, normal: 1 }
  const { word, step, count } = uvmem.words.runAt(
    gfn - uvmem.base,
    Math.min(uvmem.count, end - uvmem.base),
  )
  if (word !== StateWord.Normal) return { skip: count, normal: 0 }
  return { skip: 0, normal: step === 0 ? count : 1 }
}

/** Keeps the reason that the failing frame left. */
function refuseSlot(vm: Vm): number {
  return refuse(vm, H.STATE, vm.reason ?? Reason.slotNotSecured)
}

function* secureOne(host: Host, vm: Vm, gfn: Gfn): HvSteps {
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return refuse(vm, H.STATE, Reason.noSlot)
  if (!slot.region.mapped) return refuse(vm, H.STATE, Reason.noMapping)
  if (host.profile.doneSecures === 'by-ultracall') return yield* offer(host, vm, slot, gfn)
  return yield* migrateIn(host, vm, { slot, gfn }, gpaOf(gfn), false, H.STATE)
}

/**
 * The counter-proposal of the thread: every frame is offered to the ultravisor, which refuses the
 * shared ones. A refused frame stays normal and is not a failure.
 */
function* offer(host: Host, vm: Vm, slot: MemSlot, gfn: Gfn): HvSteps {
  const frame = yield* faultIn(host, vm, gfn)
  if (frame <= 0) return H.STATE
  if (vm.pins.holds(asFrame(frame))) return refuse(vm, H.STATE, Reason.pinned)
  if (!host.devices.promise()) return refuse(vm, H.STATE, Reason.poolEmpty)
  const ret = yield uvPageIn(vm, raOf(asFrame(frame)), gpaOf(gfn))
  host.devices.release()
  const uvmem = vm.uvmem.at(gfn)
  if (ret !== U.SUCCESS || uvmem === undefined) return H.SUCCESS
  const pfn = present(host.devices.take(), 'the promised device page')
  uvmem.words.set(gfn - uvmem.base, secureWord(pfn))
  slot.region.ptes.set(gfn - slot.base, devicePte(pfn))
  host.ram.free(asFrame(frame))
  return H.SUCCESS
}

/** Secures up to `most` frames from `gfn` on at a stroke; 0 when they must be looked at one by one. */
function secureRun(host: Host, vm: Vm, gfn: Gfn, most: number): number {
  if (host.profile.doneSecures !== 'locally' || vm.pins.size > 0 || notifies(host, vm)) return 0
  const slot = vm.slots.at(gfn)
  const uvmem = vm.uvmem.at(gfn)
  if (slot === undefined || uvmem === undefined) return 0
  if (!slot.region.mapped || slot.region.ksmError !== 0 || slot.region.swap.size > 0) return 0
  const { ptes } = slot.region
  const at = gfn - slot.base
  const run = ptes.runAt(at, Math.min(slot.pages, at + most, at + framesPerRunMax))
  if (isDevicePte(run.word)) return 0
  // Nothing, and the first frame behind it, only look like a run.
  const alike = run.word === NO_PTE && run.step === 1 ? 1 : run.count
  const { start: pfn, count } = host.devices.takeRun(alike)
  if (count === 0) return 0
  uvmem.words.fill(gfn - uvmem.base, count, secureWord(pfn), 1)
  ptes.fill(at, count, devicePte(pfn), 1)
  if (isFramePte(run.word)) host.ram.freeRun(asFrame(run.word), count)
  return count
}
