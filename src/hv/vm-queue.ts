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
import { asGfn } from '../abi/page.ts'
import { Chain } from '../lib/chain.ts'
import { IdTable } from '../lib/id-table.ts'
import { FaultKind, type HvStep, type Vm } from '../uvmem/host.ts'
import type { Task } from './operation.ts'

/** What a queue needs of the hypervisor. */
export interface QueuePorts {
  /** The VM; `undefined` once it is destroyed. */
  readonly vm: () => Vm | undefined
  /** Device PFNs that are free and not promised. */
  readonly freePfns: () => number
  /** Makes an ultracall for an operation; may answer before it returns. */
  readonly ask: (op: Task, call: Ucall, answer: (op: Task, ret: number) => void) => void
  /** Runs something in a later turn of the event loop. */
  readonly later: (run: () => void, op: Task) => void
  readonly began?: (op: Task, vm: Vm) => void
  /** A long operation goes on after others had a turn. */
  readonly resumed?: (op: Task) => void
  /** We are wrong: an operation threw. Its VM is stopped. */
  readonly failed?: (op: Task, error: unknown) => void
}

export class VmQueue {
  readonly #ports: QueuePorts
  /** Operations under way at once, at most. */
  readonly #window: number
  readonly #begun = new Chain<Task>()
  readonly #waiting = new Chain<Task>()
  /** Page moves that have begun, by their frame. */
  readonly #moves = new IdTable<Task>()
  /** How many of them give a device PFN back. */
  #freeing = 0
  #pumping = false

  constructor(ports: QueuePorts, window: number) {
    this.#ports = ports
    this.#window = window
  }

  /** Operations that have begun or wait. */
  get length(): number {
    return this.#begun.length + this.#waiting.length
  }

  push(op: Task): void {
    this.#waiting.push(op)
    this.#pump()
  }

  /** The operation that waits for this ultracall. */
  taskAsking(call: DownCall): Task | undefined {
    for (const op of this.#begun) if (op.asking === call) return op
    return undefined
  }

  /** Ends what has not begun yet: its VM is about to go. What has begun goes on. */
  drop(): void {
    const dropped = [...this.#waiting]
    for (const _ of dropped) this.#waiting.shift()
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
    const head = this.#begun.first
    if (head?.phase === 'answered') this.#resume(head)
    else if (head?.phase === 'finished') this.#retire(head)
    else return this.#beginNext()
    return true
  }

  #beginNext(): boolean {
    const op = this.#waiting.first
    if (op === undefined || !this.#mayBegin(op)) return false
    this.#waiting.shift()
    this.#begin(op)
    return true
  }

  #mayBegin({ footprint, id }: Task): boolean {
    const head = this.#begun.first
    if (head === undefined) return true
    if (footprint === 'vm' || this.#begun.length >= this.#window) return false
    // Whatever has the VM to itself is alone at the head.
    if (head.footprint === 'vm' || this.#moves.has(id)) return false
    // Which PFN is the lowest free one is known only when nobody ahead will give one back.
    return !footprint.takes || (this.#freeing === 0 && this.#ports.freePfns() > 0)
  }

  #begin(op: Task): void {
    const vm = this.#ports.vm()
    if (vm === undefined) {
      op.end = { how: 'gone' }
      this.#enter(op)
    } else if (vm.fault !== undefined && op.name !== 'destroy') {
      op.end = { how: 'fault', fault: vm.fault }
      this.#enter(op)
    } else {
      this.#ports.began?.(op, vm)
      vm.reason = undefined
      op.frees = op.footprint !== 'vm' && op.footprint.frees(vm, asGfn(op.id))
      this.#enter(op)
      this.#start(op, vm)
    }
  }

  /** Puts an operation behind those that have begun. */
  #enter(op: Task): void {
    op.phase = 'finished'
    this.#begun.push(op)
    if (op.footprint !== 'vm') this.#moves.add(op)
    if (op.frees) this.#freeing++
  }

  #start(op: Task, vm: Vm): void {
    try {
      op.steps = op.begin(vm)
    } catch (error) {
      this.#fail(op, error)
      return
    }
    this.#step(op)
  }

  #resume(op: Task): void {
    const vm = this.#ports.vm()
    // The reason that is left there may be that of another page move.
    if (vm !== undefined && op.footprint !== 'vm') vm.reason = undefined
    this.#step(op)
  }

  /** Hands an operation the answer it waits for. */
  #step(op: Task): void {
    const { steps } = op
    if (steps === undefined) return
    // A page move behind this one may have stopped the VM already: that is not this one's fault.
    const before = this.#ports.vm()?.fault
    let step: IteratorResult<HvStep, unknown>
    try {
      step = steps.next(op.ret)
    } catch (error) {
      this.#fail(op, error)
      return
    }
    if (step.done !== true) {
      this.#ask(op, step.value)
      return
    }
    const vm = this.#ports.vm()
    const fault = vm?.fault === before ? undefined : vm?.fault
    op.phase = 'finished'
    op.end =
      fault === undefined
        ? { how: 'done', result: step.value, reason: vm?.reason }
        : { how: 'fault', fault }
  }

  /** A mistake of ours ends the operation as a host fault does, so that nobody waits for ever. */
  #fail(op: Task, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const fault = { kind: FaultKind.Bug, message: `the emulator is at fault: ${message}` }
    const vm = this.#ports.vm()
    if (vm !== undefined) vm.fault = fault
    op.phase = 'finished'
    op.end = { how: 'fault', fault }
    this.#ports.failed?.(op, error)
  }

  #ask(op: Task, step: HvStep): void {
    op.phase = 'asking'
    if (step.call !== 'RESCHED') {
      this.#ports.ask(op, step, this.#answered)
      return
    }
    this.#ports.later(() => {
      this.#ports.resumed?.(op)
      this.#answered(op, 0)
    }, op)
  }

  readonly #answered = (op: Task, ret: number): void => {
    op.phase = 'answered'
    op.ret = ret
    this.#pump()
  }

  #retire(op: Task): void {
    this.#begun.shift()
    if (op.footprint !== 'vm') this.#moves.delete(op.id)
    if (op.frees) this.#freeing--
    if (op.end !== undefined) op.done(op.end)
  }
}
