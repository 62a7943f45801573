/**
 * A way through a small world as a recording of the hypervisor, in the format of ../shared/traces:
 * what was asked of it, what the ultravisor answered, and its state after each step.
 *
 * DIFF: that format knows neither contents nor swap: a reclaimed page is written down as unmapped,
 * and what the guest or the ultravisor does alone is left out. A page that is reclaimed while it
 * holds ciphertext therefore reads differently when the recording goes on.
 */
import type { Ucall, UvRequest } from '../../abi/calls.ts'
import { present } from '../../lib/assert.ts'
import type { HvOp, HvTrace, ScriptedOp } from '../recordings/hv-trace.ts'
import { Recorder } from '../recordings/recorder.ts'
import type { ActName } from './check-world.ts'
import { FIRST_GFN, HOT_GFN, HOT_ID, SLOT_ID } from './check-world.ts'
import { isBus, requestOf, type Setup } from './live.ts'
import { MoveKind, unpackMove } from './move.ts'
import { tryMove } from './moves.ts'
import { firstState } from './search.ts'

/** The recording of these moves; a string says why there is none. */
export function recordingOf(
  setup: Setup,
  variant: string,
  id: string,
  moves: readonly number[],
): HvTrace | string {
  const acts = actsOf(setup, moves)
  if (typeof acts === 'string') return acts
  const recorder = new Recorder(setup.hv, setup.world.pool)
  const steps = acts.map((act) => recorder.perform(act))
  return { id, variant, pool: setup.world.pool, steps }
}

/** What was asked of the hypervisor, in the order in which it began, with the answers it got. */
function actsOf(setup: Setup, moves: readonly number[]): ScriptedOp[] | string {
  const live = firstState(setup)
  const acts: ScriptedOp[] = live.vms.map(({ lpid }) => ({
    op: createOp(setup, lpid),
    ucall_script: [],
  }))
  let script: number[] = []
  live.onCall = (by, call, ret) => {
    if (by === 'hv' && !isNotified(call)) script.push(ret)
  }
  for (const move of moves) {
    const { kind, vm: at, cpu, act, frame } = unpackMove(move)
    const vm = present(live.vms[at], 'a VM')
    const gfn = present(setup.gfns[frame], 'a frame')
    const begun: HvOp[] = []
    if (kind === MoveKind.BeginHost) begun.push(...(HOST_OPS[act]?.(setup, vm.lpid, gfn) ?? []))
    const call = vm.cpus[cpu]
    if (kind === MoveKind.Deliver && call !== undefined && !isBus(call.asked)) {
      begun.push(...hcallOps(requestOf(call.asked)))
    }
    if (begun.length > 0 && live.vms.some((each) => each.host !== undefined)) {
      return 'operations on two VMs overlap, which a recording cannot say'
    }
    for (const [i, op] of begun.entries()) {
      if (i === 0) script = []
      acts.push({ op, ucall_script: i === 0 ? script : [] })
    }
    const broke = tryMove(live, move)
    if (broke !== undefined)
      return `a rule of our own breaks, which a recording cannot say: ${broke}`
  }
  if (live.vms.some(({ host }) => host !== undefined)) acts.pop()
  return acts
}

const isNotified = (call: Ucall | UvRequest): boolean =>
  call.call === 'UV_PAGE_INVAL' && call.via === 'notifier'

function createOp({ world, filled }: Setup, lpid: number): HvOp {
  const touched = 2 ** filled.length - 1
  const slot = { id: SLOT_ID, base: FIRST_GFN, npages: world.frames, touched }
  return { op: 'create', lpid, svm_enabled: true, radix: true, slots: [slot] }
}

type HostOps = (setup: Setup, lpid: number, gfn: number) => readonly HvOp[]

const HOST_OPS: Readonly<Partial<Record<ActName, HostOps>>> = {
  touch: (_setup, lpid, gfn) => [{ op: 'host_touch', lpid, gfn }],
  reclaim: (_setup, lpid, gfn) => [{ op: 'unmap', lpid, gfn }],
  flush: (_setup, lpid) => [{ op: 'flush_slot', lpid, id: SLOT_ID }],
  // The boot loader touches its pages after a reset.
  reset: ({ filled }, lpid) => [
    { op: 'svm_off', lpid },
    ...filled.map((gfn): HvOp => ({ op: 'host_touch', lpid, gfn })),
  ],
  restart: (setup, lpid) => [{ op: 'destroy', lpid }, createOp(setup, lpid)],
  'hot-add': ({ world }, lpid) => [
    { op: 'add_slot', lpid, id: HOT_ID, base: HOT_GFN, npages: world.hotFrames },
  ],
  'hot-remove': (_setup, lpid) => [{ op: 'remove_slot', lpid, id: HOT_ID, munmap: true }],
}

const HCALLS: Readonly<Record<string, string>> = {
  H_SVM_INIT_START: 'init_start',
  H_SVM_INIT_DONE: 'init_done',
  H_SVM_INIT_ABORT: 'init_abort',
  H_SVM_PAGE_IN: 'page_in',
  H_SVM_PAGE_OUT: 'page_out',
}

function hcallOps(request: UvRequest | undefined): HvOp[] {
  if (request === undefined) return []
  const { lpid } = request
  if (request.call === 'HDSI') return [{ op: 'guest_fault', lpid, gfn: request.gpa / 65_536 }]
  const op = HCALLS[request.call]
  if (op === undefined) return []
  if (!('flags' in request)) return [{ op, lpid, msr_s: true }]
  const { gpa, flags, order } = request
  return [{ op, lpid, gpa, flags, order, msr_s: true }]
}
