/**
 * The ways in which a call of the firmware never returns.
 *
 * A NULL dereference, an endless loop and svm_abort() leave every function at once. A trap does the
 * same here. It is the one thing that is thrown for what somebody else did wrong, and it never
 * leaves this folder: `serve` and `guarded` turn it into an answer.
 */

export type TrapKind =
  /** The firmware reads or writes memory that is not there. */
  | 'OOPS'
  /** The firmware, or the guest under it, goes round for ever. */
  | 'LIVELOCK'
  /** svm_abort(): the ultravisor ends this SVM. */
  | 'ABORT'
  /** The SVM was terminated while the call waited for the hypervisor. */
  | 'GONE'

export class Trap extends Error {
  override readonly name = 'Trap'
  readonly kind: TrapKind

  constructor(kind: TrapKind, why: string) {
    super(why)
    this.kind = kind
  }
}

/** What the emulated firmware would have died of. */
export interface UvFault {
  readonly kind: 'OOPS' | 'LIVELOCK'
  readonly message: string
}

/** How a call ended that did not return. */
export type TrapResult =
  | { readonly kind: 'ABORT'; readonly why: string }
  | { readonly kind: 'GONE' }
  | { readonly kind: 'FAULT'; readonly fault: UvFault }
