/** How a call of an ultravisor ends: with an error at once, or with the code of an operation. */
import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall, ErrorData } from '../../schemas/messages.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import type { Ended, Operation, UvCall } from './operation.ts'

export function fail(hv: Hypervisor, call: UvCall, error: WireErrorName, data?: ErrorData): void {
  hv.watch.refused(call, error)
  call.fail(error, data)
}

export const failLimit = (hv: Hypervisor, call: UvCall, { limit, max }: LimitPassed): void =>
  fail(hv, call, 'LIMIT_REACHED', { limit, max })

/**
 * Queues an operation that a call asks for, unless the call would wait for itself; `finish` turns a
 * result into the call's return code.
 */
export function queue<R>(
  hv: Hypervisor,
  call: UvCall,
  op: Omit<Operation<R>, 'call' | 'done'>,
  finish: (result: R) => number,
): void {
  const leave = hv.deadlocks.enter(call, op.lpid)
  if (leave === undefined) return fail(hv, call, 'DEADLOCK', { lpid: op.lpid, call: op.name })
  const done = (end: Ended<R>): void => {
    leave()
    if (end.how === 'done') call.answer(finish(end.result))
    else if (end.how === 'fault') call.fail('HOST_FAULT', { ...end.fault })
    else call.fail('LPID_UNKNOWN', { lpid: op.lpid })
  }
  const asking = call.parent === 0 ? undefined : call.ancestors()[0]?.body
  const inside = asking === undefined ? undefined : hv.taskAsking(asking as DownCall)
  // Written out: this runs for each page, and a spread costs more than all the rest of it.
  const { name, lpid, gfn, footprint, begin } = op
  hv.submit({ name, wish: undefined, lpid, gfn, call, footprint, begin, done, inside })
}
