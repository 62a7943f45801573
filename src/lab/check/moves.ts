/**
 * What may happen next in a small world, as numbers, and making it happen.
 *
 * A move runs one side to its next yield. An ultracall is served and its answer taken in one move:
 * serving it concerns only the ultravisor, taking the answer only the hypervisor's turn of that VM,
 * and whatever might come between can as well come before or after.
 */
import { U } from '../../abi/codes.ts'
import { asFrame, type Gfn } from '../../abi/page.ts'
import { InvariantError, invariant, present } from '../../lib/assert.ts'
import { FrameState } from '../../ultravisor/frame-state.ts'
import { isPresent } from '../../ultravisor/page-table.ts'
import { type Svm, SvmState } from '../../ultravisor/svm.ts'
import { destroySvm } from '../../ultravisor/ultravisor.ts'
import type { Vm } from '../../uvmem/host.ts'
import { isDevicePte, isFramePte } from '../../uvmem/mem-slots.ts'
import { contentOf, Writer } from '../content.ts'
import { isGuestShared } from '../guest-memory.ts'
import { nextContent } from './acts.ts'
import {
  type ActName,
  type GuestAct,
  HOT_ID,
  type InstantAct,
  type QueuedAct,
} from './check-world.ts'
import { type BudgetName, isBus, type Live, type LiveVm } from './live.ts'
import { ACTS, MoveKind, packMove, unpackMove } from './move.ts'
import { answerHost, beginGuestAct, beginHostAct, deliver, resume } from './run.ts'

const GUEST_ACTS: ReadonlySet<ActName> = new Set<GuestAct>([
  'esm',
  'esm-wrong',
  'load',
  'store',
  'share',
  'unshare',
  'unshare-all',
])
const isGuestAct = (act: ActName): act is GuestAct => GUEST_ACTS.has(act)
/** Acts that are about one frame. */
const FRAME_ACTS: ReadonlySet<ActName> = new Set<ActName>([
  'load',
  'store',
  'share',
  'unshare',
  'touch',
  'reclaim',
  'host-write',
  'tamper',
])
const BUDGET_OF: Readonly<Partial<Record<ActName, BudgetName>>> = {
  reset: 'resets',
  restart: 'resets',
  'hot-add': 'hotplugs',
  'hot-remove': 'hotplugs',
  flush: 'flushes',
  tamper: 'tampers',
  cut: 'cuts',
}

const TROUBLES: ReadonlySet<ActName> = new Set<ActName>(['flush', 'tamper', 'cut'])

/** Calls that a refusing ultravisor refuses: with what. */
const REFUSAL: Readonly<Record<string, number>> = {
  UV_PAGE_IN: U.PARAMETER,
  UV_PAGE_OUT: U.RETRY,
  UV_REGISTER_MEM_SLOT: U.PARAMETER,
}

/** Makes a move. */
export function make(live: Live, move: number): void {
  const { kind, vm: at, cpu, act, frame } = unpackMove(move)
  const vm = present(live.vms[at], 'a VM')
  const gfn = present(live.setup.gfns[frame], 'a frame')
  live.broken = []
  switch (kind) {
    case MoveKind.BeginGuest:
      invariant(isGuestAct(act), `${act} is of a guest`)
      return beginGuestAct(live, vm, cpu, act, gfn)
    case MoveKind.BeginHost:
      invariant(!isGuestAct(act), `${act} is of the host`)
      return beginHost(live, vm, act, gfn)
    case MoveKind.Deliver:
      return deliver(live, vm, cpu)
    case MoveKind.Serve:
      return answerHost(live, vm)
    case MoveKind.Refuse:
      live.left.failures--
      live.left.troubles--
      return answerHost(live, vm, REFUSAL[vm.host?.pending.call ?? ''] ?? U.PARAMETER)
    case MoveKind.Resume:
      return resume(live, vm, cpu)
  }
}

/** Makes a move; says which rule of our own broke meanwhile: that is a finding, and the end of its way. */
export function tryMove(live: Live, move: number): string | undefined {
  try {
    make(live, move)
    return undefined
  } catch (error) {
    if (error instanceof InvariantError) return error.message
    throw error
  }
}

