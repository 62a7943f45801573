/** The operations of a recording, each as an operation of the hypervisor core. */
import type { Hcall, Ucall } from '../../abi/calls.ts'
import { Host as HostCode } from '../../abi/codes.ts'
import { asGfn, asGpa, asLpid, asSlotId } from '../../abi/page.ts'
import { hypercall } from '../../uvmem/dispatch.ts'
import type { Host, HvSteps, Vm } from '../../uvmem/host.ts'
import { createVm, destroyVm, svmOff } from '../../uvmem/vmm/life.ts'
import { addSlot, flushSlot, removeSlot } from '../../uvmem/vmm/slots.ts'
import { guestFault, pin, touch, unmap, unpin } from '../../uvmem/vmm/touch.ts'
import { failKsm, mapVma, unmapVma } from '../../uvmem/vmm/vma.ts'
import type { HvOp, RecordedUcall, ScriptedOp } from './hv-trace.ts'

const num = (op: HvOp, field: string): number => Number(op[field])

/** What serves hypercalls: the core, or a test double. */
export type Hypercalls = typeof hypercall

/** What an operation of a recording is here; plain codes for those that make no calls. */
type Op = (host: Host, vm: Vm, op: HvOp, hypercalls: Hypercalls) => HvSteps | number

const hcall =
  (name: Hcall['call']): Op =>
  (host, vm, op, hypercalls) => {
    const page = { gpa: asGpa(num(op, 'gpa')), flags: num(op, 'flags'), order: num(op, 'order') }
    const call = { call: name, lpid: vm.lpid, ...page } as Hcall
    return hypercalls(host, vm, call, op['msr_s'] === true)
  }

function* added(host: Host, vm: Vm, op: HvOp): HvSteps {
  const { ret } = yield* addSlot(host, vm, {
    id: asSlotId(num(op, 'id')),
    base: asGfn(num(op, 'base')),
    pages: num(op, 'npages'),
  })
  return ret
}

const gfn = (op: HvOp) => asGfn(num(op, 'gfn'))
const id = (op: HvOp) => asSlotId(num(op, 'id'))

const OPS: Readonly<Record<string, Op>> = {
  init_start: hcall('H_SVM_INIT_START'),
  init_done: hcall('H_SVM_INIT_DONE'),
  init_abort: hcall('H_SVM_INIT_ABORT'),
  page_in: hcall('H_SVM_PAGE_IN'),
  page_out: hcall('H_SVM_PAGE_OUT'),
  add_slot: added,
  remove_slot: (host, vm, op) => removeSlot(host, vm, id(op), op['munmap'] === true),
  flush_slot: (host, vm, op) => flushSlot(host, vm, id(op)),
  svm_off: (host, vm) => svmOff(host, vm),
  host_touch: (host, vm, op) => touch(host, vm, gfn(op)),
  pin: (host, vm, op) => pin(host, vm, gfn(op)),
  unpin: (host, vm, op) => unpin(host, vm, gfn(op)),
  unmap: (host, vm, op) => unmap(host, vm, gfn(op), 'discard'),
  vma_unmap: (host, vm, op) => unmapVma(host, vm, id(op)),
  vma_map: (_host, vm, op) => mapVma(vm, id(op)),
  ksm_fail: (_host, vm, op) => failKsm(vm, id(op), num(op, 'err')),
  guest_fault: (host, vm, op) => guestFault(host, vm, gfn(op)),
  destroy: (host, vm) => destroyVm(host, vm),
}

interface RecordedSlot {
  readonly id: number
  readonly base: number
  readonly npages: number
  readonly touched: number
}

