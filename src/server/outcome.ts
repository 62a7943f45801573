/** Turns how an operation of the VMM ended into an answer. */

import { hostCodeName } from '../../schemas/rest/result.ts'
import { Host as HostCode } from '../abi/codes.ts'
import type { Lpid } from '../abi/page.ts'
import type { LimitPassed } from '../hv/hypervisor.ts'
import type { Outcome } from '../hv/vmm.ts'
import { unreachable } from '../lib/assert.ts'
import { Reason } from '../uvmem/reason.ts'
import { Problem, problem } from './problem.ts'

export const vmUnknown = (lpid: Lpid): Problem => problem('vm-unknown', `There is no VM ${lpid}.`)

export const limitReached = ({ limit, max }: LimitPassed): Problem =>
  new Problem('limit-reached', { detail: `${limit} allows ${max}.`, limit, max })

/** The kernel would refuse it. */
export function refused(code: number, reason: Reason | undefined): Problem {
  const name = hostCodeName(code)
  if (reason === Reason.noSuchSlot) {
    return new Problem('slot-unknown', { detail: `${reason.why}.`, code, name, reason })
  }
  const why = reason === undefined ? 'no check gave a reason' : `${reason.source}: ${reason.why}`
  return new Problem('refused', { detail: `${name}: ${why}.`, code, name, reason: reason ?? null })
}

/** The result of an operation that ran to its end, or the problem that it is. */
export function resultOf<R>(lpid: Lpid, outcome: Outcome<R>): Problem | Ran<R> {
  switch (outcome.how) {
    case 'done':
      return outcome
    case 'gone':
      return vmUnknown(lpid)
    case 'limit':
      return limitReached(outcome.passed)
    case 'fault': {
      const { kind, message } = outcome.fault
      return new Problem('host-fault', { detail: `${kind}: ${message}`, fault: { kind, message } })
    }
    default:
      return unreachable(outcome)
  }
}
type Ran<R> = Extract<Outcome<R>, { how: 'done' }>

/** `{code, name}`, or why not. `succeeds` are codes of success besides 0. */
export function codeOf(
  lpid: Lpid,
  outcome: Outcome<number>,
  succeeds: readonly number[] = [],
): Problem | { code: number; name: string } {
  const ran = resultOf(lpid, outcome)
  if (ran instanceof Problem) return ran
  const { result: code, reason } = ran
  if (code !== HostCode.OK && !succeeds.includes(code)) return refused(code, reason)
  return { code, name: hostCodeName(code) }
}
