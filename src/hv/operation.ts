/**
 * One thing that is done to a VM: a hypercall of its ultravisor, or an operation of its VMM or host.
 */

import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Gfn, Lpid } from '../abi/page.ts'
import type { Incoming } from '../peer/rpc-calls.ts'
import type { HostFault, HvSteps, Vm } from '../uvmem/host.ts'
import type { Reason } from '../uvmem/reason.ts'

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
  readonly lpid: Lpid
  /** The frame it is about, if it is about one. */
  readonly gfn?: Gfn
  /** The call that asked for it; none for an operation of the VMM or the host. */
  readonly call: UvCall | undefined
  readonly footprint: Footprint
  readonly begin: (vm: Vm) => HvSteps<R>
  /** Told once how it ended. */
  readonly done: (end: Ended<R>) => void
}
