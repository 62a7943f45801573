/** Performs operations of a recording against scripted answers, and writes down what came of them. */
import type { Hcall, HcallName, Ucall } from '../../abi/calls.ts'
import { Host as HostCode, hCodeName } from '../../abi/codes.ts'
import { asGfn, asGpa, asLpid, asSlotId } from '../../abi/page.ts'
import { hypercall } from '../../uvmem/dispatch.ts'
import { type Host, type HvSteps, newHost, type Vm } from '../../uvmem/host.ts'
import type { HvProfile } from '../../uvmem/profile.ts'
import { createVm, destroyVm, svmOff } from '../../uvmem/vmm/life.ts'
import { addSlot, flushSlot, removeSlot } from '../../uvmem/vmm/slots.ts'
import { guestFault, touch, unmap } from '../../uvmem/vmm/touch.ts'
import { changesOf, type RecordedState, recordedStateOf } from './recording-state.ts'

export interface RecordedOp {
  readonly op: string
  readonly lpid: number
  readonly [field: string]: unknown
}

/** An operation and the codes that its ultracalls got, those of the notifier left out. */
export interface Act {
  readonly op: RecordedOp
  readonly script: readonly number[]
}

export interface RecordedUcall {
  readonly name: string
  readonly args: readonly number[]
  readonly ret: number
  readonly via?: string
}

export interface RecordedStep {
  readonly op: RecordedOp
  readonly ucall_script: readonly number[]
  readonly ucalls: readonly RecordedUcall[]
  readonly ret?: number
  readonly ret_name?: string
  readonly state?: Readonly<Record<string, string | number | null>>
  readonly fault?: { readonly kind: string; readonly msg: string }
}

const num = (op: RecordedOp, field: string): number => Number(op[field])
const gfnOf = (op: RecordedOp) => asGfn(num(op, 'gfn'))
const idOf = (op: RecordedOp) => asSlotId(num(op, 'id'))

const hcall =
  (call: HcallName) =>
  (host: Host, vm: Vm, op: RecordedOp): HvSteps => {
    const page = { gpa: asGpa(num(op, 'gpa')), flags: num(op, 'flags'), order: num(op, 'order') }
    return hypercall(host, vm, { call, lpid: vm.lpid, ...page } as Hcall)
  }

const OPS: Readonly<Record<string, (host: Host, vm: Vm, op: RecordedOp) => HvSteps>> = {
  init_start: hcall('H_SVM_INIT_START'),
  init_done: hcall('H_SVM_INIT_DONE'),
  init_abort: hcall('H_SVM_INIT_ABORT'),
  page_in: hcall('H_SVM_PAGE_IN'),
  page_out: hcall('H_SVM_PAGE_OUT'),
  add_slot: function* (host, vm, op) {
    const [base, pages] = [asGfn(num(op, 'base')), num(op, 'npages')]
    return (yield* addSlot(host, vm, { id: idOf(op), base, pages })).ret
  },
  remove_slot: (host, vm, op) => removeSlot(host, vm, idOf(op), true),
  flush_slot: (host, vm, op) => flushSlot(host, vm, idOf(op)),
  svm_off: (host, vm) => svmOff(host, vm),
  host_touch: (host, vm, op) => touch(host, vm, gfnOf(op)),
  unmap: (host, vm, op) => unmap(host, vm, gfnOf(op), 'discard'),
  guest_fault: (host, vm, op) => guestFault(host, vm, gfnOf(op)),
  destroy: (host, vm) => destroyVm(host, vm),
}

interface RecordedSlot {
  readonly id: number
  readonly base: number
  readonly npages: number
  readonly touched: number
}

export class Recorder {
  readonly #host: Host
  #state: RecordedState = new Map()

  constructor(profile: HvProfile, poolSize: number) {
    this.#host = newHost({ profile, poolSize, frames: 65_536, notifiesMigrations: true })
  }

  perform({ op, script }: Act): RecordedStep {
    const host = this.#host
    if (op.op === 'create') return this.#step(op, [], [], this.#create(op))
    const vm = host.vms.get(asLpid(op.lpid))
    const run = OPS[op.op]
    if (vm === undefined || run === undefined) return this.#step(op, script, [], 0)
    const ucalls: RecordedUcall[] = []
    const ret = answerFrom(run(host, vm, op), script, ucalls)
    if (vm.fault === undefined) return this.#step(op, script, ucalls, ret)
    const { kind, message } = vm.fault
    return { op, ucall_script: script, ucalls, fault: { kind, msg: message } }
  }

  #step(
    op: RecordedOp,
    script: readonly number[],
    ucalls: readonly RecordedUcall[],
    ret: number,
  ): RecordedStep {
    const before = this.#state
    this.#state = recordedStateOf(this.#host)
    const state = changesOf(before, this.#state)
    return { op, ucall_script: script, ret, ret_name: hCodeName(ret), ucalls, state }
  }

  #create(op: RecordedOp): number {
    const slots = op['slots'] as readonly RecordedSlot[]
    const vm = createVm(this.#host, {
      lpid: asLpid(op.lpid),
      radix: true,
      svmEnabled: true,
      slots: slots.map(({ id, base, npages }) => ({
        id: asSlotId(id),
        base: asGfn(base),
        pages: npages,
      })),
    })
    if (vm === undefined) return HostCode.EEXIST
    for (const { base, npages, touched } of slots) {
      for (let i = 0; i < npages; i++) {
        if ((touched >> i) & 1) touch(this.#host, vm, asGfn(base + i)).next()
      }
    }
    return 0
  }
}

/** Answers calls from a script; what lies beyond its end is 0, as what the notifier gets. */
function answerFrom(steps: HvSteps, script: readonly number[], into: RecordedUcall[]): number {
  let at = 0
  let step = steps.next(0)
  while (step.done !== true) {
    const call = step.value
    if (call.call === 'RESCHED') {
      step = steps.next(0)
      continue
    }
    const isNotified = call.call === 'UV_PAGE_INVAL' && call.via === 'notifier'
    const ret = isNotified ? 0 : (script[at++] ?? 0)
    const via = isNotified ? { via: 'notifier' } : {}
    into.push({ name: call.call.toLowerCase(), args: argsOf(call), ret, ...via })
    step = steps.next(ret)
  }
  return step.value
}

/** The arguments of a call in the order of the recordings. */
function argsOf(call: Ucall): readonly number[] {
  switch (call.call) {
    case 'UV_PAGE_IN':
    case 'UV_PAGE_OUT':
      return [call.lpid, call.ra, call.gpa, call.flags, call.order]
    case 'UV_REGISTER_MEM_SLOT':
      return [call.lpid, call.startGpa, call.size, call.flags, call.slotId]
    case 'UV_UNREGISTER_MEM_SLOT':
      return [call.lpid, call.slotId]
    case 'UV_PAGE_INVAL':
      return [call.lpid, call.gpa, call.order]
    case 'UV_SVM_TERMINATE':
      return [call.lpid]
    case 'UV_WRITE_PATE':
      return []
  }
}
