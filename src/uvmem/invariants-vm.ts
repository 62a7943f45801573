/** Looks over one VM, slot by slot: states beside mappings, in runs. */
import { asDevicePfn, asFrame, asGfn, type Frame, type Gfn } from '../abi/page.ts'
import type { WordRun } from '../lib/word-table.ts'
import { isSecureWord, pfnOfWord, StateWord } from './frame-state.ts'
import type { Host, Vm } from './host.ts'
import { isDevicePte, isFramePte, type MemSlot, NO_PTE, type Region } from './mem-slots.ts'
import type { UvmemSlot } from './uvmem-slots.ts'
import { type Held, Invariant, KnownDefect, type Report } from './violation.ts'
import { SECURE_INIT_DONE, SECURE_INIT_START } from './vm-state.ts'

/** What the VMs of a host hold, gathered on the way. */
export interface Holdings {
  readonly pfns: Held[]
  readonly frames: Held[]
  /** Frames that are pinned, mapped or not. */
  readonly pinned: Frame[]
}

type Run = Pick<WordRun, 'word' | 'count'>

/** A frame run whose state and mapping go on alike. */
interface Pair {
  readonly gfn: Gfn
  readonly count: number
  /** `undefined` where no uvmem slot covers the frames. */
  readonly word: number | undefined
  readonly pte: number
}

export function checkVm(host: Host, vm: Vm, holdings: Holdings, report: Report): void {
  checkFlags(host, vm, report)
  for (const slot of vm.slots) {
    checkRegion(vm, slot.region, report)
    for (const pair of pairsOf(vm, slot)) {
      hold(host, vm, { word: pair.pte, count: pair.count }, holdings, report)
      checkPair(host, vm, pair, report)
    }
  }
  for (const region of vm.kept) checkKept(host, vm, region, holdings, report)
  checkPins(host, vm, holdings, report)
  for (const uvmem of vm.uvmem.list()) checkOutside(host, vm, uvmem, report)
}

function checkFlags(host: Host, vm: Vm, report: Report): void {
  const { lpid, secureGuest } = vm
  const started = (secureGuest & SECURE_INIT_START) !== 0
  if (!started && (secureGuest & SECURE_INIT_DONE) !== 0) {
    report({ invariant: Invariant.FlagsAgree, lpid, count: 1 })
  }
  const pilesUp = host.profile.freesUvmemSlots ? {} : { defect: KnownDefect.UvmemSlotsPileUp }
  const of = { invariant: Invariant.UvmemSlotsAreCurrent, lpid, ...pilesUp }
  if (!started && vm.uvmem.size > 0) report({ ...of, count: vm.uvmem.size })
  const slots = vm.uvmem.list().toSorted((a, b) => a.base - b.base)
  let end = 0
  for (const { base, count } of slots) {
    if (base < end) report({ ...of, gfn: base, count: Math.min(end - base, count) })
    end = Math.max(end, base + count)
  }
}

function checkRegion({ lpid }: Vm, region: Region, report: Report): void {
  for (const index of region.swap.keys()) {
    const mapped = region.ptes.get(index) !== NO_PTE
    if (mapped) report({ invariant: Invariant.SwappedIsUnmapped, lpid, count: 1 })
  }
  if (region.mapped) return
  const { word, step, count } = region.ptes.runAt(0, region.pages)
  if (word !== NO_PTE || step !== 0 || count !== region.pages) {
    report({ invariant: Invariant.UnmappedRegionIsEmpty, lpid, count: 1 })
  }
}

/**
 * Length of a run as far as it means one thing. Words below `least` must be equal, and rise by chance
 * only; those that name a page must rise.
 */
const alike = (run: WordRun, least: number): number =>
  (run.step === 1) === run.word >= least ? run.count : 1

function* pairsOf(vm: Vm, slot: MemSlot): Generator<Pair> {
  const end = slot.base + slot.pages
  for (let at: number = slot.base; at < end; ) {
    const gfn = asGfn(at)
    const uvmem = vm.uvmem.at(gfn)
    const ptes = slot.region.ptes.runAt(at - slot.base, slot.pages)
    let count = alike(ptes, 1)
    let word: number | undefined
    if (uvmem !== undefined) {
      const stop = Math.min(end, vm.uvmem.endOfWindow(gfn)) - uvmem.base
      const words = uvmem.words.runAt(at - uvmem.base, stop)
      count = Math.min(count, alike(words, 0x8000_0000))
      word = words.word
    } else count = Math.min(count, vm.uvmem.startOfNext(gfn) - at)
    yield { gfn, count, word, pte: ptes.word }
    at += count
  }
}

