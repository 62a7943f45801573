/** Handlers: waiting. Who waits and goes away, or whose server ends, waits no longer. */
import type { CountText } from '../../schemas/rest/wait.ts'
import type { PageCountName } from '../hv/counters.ts'
import { type WaitCondition, waitersMax } from '../hv/wait.ts'
import { unreachable } from '../lib/assert.ts'
import type { Handlers, Hosted } from './handler.ts'
import { Problem, problem } from './problem.ts'

/** What waits and counters call the same numbers. */
const COUNT_NAME: Readonly<Record<CountText, PageCountName>> = {
  pages_in: 'pagesIn',
  pages_out: 'pagesOut',
  pages_shared: 'pagesShared',
  frames_secured: 'framesSecured',
  frames_changed: 'framesChanged',
  faults: 'faults',
  refusals: 'refusals',
  deadlocks: 'deadlocks',
}

type Met = { readonly met: true; readonly waited_ms: number }

async function wait(
  { hv, inspected: { waits } }: Hosted,
  condition: WaitCondition,
  timeoutMs: number,
  gone: AbortSignal,
): Promise<Met | Problem> {
  const start = hv.ports.now()
  const { end, cancel } = waits.waitFor(condition, timeoutMs)
  if (gone.aborted) cancel()
  else gone.addEventListener('abort', cancel, { once: true })
  const { how } = await end
  switch (how) {
    case 'met':
      return { met: true, waited_ms: Math.max(0, hv.ports.now() - start) }
    case 'late':
      return problem('wait-timeout', `It was not so within ${timeoutMs} ms.`)
    case 'cancelled':
      return problem('shutting-down', 'The server was told to stop.')
    case 'full': {
      const detail = `waitersMax allows ${waitersMax}.`
      return new Problem('limit-reached', { detail, limit: 'waitersMax', max: waitersMax })
    }
    default:
      return unreachable(how)
  }
}

export const WAIT_HANDLERS: Handlers<
  'waitForVm' | 'waitForFrame' | 'waitForSession' | 'waitForCount'
> = {
  waitForVm: (hosted, { path: { lpid }, query: { state, timeout }, gone }) =>
    wait(hosted, { of: 'vm', lpid, state }, timeout, gone()),
  waitForFrame: (hosted, { path: { lpid, gfn }, query: { state, timeout }, gone }) =>
    wait(hosted, { of: 'frame', lpid, gfn, state }, timeout, gone()),
  waitForSession: (hosted, { query: { state, session, timeout }, gone }) =>
    wait(hosted, { of: 'session', state, session }, timeout, gone()),
  waitForCount: (hosted, { query, gone }) => {
    const { count, call = '', at_least: atLeast, lpid, timeout } = query
    const counted = count === undefined ? { call } : COUNT_NAME[count]
    return wait(hosted, { of: 'count', count: counted, atLeast, lpid }, timeout, gone())
  },
}
