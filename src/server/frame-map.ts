/** Makes the compact map of a VM's frames; schemas/frame-map.ts has its form. */
import {
  FRAME_MAP_HEAD_BYTES,
  FRAME_MAP_MAGIC,
  FRAME_MAP_PATCH_BYTES,
  FRAME_MAP_SLOT_BYTES,
  FRAME_MAP_VERSION,
  FRAME_MAP_WHOLE,
  FrameMapForm,
} from '../../schemas/frame-map.ts'
import { asGfn, type Gfn } from '../abi/page.ts'
import type { Vm } from '../uvmem/host.ts'
import type { MemSlot } from '../uvmem/mem-slots.ts'
import { PackedStates, RunStates, readStates } from './frame-map-states.ts'

export interface MapWanted {
  readonly from: Gfn
  /** Frames, at most. */
  readonly frames: number
  /** Only what changed after the VM's clock said so; undefined: everything. */
  readonly since: number | undefined
}

interface Range {
  readonly from: number
  readonly to: number
}
interface Patch extends Range {
  readonly form: FrameMapForm
  readonly data: Uint32Array
}

export function frameMap(vm: Vm, { from, frames, since }: MapWanted): Uint8Array {
  const { ranges, next } = rangesOf(vm, from, frames)
  const asked = since === undefined ? ranges : ranges.flatMap((range) => changed(vm, range, since))
  const patches = asked.map((range) => patchOf(vm, range))
  return bytesOf(since === undefined ? [...vm.slots] : undefined, patches, next)
}

/** Frames of memory slots from `from` on, ascending. */
function rangesOf(vm: Vm, from: Gfn, frames: number): { ranges: Range[]; next: number } {
  const ranges: Range[] = []
  let gfn: number = from
  let left = frames
  for (;;) {
    const slot = vm.slots.from(asGfn(gfn))
    if (slot === undefined) return { ranges, next: -1 }
    const start = Math.max(gfn, slot.base)
    if (left === 0) return { ranges, next: start }
    const count = Math.min(left, slot.base + slot.pages - start)
    ranges.push({ from: start, to: start + count })
    gfn = start + count
    left -= count
  }
}

/** The parts of a range that may have changed, neighbours as one. */
function changed(vm: Vm, { from, to }: Range, since: number): Range[] {
  const parts: Range[] = []
  let begun: number | undefined
  for (let at = from; at < to; ) {
    const gfn = asGfn(at)
    const uvmem = vm.uvmem.at(gfn)
    const end = Math.min(
      to,
      uvmem === undefined ? vm.uvmem.startOfNext(gfn) : vm.uvmem.endOfWindow(gfn),
    )
    const index = uvmem === undefined ? 0 : at - uvmem.base
    const next = uvmem === undefined ? end : at + uvmem.words.spanAt(index, end - uvmem.base).count
    if (uvmem?.words.changedAfter(index, since) === true) begun ??= at
    else if (begun !== undefined) {
      parts.push({ from: begun, to: at })
      begun = undefined
    }
    at = next
  }
  if (begun !== undefined) parts.push({ from: begun, to })
  return parts
}

function patchOf(vm: Vm, { from, to }: Range): Patch {
  const runs = new RunStates(to - from)
  const data = readStates(vm, from, to, runs) ? runs.end() : undefined
  if (data !== undefined) return { from, to, form: FrameMapForm.Runs, data }
  const packed = new PackedStates(to - from)
  readStates(vm, from, to, packed)
  return { from, to, form: FrameMapForm.Packed, data: packed.end() }
}

/** `slots`: all of the VM's, when the map is whole. */
function bytesOf(
  slots: readonly MemSlot[] | undefined,
  patches: readonly Patch[],
  next: number,
): Uint8Array {
  const listed = slots ?? []
  const dataBytes = patches.reduce((sum, { data }) => sum + data.byteLength, 0)
  const head = FRAME_MAP_HEAD_BYTES + listed.length * FRAME_MAP_SLOT_BYTES
  const bytes = new Uint8Array(head + patches.length * FRAME_MAP_PATCH_BYTES + dataBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, FRAME_MAP_MAGIC, true)
  view.setUint16(4, FRAME_MAP_VERSION, true)
  view.setUint16(6, slots === undefined ? 0 : FRAME_MAP_WHOLE, true)
  view.setUint32(8, listed.length, true)
  view.setUint32(12, patches.length, true)
  view.setFloat64(16, next, true)
  let at = FRAME_MAP_HEAD_BYTES
  for (const { id, base, pages } of listed) {
    view.setFloat64(at, base, true)
    view.setUint32(at + 8, pages, true)
    view.setUint32(at + 12, id, true)
    at += FRAME_MAP_SLOT_BYTES
  }
  for (const patch of patches) at = putPatch(view, at, patch)
  return bytes
}

function putPatch(view: DataView, at: number, { from, to, form, data }: Patch): number {
  view.setFloat64(at, from, true)
  view.setUint32(at + 8, to - from, true)
  view.setUint32(at + 12, form, true)
  view.setUint32(at + 16, data.length, true)
  let to32 = at + FRAME_MAP_PATCH_BYTES
  for (const word of data) {
    view.setUint32(to32, word, true)
    to32 += 4
  }
  return to32
}
