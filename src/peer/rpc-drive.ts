/**
 * Runs a generator of calls over a sender with callbacks: the cores' hypercalls and the ultravisor's
 * guest calls (see "generators" in the cores) over a peer, or over anything else that answers.
 */
import { invariant } from '../lib/assert.ts'

/**
 * Sends each call that `steps` yields and hands it the answer, then tells `done` what it returned.
 * `send` may answer before it returns: the stack does not grow with the number of steps. What
 * `steps` throws comes out of whoever gave the answer. A call that is never answered leaves `steps`
 * suspended for good; nothing else holds on to it then.
 */
export function drive<Call, Answer, Result>(
  steps: Generator<Call, Result, Answer>,
  send: (call: Call, answer: (given: Answer) => void) => void,
  done: (result: Result) => void,
): void {
  let waiting: boolean
  let running: boolean
  let step = steps.next()

  const run = (): void => {
    running = true
    while (step.done !== true) {
      waiting = true
      send(step.value, take)
      if (!waiting) continue
      running = false
      return
    }
    done(step.value)
  }
  const take = (given: Answer): void => {
    invariant(waiting, 'a call is answered once')
    waiting = false
    step = steps.next(given)
    if (!running) run()
  }
  run()
}