/** Notes what a run of mappings holds. */
function hold(host: Host, vm: Vm, run: Run, holdings: Holdings, report: Report): void {
  const { word, count } = run
  const { lpid } = vm
  if (isDevicePte(word)) holdings.pfns.push({ start: pfnOfWord(word), count })
  if (!isFramePte(word)) return
  holdings.frames.push({ start: word, count })
  for (let i = 0; i < count; i++) {
    const frame = asFrame(word + i)
    if (host.ram.has(frame) && !host.ram.belongsTo(frame, lpid)) {
      report({ invariant: Invariant.FrameIsOwn, lpid, frame, count: 1 })
    }
  }
}

function checkPair(host: Host, vm: Vm, pair: Pair, report: Report): void {
  const { gfn, count, word, pte } = pair
  const { profile } = host
  const at = { lpid: vm.lpid, gfn, count }
  const done = (vm.secureGuest & SECURE_INIT_DONE) !== 0
  if (
    done &&
    profile.doneSecures === 'locally' &&
    (word ?? StateWord.Normal) === StateWord.Normal
  ) {
    report({
      invariant: Invariant.NoNormalAfterDone,
      ...at,
      defect: KnownDefect.FailureIgnored,
    })
  }
  if (word !== undefined && isSecureWord(word) && word !== pte) {
    const pfn = pfnOfWord(word)
    const defect = defectOfMark(host, host.devices.isUsed(pfn))
    report({ invariant: Invariant.SecureFrameIsMapped, ...at, pfn, ...defect })
  }
  if (isDevicePte(pte) && word !== pte) {
    const defect = profile.guardsVmLife ? {} : { defect: KnownDefect.UntrackedPage }
    report({ invariant: Invariant.DevicePageIsTracked, ...at, pfn: pfnOfWord(pte), ...defect })
  }
}

/** Why a frame is marked secure and not mapped so. */
function defectOfMark({ profile }: Host, used: boolean): { defect?: KnownDefect } {
  if (used && !profile.undoesPageIn) return { defect: KnownDefect.LeakedPfn }
  return profile.guardsVmLife ? {} : { defect: KnownDefect.StaleMark }
}

/** Memory that outlived its slot. */
function checkKept(host: Host, vm: Vm, region: Region, holdings: Holdings, report: Report): void {
  checkRegion(vm, region, report)
  const { profile } = host
  const untracked = profile.guardsVmLife ? {} : { defect: KnownDefect.UntrackedPage }
  for (let index = 0; index < region.pages; ) {
    const run = region.ptes.runAt(index, region.pages)
    const count = alike(run, 1)
    hold(host, vm, { word: run.word, count }, holdings, report)
    if (isDevicePte(run.word)) {
      const pfn = pfnOfWord(run.word)
      report({ invariant: Invariant.DevicePageIsTracked, lpid: vm.lpid, pfn, count, ...untracked })
    }
    index += count
  }
}

function checkPins({ ram }: Host, vm: Vm, { pinned }: Holdings, report: Report): void {
  const { lpid } = vm
  for (const [gfn, frame] of vm.pins.entries()) {
    pinned.push(frame)
    if (!ram.belongsTo(frame, lpid)) {
      report({ invariant: Invariant.FrameIsOwn, lpid, gfn, frame, count: 1 })
    }
  }
}

/** Secure frames that no memory slot holds. */
function checkOutside(host: Host, vm: Vm, uvmem: UvmemSlot, report: Report): void {
  const { profile } = host
  const stale = profile.guardsVmLife ? {} : { defect: KnownDefect.StaleMark }
  const untold = profile.hotplug === 'secured' ? stale : { defect: KnownDefect.HotplugUntold }
  for (let index = 0; index < uvmem.count; ) {
    const run = uvmem.words.runAt(index, uvmem.count)
    const gfn = asGfn(uvmem.base + index)
    const slot = vm.slots.at(gfn)
    const count = Math.min(run.count, slot === undefined ? 1 : slot.base + slot.pages - gfn)
    if (isSecureWord(run.word) && slot === undefined && vm.uvmem.at(gfn) === uvmem) {
      const pfn = asDevicePfn(pfnOfWord(run.word))
      report({ invariant: Invariant.SecureFrameHasSlot, lpid: vm.lpid, gfn, pfn, count, ...untold })
    }
    index += isSecureWord(run.word) ? count : run.count
  }
}
