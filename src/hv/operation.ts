/**
 * One thing that is done to a VM: a hypercall of its ultravisor, or an operation of its VMM or host.
 */

import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Gfn, Lpid } from '../abi/page.ts'
import type { Incoming } from '../peer/rpc-calls.ts'
import type { HostFault, HvSteps, Vm } from '../uvmem/host.ts'
import type { Reason } from '../uvmem/reason.ts'
import type { VmRuns } from './journal-changes.ts'
import type { VmmCall } from './vmm-call.ts'

/** A call of an ultravisor that the hypervisor serves. */
export type UvCall = Incoming<DownCall, UpCall>

/**
 * What of the VM an operation touches. A page move touches one frame, so that moves of other frames
 * may be under way at the same time; everything else has the VM to itself.
 */
export type Footprint =
  | 'vm'
  | {
      readonly gfn: Gfn
      /** It takes a device PFN. */
      readonly takes: boolean
      /** Says, when its turn has come, whether it gives a device PFN back when it ends well. */
      readonly frees: (vm: Vm) => boolean
    }

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
  readonly begin: (vm: Vm) => HvSteps<R>
  /** Told once how it ended. */
  readonly done: (end: Ended<R>) => void
  /** The operation in whose ultracall the call was made. */
  readonly inside?: Task | undefined
  /** A fault rule lets it find the pool empty. */
  readonly starved?: boolean
}

/** What a watch keeps of an operation while it is under way. */
export interface OperationNote {
  /** Serial in the journal; 0 before its turn has come. */
  serial: number
  /** Serial of its ultracall that is open; 0 for none. */
  asked: number
  /** Milliseconds by the watch's clock. */
  beganAt: number
  askedAt: number
  /** Number of its name in the journal. */
  name: number
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

/** An operation in its VM's queue. */
export class Task {
  readonly name: string
  readonly wish: VmmCall | undefined
  readonly lpid: Lpid
  readonly gfn: Gfn | undefined
  readonly call: UvCall | undefined
  readonly footprint: Footprint
  readonly begin: (vm: Vm) => HvSteps<unknown>
  /** Tells who asked for it. */
  readonly tell: (end: Ended<unknown>) => void
  readonly inside: Task | undefined
  readonly starved: boolean
  readonly settle: Settle
  /** The ultracall that it waits for. */
  asking: DownCall | undefined
  note: OperationNote | undefined

  constructor(op: Operation, settle: Settle) {
    this.name = op.name
    this.wish = op.wish
    this.lpid = op.lpid
    this.gfn = op.gfn
    this.call = op.call
    this.footprint = op.footprint
    this.begin = op.begin
    this.tell = op.done
    this.inside = op.inside
    this.starved = op.starved === true
    this.settle = settle
    this.asking = undefined
    this.note = undefined
  }

  done(end: Ended<unknown>): void {
    this.settle(this, end)
  }
}
