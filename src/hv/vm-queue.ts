/**
 * The operations of one VM, in the order in which they came.
 *
 * The kernel moves one page of a VM at a time, under uvmem_lock. Here several page moves may be
 * under way at once, each with its ultracall at the ultravisor, and nobody can tell: they touch
 * different frames, they take and give PFNs as if they had waited for each other, and they end in the
 * order in which they began (`answered` waits for its turn). Source: spec of the hypervisor, section 2.
 */

import type { DownCall } from '../../schemas/messages.ts'
import type { Ucall } from '../abi/calls.ts'
import { IdTable } from '../lib/id-table.ts'
import { FaultKind, type HostFault, type HvStep, type HvSteps, type Vm } from '../uvmem/host.ts'
import type { Ended, Task } from './operation.ts'

/** What a queue needs of the hypervisor. */
export interface QueuePorts {
  /** The VM; `undefined` once it is destroyed. */
  readonly vm: () => Vm | undefined
  /** Device PFNs that are free and not promised. */
  readonly freePfns: () => number
  /** Makes an ultracall for an operation; may answer before it returns. */
  readonly ask: (op: Task, call: Ucall, answer: (ret: number) => void) => void
  /** Runs something in a later turn of the event loop. */
  readonly later: (run: () => void, op: Task) => void
  readonly began?: (op: Task, vm: Vm) => void
  /** A long operation goes on after others had a turn. */
  readonly resumed?: (op: Task) => void
  /** We are wrong: an operation threw. Its VM is stopped. */
  readonly failed?: (op: Task, error: unknown) => void
}

type Phase = 'asking' | 'answered' | 'finished'

/** An operation that has begun. */
interface Running {
  /** Number of the frame it moves, if it moves one. */
  readonly id: number
  readonly op: Task
  readonly steps: HvSteps<unknown> | undefined
  readonly frees: boolean
  phase: Phase
  /** The answer it waits for its turn with. */
  ret: number
  end: Ended<unknown> | undefined
}

export class VmQueue {
  readonly #ports: QueuePorts
  /** Operations under way at once, at most. */
  readonly #window: number
  readonly #running: Running[] = []
  /** Page moves among them, by their frame. */
  readonly #moves = new IdTable<Running>()
  #freeing = 0
  #waiting: Task[] = []
  #next = 0
  #pumping = false

  constructor(ports: QueuePorts, window: number) {
    this.#ports = ports
    this.#window = window
  }

  /** Operations that have begun or wait. */
  get length(): number {
    return this.#running.length + this.#waiting.length - this.#next
  }

  push(op: Task): void {
    this.#waiting.push(op)
    this.#pump()
  }

  /** The operation that waits for this ultracall. */
  taskAsking(call: DownCall): Task | undefined {
    return this.#running.find(({ op }) => op.asking === call)?.op
  }

  /** Ends what has not begun yet: its VM is about to go. What has begun goes on. */
  drop(): void {
    const dropped = this.#waiting.slice(this.#next)
    this.#waiting = []
    this.#next = 0
    for (const op of dropped) op.done({ how: 'gone' })
  }

  /** Ends what can end, begins what may begin, until everything waits for answers. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#turn()) {}
    } finally {
      this.#pumping = false
    }
  }

  /** One step of `#pump`; false when nothing could be done. */
  #turn(): boolean {
    const head = this.#running[0]
    if (head?.phase === 'answered') this.#resume(head)
    else if (head?.phase === 'finished') this.#retire(head)
    else return this.#beginNext()
    return true
  }

  #beginNext(): boolean {
    const op = this.#waiting[this.#next]
    if (op === undefined || !this.#mayBegin(op)) return false
    this.#next++
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    this.#begin(op)
    return true
  }

  #mayBegin({ footprint }: Task): boolean {
    const ahead = this.#running.length
    if (ahead === 0) return true
    if (footprint === 'vm' || ahead >= this.#window) return false
    // Whatever has the VM to itself is alone at the head.
    if (this.#running[0]?.op.footprint === 'vm' || this.#moves.has(footprint.gfn)) return false
    // Which PFN is the lowest free one is known only when nobody ahead will give one back.
    return !footprint.takes || (this.#freeing === 0 && this.#ports.freePfns() > 0)
  }

  #begin(op: Task): void {
    const vm = this.#ports.vm()
    if (vm === undefined) this.#enter(op, false, { how: 'gone' })
    else if (vm.fault !== undefined && op.name !== 'destroy') {
      this.#enter(op, false, { how: 'fault', fault: vm.fault })
    } else {
      this.#ports.began?.(op, vm)
      vm.reason = undefined
      const frees = op.footprint !== 'vm' && op.footprint.frees(vm)
      this.#step(this.#enter(op, frees, undefined, op.begin(vm)))
    }
  }

  #enter(
    op: Task,
    frees: boolean,
    end: Ended<unknown> | undefined,
    steps?: HvSteps<unknown>,
  ): Running {
    const id = op.footprint === 'vm' ? 0 : op.footprint.gfn
    const running: Running = { id, op, steps, frees, phase: 'finished', ret: 0, end }
    this.#running.push(running)
    if (op.footprint !== 'vm') this.#moves.add(running)
    if (frees) this.#freeing++
    return running
  }

  #resume(running: Running): void {
    const vm = this.#ports.vm()
    // The reason that is left there may be that of another page move.
    if (vm !== undefined && running.op.footprint !== 'vm') vm.reason = undefined
    this.#step(running)
  }

  /** Hands an operation the answer it waits for. */
  #step(running: Running): void {
    const { steps, ret } = running
    if (steps === undefined) return
    // A page move behind this one may have stopped the VM already: that is not this one's fault.
    const before = this.#ports.vm()?.fault
    let step: IteratorResult<HvStep, unknown>
    try {
      step = steps.next(ret)
    } catch (error) {
      this.#fail(running, error)
      return
    }
    this.#take(running, step, before)
  }

  /** A mistake of ours ends the operation as a host fault does, so that nobody waits for ever. */
  #fail(running: Running, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const fault = { kind: FaultKind.Bug, message: `the emulator is at fault: ${message}` }
    const vm = this.#ports.vm()
    if (vm !== undefined) vm.fault = fault
    running.phase = 'finished'
    running.end = { how: 'fault', fault }
    this.#ports.failed?.(running.op, error)
  }

  #take(
    running: Running,
    step: IteratorResult<HvStep, unknown>,
    before: HostFault | undefined,
  ): void {
    if (step.done === true) {
      const vm = this.#ports.vm()
      const fault = vm?.fault === before ? undefined : vm?.fault
      running.phase = 'finished'
      running.end =
        fault === undefined
          ? { how: 'done', result: step.value, reason: vm?.reason }
          : { how: 'fault', fault }
      return
    }
    running.phase = 'asking'
    if (step.value.call === 'RESCHED') this.#later(running)
    else this.#ports.ask(running.op, step.value, (ret) => this.#answered(running, ret))
  }

  #later(running: Running): void {
    this.#ports.later(() => {
      this.#ports.resumed?.(running.op)
      this.#answered(running, 0)
    }, running.op)
  }

  #answered(running: Running, ret: number): void {
    running.phase = 'answered'
    running.ret = ret
    this.#pump()
  }

  #retire({ op, frees, end }: Running): void {
    this.#running.shift()
    if (op.footprint !== 'vm') this.#moves.delete(op.footprint.gfn)
    if (frees) this.#freeing--
    if (end !== undefined) op.done(end)
  }
}
