/**
 * One thing that is done to a VM: a hypercall of its ultravisor, or an operation of its VMM or host.
 */

import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Gfn, Lpid } from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import type { Incoming } from '../peer/rpc-calls.ts'
import type { HostFault, HvSteps, Vm } from '../uvmem/host.ts'
import type { Reason } from '../uvmem/reason.ts'
import type { VmRuns } from './journal-changes.ts'
import type { VmmCall } from './vmm-call.ts'

/** A call of an ultravisor that the hypervisor serves. */
export type UvCall = Incoming<DownCall, UpCall>

/** What the move of one page does to the pool: the same for all moves of a kind. */
export interface PageMove {
  /** It takes a device PFN. */
  readonly takes: boolean
  /** Says, when its turn has come, whether it gives a device PFN back when it ends well. */
  readonly frees: (vm: Vm, gfn: Gfn) => boolean
}

/**
 * What of the VM an operation touches. A page move touches the frame that the operation is about, so
 * that moves of other frames may be under way at the same time; everything else has the VM to itself.
 */
export type Footprint = 'vm' | PageMove

/** How an operation ended. */
export type Ended<R> =
  /** It ran to its end; `reason` says why it was refused, if it was. */
  | { readonly how: 'done'; readonly result: R; readonly reason: Reason | undefined }
  /** The real kernel would have hung or crashed: in this operation, or in one before it. */
  | { readonly how: 'fault'; readonly fault: HostFault }
  /** The VM was gone before its turn came. */
  | { readonly how: 'gone' }

export interface Operation<R = unknown> {
  /** `H_SVM_PAGE_IN`, `touch` ...: for the journal. */
  readonly name: string
  /** What an operation of the VMM or the host was told; a call's own is its body. */
  readonly wish?: VmmCall | undefined
  readonly lpid: Lpid
  /** The frame it is about, if it is about one. */
  readonly gfn?: Gfn | undefined
  /** The call that asked for it; none for an operation of the VMM or the host. */
  readonly call: UvCall | undefined
  readonly footprint: Footprint
  begin(vm: Vm): HvSteps<R>
  /** Told once how it ended. */
  done(end: Ended<R>): void
  /** The operation in whose ultracall the call was made. */
  readonly inside?: Task | undefined
  /** A fault rule lets it find the pool empty. */
  readonly starved?: boolean
}

/** The operation with something else about it: its methods need the object that they are of. */
export const altered = <R>(op: Operation<R>, change: Partial<Operation<R>>): Operation<R> => ({
  ...op,
  begin: (vm) => op.begin(vm),
  done: (end) => op.done(end),
  ...change,
})

/** What a watch keeps of an operation while it is under way. */
export interface OperationNote {
  /** Serial in the journal; 0 before its turn has come. */
  serial: number
  /** Serial of its ultracall that is open; 0 for none. */
  asked: number
  /** Milliseconds by the watch's clock. */
  beganAt: number
  askedAt: number
  /** Numbers of its name, and of its ultracall's, in the journal. */
  name: number
  askedName: number
  /** Its VM, also when that is gone at the end. */
  vm: Vm | undefined
  /** `secure_guest` and the frame's state word before it. */
  flags: number
  word: number
  /** Frames of the VM before it, where it may change any of them. */
  runs: VmRuns | undefined
}

/** What goes on around the end of an operation; it calls `task.tell` once. */
export type Settle = (task: Task, end: Ended<unknown>) => void

/** How far an operation in a queue has come. */
export type Phase = 'waiting' | 'asking' | 'answered' | 'finished'

/** An operation in its VM's queue. It asks the operation for what that knows: one is made for each page. */
export class Task {
  readonly #op: Operation
  readonly #settle: Settle
  /** Number of the frame that it moves; 0 when it has the VM to itself. */
  readonly id: number
  /** The ultracall that it waits for. */
  asking: DownCall | undefined
  note: OperationNote | undefined
  /** From here on: the queue's. */
  steps: HvSteps<unknown> | undefined
  phase: Phase
  /** It has begun and will give a device PFN back. */
  frees: boolean
  /** The answer with which it waits for its turn. */
  ret: number
  end: Ended<unknown> | undefined
  /** The one that began after it. */
  next: Task | undefined

  constructor(op: Operation, settle: Settle) {
    this.#op = op
    this.#settle = settle
    this.id = op.footprint === 'vm' ? 0 : present(op.gfn, 'the frame of a page move')
    this.asking = undefined
    this.note = undefined
    this.steps = undefined
    this.phase = 'waiting'
    this.frees = false
    this.ret = 0
    this.end = undefined
    this.next = undefined
  }

  get name(): string {
    return this.#op.name
  }

  get wish(): VmmCall | undefined {
    return this.#op.wish
  }

  get lpid(): Lpid {
    return this.#op.lpid
  }

  get gfn(): Gfn | undefined {
    return this.#op.gfn
  }

  get call(): UvCall | undefined {
    return this.#op.call
  }

  get footprint(): Footprint {
    return this.#op.footprint
  }

  get inside(): Task | undefined {
    return this.#op.inside
  }

  get starved(): boolean {
    return this.#op.starved === true
  }

  begin(vm: Vm): HvSteps<unknown> {
    return this.#op.begin(vm)
  }

  /** Tells who asked for it. */
  tell(end: Ended<unknown>): void {
    this.#op.done(end)
  }

  done(end: Ended<unknown>): void {
    this.#settle(this, end)
  }
}
