/**
 * A call of a guest as pure steps: it yields what it asks of the hypervisor, is handed the answer,
 * and returns its result.
 *
 * A single request is answered with a single reply. An array of requests means that they are
 * independent: they may be sent in any order and all at once, and are answered with an array in
 * their own order. Ultracalls may be served while the steps wait: that is the nesting.
 */
import type { UvReply, UvRequest } from '../abi/calls.ts'
import { invariant } from '../lib/assert.ts'
import type { Svm } from './svm.ts'
import { Trap, type TrapResult } from './trap.ts'

export type UvYield = UvRequest | readonly UvRequest[]
export type UvResume = UvReply | readonly UvReply[]
export type UvSteps<R> = Generator<UvYield, R, UvResume>

const isList = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value)

/** Asks one thing. Traps with GONE when the SVM ended meanwhile. */
export function* ask(svm: Svm, request: UvRequest): UvSteps<UvReply> {
  const reply = yield request
  invariant(!isList(reply), 'one request gets one reply')
  if (svm.gone) throw new Trap('GONE', 'the SVM was terminated meanwhile')
  return reply
}

/** Asks independent things, at most `windowRequestsMax` of them. */
export function* askAll(svm: Svm, requests: readonly UvRequest[]): UvSteps<readonly UvReply[]> {
  const replies = yield requests
  invariant(isList(replies) && replies.length === requests.length, 'each request gets a reply')
  if (svm.gone) throw new Trap('GONE', 'the SVM was terminated meanwhile')
  return replies
}

/** Runs steps to their end with a hypervisor that answers at once. */
export function runSteps<R>(steps: UvSteps<R>, answer: (request: UvRequest) => UvReply): R {
  let step = steps.next({ ret: 0 })
  while (step.done !== true) {
    const asked = step.value
    step = steps.next(isList(asked) ? asked.map(answer) : answer(asked))
  }
  return step.value
}

/** Turns traps into results, and counts the calls that are under way. */
export function* guarded<R>(svm: Svm, steps: UvSteps<R>): UvSteps<R | TrapResult> {
  if (svm.fault !== undefined) return { kind: 'FAULT', fault: svm.fault }
  svm.callsInFlight++
  try {
    return yield* steps
  } catch (trap) {
    if (!(trap instanceof Trap)) throw trap
    return trapResult(svm, trap)
  } finally {
    svm.callsInFlight--
  }
}

/** Notes on the SVM what the trap means, and says so. */
export function trapResult(svm: Svm, trap: Trap): TrapResult {
  switch (trap.kind) {
    case 'ABORT':
      svm.abortReason ??= trap.message
      return { kind: 'ABORT', why: trap.message }
    case 'GONE':
      return { kind: 'GONE' }
    case 'OOPS':
    case 'LIVELOCK':
      svm.fault = { kind: trap.kind, message: trap.message }
      return { kind: 'FAULT', fault: svm.fault }
  }
}
