/**
 * Runs a guest's call, as the ultravisor's core gives it in steps, over a connection.
 *
 * What the steps ask in one array goes out with at most `window` requests open at a time; the next
 * one leaves when any of them is answered. An error of the wire is no answer that the firmware
 * could get: the steps end there.
 */
import type { ErrorMessage, Outcome } from '../../schemas/messages.ts'
import type { UvReply, UvRequest } from '../abi/calls.ts'
import { present } from '../lib/assert.ts'
import type { UvSteps, UvYield } from '../ultravisor/steps.ts'
import type { Done } from './rpc-calls.ts'

/**
 * A request that got an error instead of a return code. Thrown into the steps, never out of here.
 */
class RequestFailed extends Error {
  override readonly name = 'RequestFailed'
  readonly request: UvRequest
  readonly error: ErrorMessage

  constructor(request: UvRequest, error: ErrorMessage) {
    super(error.message)
    this.request = request
    this.error = error
  }
}

/** How a guest's call ended. */
export type RunEnd<R> =
  | { readonly how: 'done'; readonly result: R }
  /** The wire failed: `error` is what the request got. */
  | { readonly how: 'failed'; readonly request: UvRequest; readonly error: ErrorMessage }

/** Sends one request; `done` is told once, never before `ask` returns. */
export type Ask = (request: UvRequest, done: Done) => void

/** `window` is 1 and more; `end` is told once. */
export function runGuestCall<R>(
  steps: UvSteps<R>,
  ask: Ask,
  window: number,
  end: (how: RunEnd<R>) => void,
): void {
  const advance = (next: () => IteratorResult<UvYield, R>): void => {
    let step: IteratorResult<UvYield, R>
    try {
      step = next()
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error
      end({ how: 'failed', request: error.request, error: error.error })
      return
    }
    if (step.done === true) end({ how: 'done', result: step.value })
    else if ('call' in step.value) askOne(step.value, ask, given)
    else askMany(step.value, ask, window, given)
  }
  const given = (reply: UvReply | readonly UvReply[] | RequestFailed): void => {
    advance(() => (reply instanceof RequestFailed ? steps.throw(reply) : steps.next(reply)))
  }
  advance(() => steps.next({ ret: 0 }))
}

function askOne(
  request: UvRequest,
  ask: Ask,
  given: (reply: UvReply | RequestFailed) => void,
): void {
  ask(request, (outcome) => {
    given(outcome.kind === 'answer' ? outcome : new RequestFailed(request, outcome))
  })
}

/** The replies in the order of the requests, or the first failure once nothing is open any more. */
function askMany(
  requests: readonly UvRequest[],
  ask: Ask,
  window: number,
  given: (replies: readonly UvReply[] | RequestFailed) => void,
): void {
  const replies: UvReply[] = new Array<UvReply>(requests.length)
  let failure: RequestFailed | undefined
  let next = 0
  let open = 0
  const take = (at: number, request: UvRequest, outcome: Outcome): void => {
    open--
    if (outcome.kind === 'answer') replies[at] = outcome
    else failure ??= new RequestFailed(request, outcome)
    goOn()
  }
  const goOn = (): void => {
    while (failure === undefined && open < window && next < requests.length) {
      const at = next++
      const request = present(requests[at], 'a request of the array')
      open++
      ask(request, (outcome) => take(at, request, outcome))
    }
    if (open === 0) given(failure ?? replies)
  }
  goOn()
}
