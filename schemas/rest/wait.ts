/** Waiting until something is true, so that scripts need not ask again and again. */
import { z } from 'zod'
import { FrameState } from '../../src/uvmem/frame-state.ts'
import { REST_LIMITS } from './limits.ts'
import { defineOperation } from './operation.ts'
import { GfnText, LpidText, numberText } from './values.ts'
import { VmPath } from './vm.ts'

const { waitTimeoutMsMax } = REST_LIMITS

const UNIT_MS = { ms: 1, s: 1_000, min: 60_000 } as const
const TIMEOUT = /^([0-9]{1,6})(ms|s|min)$/
const EXPECTED = 'a time with its unit, 10min at most: 500ms, 30s, 2min'

const Timeout = z
  .string({ error: EXPECTED })
  .regex(TIMEOUT, EXPECTED)
  .transform((text, context): number => {
    const [, count = '', unit = ''] = TIMEOUT.exec(text) ?? []
    const ms = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
    if (ms <= waitTimeoutMsMax) return ms
    context.addIssue({ code: 'custom', message: EXPECTED })
    return z.NEVER
  })
  .prefault('30s')
  .describe(EXPECTED)

const VM_STATES = ['normal', 'transient', 'secure', 'fault', 'gone', 'orphan'] as const
const FRAME_STATES = [
  FrameState.Normal,
  FrameState.Secure,
  FrameState.PagedOut,
  FrameState.Shared,
] as const
const COUNTS = [
  'pages_in',
  'pages_out',
  'pages_shared',
  'frames_secured',
  'frames_changed',
  'faults',
  'refusals',
  'deadlocks',
] as const
export type CountText = (typeof COUNTS)[number]

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, { error: `one of ${names.join(', ')}` })

const Met = z.strictObject({ met: z.literal(true), waited_ms: z.number().min(0) })

const wait = (route: string, summary: string, description: string) => ({
  method: 'GET' as const,
  route,
  tag: 'Wait',
  summary,
  description: `${description} Answers as soon as it is so, at once if it is so already; wait-timeout when the time is over before.`,
  answer: Met,
  problems: ['wait-timeout', 'limit-reached', 'shutting-down'] as const,
})

export const waitForVm = defineOperation({
  ...wait(
    '/v1/vms/{lpid}/wait',
    'Wait for a state of a VM',
    'The VM need not be there yet. gone: there is none; orphan: its ultravisor is gone; fault: it is stopped.',
  ),
  path: VmPath,
  query: z.strictObject({ state: oneOf(VM_STATES), timeout: Timeout }),
})
export const waitForFrame = defineOperation({
  ...wait('/v1/vms/{lpid}/frames/{gfn}/wait', 'Wait for a state of a frame', 'By its GFN.'),
  path: z.strictObject({ lpid: LpidText, gfn: GfnText }),
  query: z.strictObject({ state: oneOf(FRAME_STATES), timeout: Timeout }),
})
export const waitForSession = defineOperation({
  ...wait(
    '/v1/sessions/wait',
    'Wait for an ultravisor',
    'open: a session with that id or name is there; detached: one is, without a connection; attached: one is, with a connection; closed: none is. Without a session: any.',
  ),
  query: z.strictObject({
    state: oneOf(['open', 'attached', 'detached', 'closed']),
    session: z.string().min(1).max(256).optional().describe('Id or name'),
    timeout: Timeout,
  }),
})
export const waitForCount = defineOperation({
  ...wait(
    '/v1/host/counters/wait',
    'Wait until enough has been counted',
    'Of one VM, or of all together when lpid is left out: a number of pages, or of calls that have ended.',
  ),
  query: z
    .strictObject({
      count: oneOf(COUNTS).optional(),
      call: z.string().min(1).max(64).optional().describe('A call or operation, by its name'),
      at_least: numberText(0, Number.MAX_SAFE_INTEGER, 'how many'),
      lpid: LpidText.optional(),
      timeout: Timeout,
    })
    .refine(({ count, call }) => (count === undefined) !== (call === undefined), {
      path: ['count'],
      message: 'count or call, one of them',
    }),
})
