/**
 * A hypervisor that runs a record again: the same queues and the same core, with the recorded answers
 * in place of ultravisors, and nobody to wait for.
 */
import type { RecordInput, RecordOutput, RecordPage } from '../../schemas/record.ts'
import type { Ucall } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import {
  asGfn,
  asLpid,
  asRa,
  DEVICE_RA_START,
  frameOf,
  gfnOf,
  type Lpid,
  PAGE_SIZE,
} from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import { hypercall } from '../uvmem/dispatch.ts'
import type { Host, HvSteps, Vm } from '../uvmem/host.ts'
import { storeInPage } from '../uvmem/host-ram.ts'
import { createVm } from '../uvmem/vmm/life.ts'
import { guestFault } from '../uvmem/vmm/touch.ts'
import { starve } from './faults-gate.ts'
import { type Footprint, type Operation, type Settle, Task } from './operation.ts'
import {
  packPage,
  type QueuedCall,
  textOfUltracall,
  unpackBytes,
  unpackCall,
  unpackPage,
  unpackWish,
} from './record-values.ts'
import { MOVES_OUT, movesIn } from './up-calls.ts'
import { registerSlot, unregisterSlot } from './uv-slots.ts'
import { VmQueue } from './vm-queue.ts'
import { codeOf, stepsOf } from './vmm-call.ts'

type Input<E extends RecordInput['e']> = Extract<RecordInput, { e: E }>
type Answer = NonNullable<Extract<RecordOutput, { e: 'ask' }>['answer']>

/** An ultracall that waits for its recorded answer. */
interface Waiting {
  readonly task: Task
  readonly call: Ucall
  readonly answer: (task: Task, ret: number) => void
}

export interface RecordHostPorts {
  /** The hypervisor did something; of an ultracall: what it was answered with at once. */
  readonly did: (output: RecordOutput) => Answer | undefined
}

export class RecordHost {
  #host: Host
  readonly #ports: RecordHostPorts
  readonly #window: number
  readonly #queues = new Map<Lpid, VmQueue>()
  readonly #numbers = new Map<Task, number>()
  readonly #asking = new Map<number, Waiting>()
  readonly #turns = new Map<number, () => void>()

  constructor(host: Host, window: number, ports: RecordHostPorts) {
    this.#host = host
    this.#window = window
    this.#ports = ports
  }