function beginHost(live: Live, vm: LiveVm, act: QueuedAct | InstantAct, gfn: Gfn): void {
  const budget = BUDGET_OF[act]
  if (budget !== undefined) live.left[budget]--
  if (TROUBLES.has(act)) live.left.troubles--
  if (act === 'host-write' || act === 'tamper') return writeFrame(live, vm, act, gfn)
  if (act !== 'cut') return beginHostAct(live, vm, act, gfn)
  const svm = live.uv.svms.get(vm.lpid)
  if (svm !== undefined) destroySvm(live.uv, svm)
  vm.cpus.fill(undefined)
  if (vm.host !== undefined && vm.host.cpu >= 0) vm.host = { ...vm.host, cpu: -1 }
  vm.cut = true
  vm.spoiled = true
}

function writeFrame(live: Live, vm: LiveVm, act: ActName, gfn: Gfn): void {
  const frame = asFrame(pteAt(present(live.host.vms.get(vm.lpid), 'the VM'), gfn))
  const memory = present(live.memories.get(vm.lpid), 'a memory')
  if (act === 'tamper') {
    live.host.ram.write(frame, contentOf(Writer.Tamper, vm.lpid, gfn))
    memory.tampered.add(gfn)
    return
  }
  const now = memory.expected.get(gfn) ?? null
  const content = nextContent(Writer.Host, vm.lpid, gfn, now)
  live.host.ram.write(frame, content)
  memory.wrote(gfn, content)
}

function pteAt(vm: Vm, gfn: Gfn): number {
  const slot = vm.slots.at(gfn)
  return slot === undefined ? 0 : slot.region.ptes.get(gfn - slot.base)
}

/** Fills `into` with the moves that end calls under way; true when there is a call under way. */
export function progress(live: Live, into: number[]): boolean {
  let underWay = false
  for (let at = 0; at < live.vms.length; at++) {
    const vm = live.vms[at] as LiveVm
    if (vm.host !== undefined) {
      underWay = true
      hostProgress(live, vm, at, into)
    }
    for (let cpu = 0; cpu < vm.cpus.length; cpu++) {
      const call = vm.cpus[cpu]
      if (call === undefined) continue
      underWay = true
      if (call.phase === 'answered') into.push(packMove(MoveKind.Resume, at, cpu))
      else if (call.phase === 'asking' && (isBus(call.asked) || vm.host === undefined)) {
        into.push(packMove(MoveKind.Deliver, at, cpu))
      }
    }
  }
  return underWay
}

function hostProgress(live: Live, vm: LiveVm, at: number, into: number[]): void {
  const call = vm.host?.pending.call ?? ''
  // The page hypercall that this ultravisor makes first waits for the turn that the VM never gives.
  if (live.setup.world.asksInRegister && call === 'UV_REGISTER_MEM_SLOT') return
  // What an ultravisor sent to the memory bus arrives before any answer that it sends later.
  if (vm.cpus.some((each) => each?.phase === 'asking' && isBus(each.asked))) return
  into.push(packMove(MoveKind.Serve, at))
  if (!vm.cut && live.left.failures > 0 && live.left.troubles > 0 && REFUSAL[call] !== undefined) {
    into.push(packMove(MoveKind.Refuse, at))
  }
}

/** Fills `into` with what somebody may begin. */
export function beginnings(live: Live, into: number[]): void {
  for (let at = 0; at < live.vms.length; at++) {
    const vm = live.vms[at] as LiveVm
    const guest = live.host.vms.get(vm.lpid)
    if (guest === undefined || guest.fault !== undefined) continue
    for (const act of live.setup.world.acts) {
      const isGuest = isGuestAct(act)
      if (act !== 'cut' && isBusy(live, vm)) continue
      if (!isGuest && !mayHost(live, vm, guest, act)) continue
      const frames = FRAME_ACTS.has(act) ? live.setup.gfns.length : 1
      for (let cpu = 0; cpu < (isGuest ? vm.cpus.length : 1); cpu++) {
        if (isGuest && vm.cpus[cpu] !== undefined) continue
        for (let frame = 0; frame < frames; frame++) {
          const gfn = live.setup.gfns[frame]
          if (gfn === undefined) break
          const may = isGuest
            ? mayGuest(live, vm, guest, act, gfn, frame)
            : !FRAME_ACTS.has(act) || mayHostOn(live, vm, guest, act, gfn, frame)
          if (!may) continue
          const kind = isGuest ? MoveKind.BeginGuest : MoveKind.BeginHost
          into.push(packMove(kind, at, cpu, ACTS.indexOf(act), frame))
        }
      }
    }
  }
}

