/**
 * The frames of a VM as runs: what lists and counts are made of. Neighbours that are alike are looked
 * at as one, so that a VM of 1 TB answers at once.
 */
import { asGfn, type DevicePfn, type Gfn, type Ra, raOf } from '../abi/page.ts'
import { type FrameState, isSecureWord, pfnOfWord, StateWord, stateOfWord } from './frame-state.ts'
import type { Vm } from './host.ts'
import { frameOfPte, isDevicePte, type MemSlot, NO_PTE, pfnOfPte } from './mem-slots.ts'

/** What the host maps behind a frame. */
export type Maps = 'nothing' | 'frame' | 'device'

/** What is behind the frames of a run. */
export interface Backing {
  /** Device PFN of the first frame, if the frames are secure; the others count up. */
  readonly pfn: DevicePfn | undefined
  readonly maps: Maps
  /** Real address of the first frame, if normal frames are mapped; the others follow. */
  readonly ra: Ra | undefined
}

export interface FrameRun {
  readonly from: Gfn
  readonly count: number
  readonly state: FrameState
  readonly backing?: Backing
}

export interface RunsWanted {
  readonly from: Gfn
  /** Runs, at most. */
  readonly limit: number
  /** Pieces to look at, at most: bounds the time, however many frames match. */
  readonly piecesMax: number
  readonly state?: FrameState | undefined
  /** True: a run ends also where PFNs or real addresses stop counting up. */
  readonly byBacking: boolean
}

export interface RunsFound {
  readonly runs: readonly FrameRun[]
  /** Where to go on; `undefined` when nothing is left. */
  readonly next: Gfn | undefined
}

/** Runs of frames from `from` on, ascending. */
export function frameRuns(vm: Vm, wanted: RunsWanted): RunsFound {
  const runs: FrameRun[] = []
  let gfn: Gfn = wanted.from
  for (let pieces = 0; pieces < wanted.piecesMax; pieces++) {
    const slot = vm.slots.from(gfn)
    if (slot === undefined) return { runs, next: undefined }
    const piece = pieceAt(vm, slot, asGfn(Math.max(gfn, slot.base)), wanted.byBacking)
    if (wanted.state === undefined || piece.state === wanted.state) {
      const last = runs.at(-1)
      const merged = last === undefined ? undefined : joined(last, piece)
      if (merged !== undefined) runs[runs.length - 1] = merged
      else if (runs.length === wanted.limit) return { runs, next: piece.from }
      else runs.push(piece)
    }
    gfn = asGfn(piece.from + piece.count)
  }
  return { runs, next: gfn }
}

/** Two runs as one, where they are of one kind and touch each other. */
function joined(left: FrameRun, right: FrameRun): FrameRun | undefined {
  if (left.state !== right.state || left.from + left.count !== right.from) return undefined
  // Pieces with a backing are as long as they can be.
  if (left.backing !== undefined) return undefined
  return { ...left, count: left.count + right.count }
}

/** The frames from `gfn` on, in `slot`, that surely are of one kind. */
function pieceAt(vm: Vm, slot: MemSlot, gfn: Gfn, byBacking: boolean): FrameRun {
  const stated = statedPiece(vm, gfn, slot.base + slot.pages)
  if (!byBacking) return { from: gfn, count: stated.count, state: stateOfWord(stated.word) }
  const { ptes } = slot.region
  const at = gfn - slot.base
  const mapped = ptes.runAt(at, at + stated.count)
  // A mapping word of 0 maps nothing: what counts up from there is not what it seems.
  const count = mapped.word === NO_PTE && mapped.step === 1 ? 1 : mapped.count
  return {
    from: gfn,
    count,
    state: stateOfWord(stated.word),
    backing: backingOf(stated.word, mapped.word),
  }
}

function statedPiece(vm: Vm, gfn: Gfn, end: number): { count: number; word: number } {
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) {
    return { count: Math.min(end, vm.uvmem.startOfNext(gfn)) - gfn, word: StateWord.Normal }
  }
  const at = gfn - uvmem.base
  const { count, word, step } = uvmem.words.runAt(
    at,
    Math.min(end, vm.uvmem.endOfWindow(gfn)) - uvmem.base,
  )
  // Words without a PFN that count up are different states.
  return { count: step === 1 && !isSecureWord(word) ? 1 : count, word }
}

const backingOf = (word: number, pte: number): Backing => ({
  pfn: isSecureWord(word) ? pfnOfWord(word) : undefined,
  ...mappingOf(pte),
})

function mappingOf(pte: number): Pick<Backing, 'maps' | 'ra'> {
  if (pte === NO_PTE) return { maps: 'nothing', ra: undefined }
  if (isDevicePte(pte)) return { maps: 'device', ra: undefined }
  return { maps: 'frame', ra: raOf(frameOfPte(pte)) }
}

/** One frame, without touching it. */
export interface FrameLook extends FrameRun {
  readonly backing: Backing
  readonly slot: MemSlot
  /** A uvmem slot covers it. */
  readonly tracked: boolean
  /** Device page that the host maps. */
  readonly mappedPfn: DevicePfn | undefined
  readonly swapped: boolean
  readonly pinned: boolean
}

/** undefined: the GFN is in no memory slot. */
export function lookAt(vm: Vm, gfn: Gfn): FrameLook | undefined {
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return undefined
  const uvmem = vm.uvmem.at(gfn)
  const word = uvmem?.words.get(gfn - uvmem.base) ?? StateWord.Normal
  const index = gfn - slot.base
  const pte = slot.region.ptes.get(index)
  return {
    from: gfn,
    count: 1,
    state: stateOfWord(word),
    backing: backingOf(word, pte),
    slot,
    tracked: uvmem !== undefined,
    mappedPfn: isDevicePte(pte) ? pfnOfPte(pte) : undefined,
    swapped: slot.region.swap.has(index),
    pinned: vm.pins.has(gfn),
  }
}

/** True when each of `count` frames from `gfn` on is in a memory slot. */
export function isInSlots(vm: Vm, gfn: Gfn, count: number): boolean {
  for (let at: number = gfn; at < gfn + count; ) {
    const slot = vm.slots.at(asGfn(at))
    if (slot === undefined) return false
    at = slot.base + slot.pages
  }
  return true
}
