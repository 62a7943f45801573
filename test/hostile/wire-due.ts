/** What a client of the fuzzer waits for. */
import type { Verdict } from './reference-json.ts'
import type { Said } from './wire-said-kinds.ts'

export type CallVerdict = Extract<Verdict, { readonly kind: 'call' }>

/** A call that waits for its answer. */
export interface Waiting extends Omit<CallVerdict, 'kind' | 'parent'> {
  /** It came before, and gets the answer of then, if that is known; nothing is begun. */
  readonly again?: { readonly outcome: string | undefined; readonly wasLost?: boolean }
}

/** Of these errors one has to come. */
export interface Due {
  readonly errors: readonly {
    readonly code: number
    /** Ids that it may have. */
    readonly ids: readonly number[]
    /** The id in its data. */
    readonly named?: number
  }[]
  /** It may also not come: then this call waits for its answer. */
  readonly orWaits?: Waiting
  /** It waits only if the hypervisor has meanwhile made the call with this id: its parent. */
  readonly parent?: number
  /** The call that it is about. */
  readonly call?: CallVerdict
}

/** Whether an error is the one that has to come. */
export const isThat = (
  { id, code, data }: Extract<Said, { kind: 'error' }>,
  due: Due['errors'][number],
): boolean =>
  code === due.code && due.ids.includes(id) && (due.named === undefined || data['id'] === due.named)