  makeVm({ lpid, radix, svm_enabled: svmEnabled }: Input<'vm'>): void {
    createVm(this.#host, { lpid: asLpid(lpid), radix, svmEnabled, slots: [] })
  }

  queue(line: Input<'queue'>): void {
    const task = new Task(this.#operationOf(line), this.#settle)
    this.#numbers.set(task, line.n)
    this.#queueOf(task.lpid).push(task)
  }

  /** False when no ultracall of that operation waits. */
  answer({ n, ret, page }: Input<'answer'>): boolean {
    const waiting = this.#asking.get(n)
    if (waiting === undefined) return false
    this.#asking.delete(n)
    this.#keep(waiting.call, ret, page)
    waiting.answer(waiting.task, ret)
    return true
  }

  /** False when that operation waits for no turn. */
  turn({ n }: Input<'turn'>): boolean {
    const run = this.#turns.get(n)
    this.#turns.delete(n)
    run?.()
    return run !== undefined
  }

  store({ ra, offset, bytes, lpid }: Input<'store'>): void {
    const { ram } = this.#host
    const frame = frameOf(asRa(ra))
    if (!ram.belongsTo(frame, asLpid(lpid))) return
    const stored = unpackBytes(bytes)
    ram.write(frame, stored === null ? null : storeInPage(ram.glance(frame), offset, stored))
  }

  denyFrames({ denied }: Input<'deny_frames'>): void {
    this.#host.deniesFrames = denied
  }

  drop(): void {
    for (const queue of [...this.#queues.values()]) queue.drop()
  }

  replace(host: Host): void {
    this.#host = host
    this.#queues.clear()
    this.#asking.clear()
    this.#turns.clear()
  }

  #operationOf({ call, wish, lpid, starved }: Input<'queue'>): Operation {
    const begin = (vm: Vm): HvSteps<unknown> => {
      const steps =
        call === undefined
          ? stepsOf(this.#host, vm, unpackWish(present(wish, 'a call or a wish')))
          : this.#stepsOf(vm, unpackCall(call))
      return starved === true ? starve(this.#host, steps) : steps
    }
    const gpa = call !== undefined && 'gpa' in call ? Math.floor(call.gpa / PAGE_SIZE) : undefined
    return {
      name: call?.call ?? wish?.name ?? '',
      lpid: asLpid(lpid),
      gfn: gpa === undefined ? undefined : asGfn(gpa),
      call: undefined,
      footprint: call === undefined ? 'vm' : this.#footprintOf(unpackCall(call)),
      begin,
      done: () => undefined,
    }
  }

  #footprintOf(call: QueuedCall): Footprint {
    if (call.call === 'H_SVM_PAGE_OUT') return MOVES_OUT
    if (call.call !== 'H_SVM_PAGE_IN' || call.flags === 1) return 'vm'
    return movesIn(this.#host)
  }

  #stepsOf(vm: Vm, call: QueuedCall): HvSteps<unknown> {
    const host = this.#host
    if (call.call === 'HDSI') return guestFault(host, vm, gfnOf(call.gpa))
    if (call.call === 'UV_UNREGISTER_MEM_SLOT') return unregisterSlot(host, vm, call)
    if (call.call === 'UV_REGISTER_MEM_SLOT') return registerSlot(host, vm, call)
    return hypercall(host, vm, call)
  }

  readonly #settle: Settle = (task, end) => {
    const told =
      end.how === 'done'
        ? { code: codeOf(end.result), ...(end.reason === undefined ? {} : { why: end.reason.why }) }
        : end.how === 'fault'
          ? { why: `${end.fault.kind}: ${end.fault.message}` }
          : {}
    const n = this.#numberOf(task)
    this.#numbers.delete(task)
    this.#ports.did({ e: 'end', n, how: end.how, ...told, t: 0 })
    const { lpid } = task
    if (!this.#host.vms.has(lpid) && this.#queues.get(lpid)?.length === 0) this.#queues.delete(lpid)
  }

  #queueOf(lpid: Lpid): VmQueue {
    const known = this.#queues.get(lpid)
    if (known !== undefined) return known
    const queue = new VmQueue(
      {
        vm: () => this.#host.vms.get(lpid),
        freePfns: () => this.#host.devices.available,
        ask: (task, call, answer) => this.#ask(task, call, answer),
        later: (run, task) => this.#turns.set(this.#numberOf(task), run),
        began: (task) => {
          this.#ports.did({ e: 'begin', n: this.#numberOf(task), t: 0 })
        },
      },
      this.#window,
    )
    this.#queues.set(lpid, queue)
    return queue
  }

  #ask(task: Task, call: Ucall, answer: Waiting['answer']): void {
    const n = this.#numberOf(task)
    const readable = call.call === 'UV_PAGE_IN' && call.ra < DEVICE_RA_START
    const seen = readable ? this.#host.ram.read(frameOf(call.ra)) : null
    const page: { page?: RecordPage } = call.call === 'UV_PAGE_IN' ? { page: packPage(seen) } : {}
    // The same text as the record's: what crosses the memory bus stands beside it.
    const text = textOfUltracall(call.call === 'UV_PAGE_IN' ? { ...call, page: null } : call)
    const at = this.#ports.did({ e: 'ask', n, call: text, ...page, t: 0 })
    if (at === undefined) {
      this.#asking.set(n, { task, call, answer })
      return
    }
    this.#keep(call, at.ret, at.page)
    answer(task, at.ret)
  }

  #keep(call: Ucall, ret: number, page: RecordPage | undefined): void {
    if (call.call !== 'UV_PAGE_OUT' || ret !== U.SUCCESS) return
    this.#host.ram.write(frameOf(call.ra), unpackPage(page ?? null))
  }

  #numberOf(task: Task): number {
    return this.#numbers.get(task) ?? 0
  }
}