/** A call of the guest has been disturbed as often as the world allows. */
function isBusy(live: Live, vm: LiveVm): boolean {
  const { disturbances } = live.setup.world
  for (const call of vm.cpus) if (call !== undefined && call.disturbed >= disturbances) return true
  return false
}

/** Whether the host may begin this at all. */
function mayHost(live: Live, vm: LiveVm, guest: Vm, act: ActName): boolean {
  const budget = BUDGET_OF[act]
  if (budget !== undefined && live.left[budget] === 0) return false
  if (TROUBLES.has(act) && live.left.troubles === 0) return false
  if (act === 'cut') return !vm.cut && live.uv.svms.has(vm.lpid)
  if (vm.host !== undefined) return false
  return MAY_HOST[act]?.(live, guest, vm) ?? true
}

type May = (live: Live, guest: Vm, vm: LiveVm) => boolean

const MAY_HOST: Readonly<Partial<Record<ActName, May>>> = {
  flush: (_live, guest) => guest.secureGuest !== 0,
  reset: ({ setup }, guest, vm) => vm.spoiled || (guest.secureGuest !== 0 && setup.hv.hasSvmOff),
  'hot-add': ({ setup }, guest) =>
    guest.slots.get(HOT_ID) === undefined && setup.world.hotFrames > 0,
  'hot-remove': (_live, guest) => guest.slots.get(HOT_ID) !== undefined,
}

function mayHostOn(
  live: Live,
  vm: LiveVm,
  guest: Vm,
  act: ActName,
  gfn: Gfn,
  frame: number,
): boolean {
  if (guest.slots.at(gfn) === undefined) return false
  const pte = pteAt(guest, gfn)
  if (act === 'touch') return !isFramePte(pte)
  if (act === 'reclaim') return pte !== 0
  if (!isFramePte(pte) || isDevicePte(pte)) return false
  if (vm.cpus.some((call) => call !== undefined && call.frame === frame)) return false
  const svm = live.uv.svms.get(vm.lpid)
  if (svm?.state !== SvmState.Secure) return false
  if (act === 'host-write') return isGuestShared(svm, gfn)
  const isTampered = live.memories.get(vm.lpid)?.tampered.has(gfn) === true
  return svm.frames.state(gfn) === FrameState.PagedOut && !isTampered
}

function mayGuest(
  live: Live,
  vm: LiveVm,
  guest: Vm,
  act: ActName,
  gfn: Gfn,
  frame: number,
): boolean {
  const svm = live.uv.svms.get(vm.lpid)
  const others = vm.cpus.filter((call) => call !== undefined)
  if (act === 'esm' || act === 'esm-wrong') {
    const isNormal = svm === undefined && guest.secureGuest === 0
    return isNormal && !vm.cut && !vm.spoiled && others.length === 0
  }
  if (svm === undefined || !isAlive(svm)) return false
  if (act === 'unshare-all') return others.length === 0
  // A guest does not touch a page with one CPU while it shares it with another.
  if (others.some((call) => call?.frame === frame || call?.act === 'unshare-all')) return false
  if (svm.slots.find(gfn) === undefined) return false
  if (act === 'load') return !isPresent(svm.pages.peek(gfn))
  if (act === 'share') return !isGuestShared(svm, gfn)
  return act === 'store' || isGuestShared(svm, gfn)
}

/** Secure, and not given up by its ultravisor. */
const isAlive = (svm: Svm): boolean =>
  svm.state === SvmState.Secure && svm.abortReason === undefined && svm.fault === undefined
