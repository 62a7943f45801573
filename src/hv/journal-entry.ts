/** What the journal says of one event, and what can be asked of it. */
import type { Gfn, Lpid } from '../abi/page.ts'
import type { FrameState } from '../uvmem/frame-state.ts'
import type { Reason } from '../uvmem/reason.ts'
import type { VmState } from '../uvmem/vm-state.ts'

export const JournalKind = {
  /** A call of an ultravisor, from its turn in the VM's queue to its answer. */
  Hypercall: 'hypercall',
  /** A call to an ultravisor, from its sending to its answer. */
  Ultracall: 'ultracall',
  /** An operation of the VMM or the host. */
  Operation: 'operation',
  /** A load or store of an ultravisor in normal memory. */
  Memory: 'memory',
  /** Frames went from one state to another. */
  Frames: 'frames',
  /** A VM went from one state to another, was stopped, came or went. */
  Vm: 'vm',
  /** A call was refused with an error before it became an operation. */
  Refusal: 'refusal',
  /** A session was opened or given up. */
  Session: 'session',
  /** A fault rule was applied. */
  Fault: 'fault',
} as const
export type JournalKind = (typeof JournalKind)[keyof typeof JournalKind]
export const JOURNAL_KINDS = Object.values(JournalKind) as readonly JournalKind[]

/** How far a call has come. */
export const JournalEnd = {
  Open: 'open',
  /** It has a code. */
  Done: 'done',
  /** The real kernel would have hung or crashed. */
  Fault: 'fault',
  /** The VM was gone before its turn came. */
  Gone: 'gone',
  /** It has no code but an error of the wire. */
  Error: 'error',
} as const
export type JournalEnd = (typeof JournalEnd)[keyof typeof JournalEnd]
export const JOURNAL_ENDS = Object.values(JournalEnd) as readonly JournalEnd[]

/** States that a transition can name: of a VM or of frames. */
export type JournalState = FrameState | VmState | 'none' | 'fault'
export const JOURNAL_STATES: readonly JournalState[] = [
  'normal',
  'secure',
  'paged_out',
  'shared',
  'transient',
  'none',
  'fault',
]

/** Arguments by name. */
export type OperationArgs = Readonly<Record<string, string | number | boolean>>

export interface JournalEvent {
  /** Counts up from 1, by the order in which calls began. */
  readonly serial: number
  readonly kind: JournalKind
  /** Milliseconds by the hypervisor's clock. */
  readonly time: number
  /** Serial of the event in whose context this one happened; 0 for none. */
  readonly parent: number
  /** Serial that a long call had first, when its first record had left the ring; 0 otherwise. */
  readonly first: number
  /** 0 when it is about no VM. */
  readonly lpid: Lpid
  /** The call's or operation's name; of a transition: the call that caused it. */
  readonly call: string
  /** The first frame, when it is about frames. */
  readonly gfn: Gfn | undefined
  readonly args: OperationArgs
  readonly end: JournalEnd
  readonly code: number | undefined
  /** `H_PARAMETER`, `U_P3`, `SIGBUS`. */
  readonly codeName: string | undefined
  /** The check of the real code that said no. */
  readonly reason: Reason | undefined
  /** What no code says: the wire's error, or the host fault. */
  readonly error: string | undefined
  /** What the event leaves out: more runs than are told. */
  readonly note: string | undefined
  /** Milliseconds; undefined while it is open, and for what takes no time. */
  readonly duration: number | undefined
  readonly from: JournalState | undefined
  readonly to: JournalState | undefined
  /** Frames of a transition. */
  readonly count: number | undefined
}

export interface JournalFilter {
  readonly lpid?: Lpid | undefined
  /** Events about this frame, also as one of a run. */
  readonly gfn?: Gfn | undefined
  readonly call?: string | undefined
  readonly code?: number | undefined
  readonly kind?: JournalKind | undefined
  /** Only what was refused: a code with a reason, a fault, an error. */
  readonly refused?: boolean | undefined
}

export interface JournalQuery extends JournalFilter {
  /** Only serials above this one. */
  readonly since?: number | undefined
  /** Only serials below this one. */
  readonly before?: number | undefined
  /** Events, at most. */
  readonly limit: number
  readonly order: 'newest' | 'oldest'
}

export interface JournalPage {
  readonly events: readonly JournalEvent[]
  /** Serials that the ring holds; `last` is 0 while there are none. */
  readonly oldest: number
  readonly last: number
  /** True when the limit cut the answer short. */
  readonly more: boolean
}
