/**
 * I2 of the lab: the two sides see each frame of a secure VM alike.
 *
 * HV secure <=> UV SECURE; HV paged_out <=> UV PAGEDOUT; HV shared <=> UV's shared family. Looks at
 * runs on the HV's side and at records on the UV's, so that a large VM costs what is odd in it.
 */
import { asGfn, type Gfn, type Lpid } from '../abi/page.ts'
import { FRAME_STATES, isShared, FrameState as UvState } from '../ultravisor/frame-state.ts'
import { type Svm, SvmState } from '../ultravisor/svm.ts'
import type { Ultravisor } from '../ultravisor/ultravisor.ts'
import { FrameState, stateOfWord } from '../uvmem/frame-state.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import type { MemSlot } from '../uvmem/mem-slots.ts'
import type { HvProfile } from '../uvmem/profile.ts'
import { SECURE_INIT_DONE } from '../uvmem/vm-state.ts'

export interface Disagreement {
  readonly lpid: Lpid
  /** The frame; absent when it is about the whole VM. */
  readonly gfn?: Gfn
  /** What the hypervisor says. */
  readonly hv: string
  /** What the ultravisor says. */
  readonly uv: string
}

/** What of a profile decides how a normal frame is to be read. */
export type Tracking = Pick<HvProfile, 'tracksShared' | 'tracksPagedOut'>

/** Whether the UV's state is what the HV's state means. */
const AGREES: Readonly<Record<FrameState, (state: UvState, tracking: Tracking) => boolean>> = {
  [FrameState.Secure]: (state) => state === UvState.Secure,
  [FrameState.PagedOut]: (state) => state === UvState.PagedOut,
  [FrameState.Shared]: isShared,
  // A normal frame of a secure VM is a stray one, unless the profile has no other name for it.
  [FrameState.Normal]: (state, { tracksShared, tracksPagedOut }) =>
    (isShared(state) && !tracksShared) || (state === UvState.PagedOut && !tracksPagedOut),
}

/** True when both sides mean the same, as far as a hypervisor that tracks so much can. */
export const agrees = (tracking: Tracking, hv: FrameState, uv: UvState): boolean =>
  AGREES[hv](uv, tracking)

/** Disagreements of all VMs that both sides hold for secure, `most` of them at most. */
export function disagreementsOf(host: Host, uv: Ultravisor, most = 100): Disagreement[] {
  const found: Disagreement[] = []
  for (const vm of host.vms.values()) {
    const svm = uv.svms.get(vm.lpid)
    const done = (vm.secureGuest & SECURE_INIT_DONE) !== 0
    const secure = svm?.state === SvmState.Secure
    if (done !== secure) {
      found.push({ lpid: vm.lpid, hv: `flags ${vm.secureGuest}`, uv: `SVM state ${svm?.state}` })
    } else if (svm !== undefined && secure) compareVm(host.profile, vm, svm, most, found)
    if (found.length >= most) break
  }
  return found.slice(0, most)
}

function compareVm(
  tracking: Tracking,
  vm: Vm,
  svm: Svm,
  most: number,
  found: Disagreement[],
): void {
  for (const slot of vm.slots) {
    for (let gfn: number = slot.base; gfn < slot.base + slot.pages && found.length < most; ) {
      const run = runAt(vm, slot, asGfn(gfn))
      compareRun(tracking, svm, asGfn(gfn), run.count, run.state, most, found)
      gfn += run.count
    }
  }
}

/** Frames from `gfn` on that the HV sees in the same state. */
function runAt(vm: Vm, slot: MemSlot, gfn: Gfn): { state: FrameState; count: number } {
  const uvmem = vm.uvmem.at(gfn)
  if (uvmem === undefined) return { state: FrameState.Normal, count: 1 }
  const end = Math.min(vm.uvmem.endOfWindow(gfn), slot.base + slot.pages)
  const { word, step, count } = uvmem.words.runAt(gfn - uvmem.base, end - uvmem.base)
  const state = stateOfWord(word)
  return { state, count: step === 1 && state !== FrameState.Secure ? 1 : count }
}

function compareRun(
  tracking: Tracking,
  svm: Svm,
  from: Gfn,
  count: number,
  state: FrameState,
  most: number,
  found: Disagreement[],
): void {
  const tell = (gfn: Gfn, uvState: UvState): void => {
    if (agrees(tracking, state, uvState) || found.length >= most) return
    found.push({ lpid: svm.lpid, gfn, hv: state, uv: FRAME_STATES[uvState].name })
  }
  // A frame without a record is SECURE: only in a run of secure frames may the others be left out.
  if (state !== FrameState.Secure) {
    for (let i = 0; i < count && found.length < most; i++) {
      const gfn = asGfn(from + i)
      tell(gfn, svm.frames.state(gfn))
    }
    return
  }
  let gfn = svm.frames.after(from - 1)
  while (gfn !== undefined && gfn < from + count) {
    tell(gfn, svm.frames.state(gfn))
    gfn = svm.frames.after(gfn)
  }
}
