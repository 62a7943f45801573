/** What is told of everything that happens in the hypervisor, as it happens. */

import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import type { Ended, Operation, UvCall } from './operation.ts'
import type { Session } from './session.ts'

export interface HvWatch {
  /** An operation's turn has come. */
  began(op: Operation): void
  /** It makes an ultracall. */
  asked(op: Operation, call: DownCall): void
  /** `error`: the call was not answered but failed. */
  answered(op: Operation, call: DownCall, ret: number, error: string | undefined): void
  ended(op: Operation, end: Ended<unknown>): void
  /** A call was refused with an error before it became an operation. */
  refused(call: UvCall, error: WireErrorName): void
  opened(session: Session): void
  closed(session: Session): void
}

const nothing = (): void => undefined

/** A watch that looks away. */
export const NO_WATCH: HvWatch = {
  began: nothing,
  asked: nothing,
  answered: nothing,
  ended: nothing,
  refused: nothing,
  opened: nothing,
  closed: nothing,
}
