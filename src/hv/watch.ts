/** What is told of everything that happens in the hypervisor, as it happens. */

import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import type { FaultHit } from './faults.ts'
import type { Ended, Task, UvCall } from './operation.ts'
import type { Session } from './session.ts'

export interface HvWatch {
  /** A VM was created; it has no memory slots yet. */
  made(vm: Vm): void
  /** An operation came; so many of the VM are under way or wait now. */
  queued(lpid: Lpid, length: number): void
  /** An operation's turn has come. */
  began(op: Task, vm: Vm): void
  /** It makes an ultracall. */
  asked(op: Task, call: DownCall): void
  /** `error`: the call was not answered but failed. */
  answered(op: Task, call: DownCall, ret: number, error: string | undefined): void
  ended(op: Task, end: Ended<unknown>): void
  /** An ultravisor's load or store was answered: it needs no turn. */
  accessed(call: UvCall, ret: number): void
  /** A call was refused with an error before it became an operation. */
  refused(call: UvCall, error: WireErrorName): void
  /** A fault rule did something to a call. */
  faulted(hit: FaultHit): void
  /** Another state took the place of the whole host's. */
  replaced(host: Host): void
  opened(session: Session): void
  closed(session: Session): void
}

const nothing = (): void => undefined

/** A watch that looks away. */
export const NO_WATCH: HvWatch = {
  made: nothing,
  queued: nothing,
  began: nothing,
  asked: nothing,
  answered: nothing,
  ended: nothing,
  accessed: nothing,
  refused: nothing,
  faulted: nothing,
  replaced: nothing,
  opened: nothing,
  closed: nothing,
}

/** Several watches as one, told in their order. */
export const watchAll = (watches: readonly HvWatch[]): HvWatch =>
  watches.length === 0 ? NO_WATCH : watches.reduce(both)

function both(first: HvWatch, second: HvWatch): HvWatch {
  return {
    made: (vm) => {
      first.made(vm)
      second.made(vm)
    },
    queued: (lpid, length) => {
      first.queued(lpid, length)
      second.queued(lpid, length)
    },
    began: (op, vm) => {
      first.began(op, vm)
      second.began(op, vm)
    },
    asked: (op, call) => {
      first.asked(op, call)
      second.asked(op, call)
    },
    answered: (op, call, ret, error) => {
      first.answered(op, call, ret, error)
      second.answered(op, call, ret, error)
    },
    ended: (op, end) => {
      first.ended(op, end)
      second.ended(op, end)
    },
    accessed: (call, ret) => {
      first.accessed(call, ret)
      second.accessed(call, ret)
    },
    refused: (call, error) => {
      first.refused(call, error)
      second.refused(call, error)
    },
    faulted: (hit) => {
      first.faulted(hit)
      second.faulted(hit)
    },
    replaced: (host) => {
      first.replaced(host)
      second.replaced(host)
    },
    opened: (session) => {
      first.opened(session)
      second.opened(session)
    },
    closed: (session) => {
      first.closed(session)
      second.closed(session)
    },
  }
}
