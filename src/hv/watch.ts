/** What is told of everything that happens in the hypervisor, as it happens. */

import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import type { FaultHit } from './faults.ts'
import type { Ended, Task, UvCall } from './operation.ts'
import type { Session } from './session.ts'

export interface HvWatch {
  /** A VM was created; it has no memory slots yet. */
  made(vm: Vm): void
  /** An operation came; so many of its VM are under way or wait now. */
  queued(op: Task, length: number): void
  /** A long operation goes on after others had a turn. */
  resumed(op: Task): void
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
  /** From now on, while true, no page-out finds a normal frame. */
  denied(denies: boolean): void
  /** Operations whose turn has not come end: their VMs are about to go. */
  dropped(): void
  /** Another state took the place of the whole host's. */
  replaced(host: Host): void
  opened(session: Session): void
  /** Its connection broke; the session waits for another one. */
  detached(session: Session): void
  /** It goes on over another connection; `fenced`: the one before was still there. */
  attached(session: Session, fenced: boolean): void
  closed(session: Session): void
}

const nothing = (): void => undefined

/** A watch that looks away. */
export const NO_WATCH: HvWatch = {
  made: nothing,
  queued: nothing,
  resumed: nothing,
  began: nothing,
  asked: nothing,
  answered: nothing,
  ended: nothing,
  accessed: nothing,
  refused: nothing,
  faulted: nothing,
  denied: nothing,
  dropped: nothing,
  replaced: nothing,
  opened: nothing,
  detached: nothing,
  attached: nothing,
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
    queued: (op, length) => {
      first.queued(op, length)
      second.queued(op, length)
    },
    resumed: (op) => {
      first.resumed(op)
      second.resumed(op)
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
    denied: (denies) => {
      first.denied(denies)
      second.denied(denies)
    },
    dropped: () => {
      first.dropped()
      second.dropped()
    },
    replaced: (host) => {
      first.replaced(host)
      second.replaced(host)
    },
    ...bothOfSessions(first, second),
  }
}

function bothOfSessions(
  first: HvWatch,
  second: HvWatch,
): Pick<HvWatch, 'opened' | 'detached' | 'attached' | 'closed'> {
  return {
    opened: (session) => {
      first.opened(session)
      second.opened(session)
    },
    detached: (session) => {
      first.detached(session)
      second.detached(session)
    },
    attached: (session, fenced) => {
      first.attached(session, fenced)
      second.attached(session, fenced)
    },
    closed: (session) => {
      first.closed(session)
      second.closed(session)
    },
  }
}