function create(host: Host, op: HvOp): number {
  const slots = op['slots'] as readonly RecordedSlot[]
  const vm = createVm(host, {
    lpid: asLpid(op.lpid),
    radix: op['radix'] === true,
    svmEnabled: op['svm_enabled'] === true,
    slots: slots.map((slot) => ({
      id: asSlotId(slot.id),
      base: asGfn(slot.base),
      pages: slot.npages,
    })),
  })
  if (vm === undefined) return HostCode.EEXIST
  for (const slot of slots) {
    for (let i = 0; i < slot.npages; i++) {
      if (Math.floor(slot.touched / 2 ** i) % 2 === 1) touch(host, vm, asGfn(slot.base + i)).next()
    }
  }
  return 0
}

const UCALL_ARGS: { readonly [Name in Ucall['call']]: (call: never) => readonly number[] } = {
  UV_PAGE_IN: (c: Extract<Ucall, { call: 'UV_PAGE_IN' }>) => [
    c.lpid,
    c.ra,
    c.gpa,
    c.flags,
    c.order,
  ],
  UV_PAGE_OUT: (c: Extract<Ucall, { call: 'UV_PAGE_OUT' }>) => [
    c.lpid,
    c.ra,
    c.gpa,
    c.flags,
    c.order,
  ],
  UV_REGISTER_MEM_SLOT: (c: Extract<Ucall, { call: 'UV_REGISTER_MEM_SLOT' }>) => [
    c.lpid,
    c.startGpa,
    c.size,
    c.flags,
    c.slotId,
  ],
  UV_UNREGISTER_MEM_SLOT: (c: Extract<Ucall, { call: 'UV_UNREGISTER_MEM_SLOT' }>) => [
    c.lpid,
    c.slotId,
  ],
  UV_PAGE_INVAL: (c: Extract<Ucall, { call: 'UV_PAGE_INVAL' }>) => [c.lpid, c.gpa, c.order],
  UV_SVM_TERMINATE: (c: Extract<Ucall, { call: 'UV_SVM_TERMINATE' }>) => [c.lpid],
  UV_WRITE_PATE: () => [],
}

/** The calls as the recordings spell them. */
const NAMES = Object.fromEntries(
  Object.keys(UCALL_ARGS).map((name) => [name, name.toLowerCase()]),
) as Readonly<Record<Ucall['call'], string>>

/** The arguments of a call in the order of the recordings. */
const argsOf = (call: Ucall): readonly number[] =>
  (UCALL_ARGS[call.call] as (call: Ucall) => readonly number[])(call)

/** What an operation came to. */
export interface Outcome {
  readonly ret: number
  readonly calls: readonly RecordedUcall[]
  readonly vm: Vm | undefined
}

/** Runs one operation against its script. */
export function perform(
  host: Host,
  { op, ucall_script }: ScriptedOp,
  hypercalls: Hypercalls = hypercall,
): Outcome {
  if (op.op === 'create') return { ret: create(host, op), calls: [], vm: undefined }
  const vm = host.vms.get(asLpid(op.lpid))
  const run = OPS[op.op]
  if (vm === undefined || run === undefined) return { ret: Number.NaN, calls: [], vm }
  host.deniesFrames = op['oom'] === true
  const steps = run(host, vm, op, hypercalls)
  if (typeof steps === 'number') return { ret: steps, calls: [], vm }
  return { ...answer(steps, ucall_script), vm }
}

/** Answers an operation's calls from a script; what lies beyond its end is 0. */
function answer(steps: HvSteps, script: readonly number[]): Omit<Outcome, 'vm'> {
  const calls: RecordedUcall[] = []
  let at = 0
  let next = steps.next(0)
  while (next.done !== true) {
    const call = next.value
    if (call.call === 'RESCHED') {
      next = steps.next(0)
      continue
    }
    const notified = call.call === 'UV_PAGE_INVAL' && call.via === 'notifier'
    const ret = notified ? 0 : (script[at++] ?? 0)
    const via = notified ? { via: 'notifier' } : {}
    calls.push({ name: NAMES[call.call], args: argsOf(call), ret, ...via })
    next = steps.next(ret)
  }
  return { ret: next.value, calls }
}
