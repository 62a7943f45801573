/** What has happened: the journal and its live stream, counters, the history of a frame. */
import { z } from 'zod'
import { REST_LIMITS } from './limits.ts'
import { defineOperation, EVENTS } from './operation.ts'
import { ReasonValue } from './problem.ts'
import { FrameChangeFacts, JournalState as State } from './transition.ts'
import { flagText, GfnText, LpidText, numberText } from './values.ts'
import { VmPath } from './vm.ts'

export const { journalEventsPerAnswerMax, journalBacklogMax, streamEventsMax } = REST_LIMITS
/** Milliseconds between two messages of the stream, at least. */
export const streamPauseMs = 100
/** Milliseconds after which a stream on which nothing happens shows that it is alive. */
export const streamQuietMsMax = 15_000

const serial = numberText(0, Number.MAX_SAFE_INTEGER, 'a serial of the journal')
/** What an event of the journal can be. */
export const JOURNAL_KINDS = [
  'hypercall',
  'ultracall',
  'operation',
  'memory',
  'frames',
  'vm',
  'refusal',
  'session',
  'fault',
] as const
const Kind = z
  .enum(JOURNAL_KINDS, { error: `one of ${JOURNAL_KINDS.join(', ')}` })
  .describe('frames and vm are changes of state, memory a load or store of an ultravisor')
const CODE = /^-?[0-9]{1,10}$/
const MESSAGE_ID = /^[A-Za-z0-9_-]{0,16}\.[0-9]{1,15}$/
const MESSAGE_ID_EXPECTED = 'the id of a message of the stream'
const CODE_EXPECTED = 'a code: a decimal number'

export const JournalEventFacts = z.strictObject({
  serial: z.int().describe('Counts up from 1, in the order in which calls began'),
  kind: Kind,
  time_ms: z.number().describe('When it began, by the clock of uptime_ms'),
  parent: z.int().describe('Serial of the event in whose context it happened; 0 for none'),
  first: z.int().describe('Serial that a long call had before its record was overwritten; or 0'),
  lpid: z.int().describe('0 when it is about no VM'),
  call: z.string().describe('The call or operation; of a transition: what caused it'),
  gfn: z.int().nullable(),
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  end: z.enum(['open', 'done', 'fault', 'gone', 'error']).describe('How far a call has come'),
  code: z.int().nullable(),
  name: z.string().nullable().describe('The name of the code'),
  reason: ReasonValue.nullable().describe('The check of the real code that said no'),
  error: z.string().nullable().describe('The error of the wire, or the host fault'),
  note: z.string().nullable().describe('What the event leaves out'),
  duration_ms: z.number().nullable(),
  from: State.nullable(),
  to: State.nullable(),
  count: z.int().nullable().describe('Frames of a transition'),
})

const filter = {
  lpid: LpidText.optional(),
  gfn: GfnText.optional().describe('Events about this frame, also as one of a run'),
  call: z.string().min(1).max(64).optional().describe('A call or operation by its name'),
  code: z.string().regex(CODE, CODE_EXPECTED).transform(Number).optional().describe(CODE_EXPECTED),
  kind: Kind.optional(),
  refused: flagText('whether it was refused').optional(),
}

export const listJournal = defineOperation({
  method: 'GET',
  route: '/v1/journal',
  tag: 'Journal',
  summary: 'What has happened lately',
  description:
    'Every call, operation and change of state that the ring still holds, with its stack (parent) and the reason of each refusal. more says that the limit cut the answer short.',
  query: z.strictObject({
    ...filter,
    since: serial.optional().describe('Only serials above this one'),
    before: serial.optional().describe('Only serials below this one'),
    limit: numberText(1, journalEventsPerAnswerMax, 'events in one answer').prefault('100'),
    order: z.enum(['newest', 'oldest'], { error: 'one of newest, oldest' }).default('newest'),
  }),
  answer: z.strictObject({
    events: z.array(JournalEventFacts),
    oldest: z.int().describe('The oldest serial that is kept'),
    last: z.int().describe('The newest one; 0 when there is none'),
    more: z.boolean(),
  }),
})
export const followJournal = defineOperation({
  method: 'GET',
  route: '/v1/journal/stream',
  tag: 'Journal',
  summary: 'What happens, as it happens',
  description:
    'Server-sent events, at most ten a second: each is {"events": [...], "lost": n} with events as in /v1/journal, in the order in which they ended, and how many more there were than it holds. A call is told when it has ended. Who connects again with the id of the last message (Last-Event-ID, or since) is told what has ended in between, each event once, as far as the ring still has it; the rest is counted as lost. With an id of another run of the server everything is news.',
  query: z.strictObject({
    ...filter,
    backlog: numberText(0, journalBacklogMax, 'events from before to begin with').prefault('0'),
    since: z
      .string()
      .regex(MESSAGE_ID, MESSAGE_ID_EXPECTED)
      .optional()
      .describe('The id of the last message that was seen'),
    most: numberText(1, streamEventsMax, 'events in one message').prefault('200'),
  }),
  answer: EVENTS,
  problems: ['limit-reached'],
})

const CallCounts = z
  .array(
    z.strictObject({
      call: z.string(),
      code: z
        .union([z.int(), z.enum(['other', 'error'])])
        .describe('other: codes past the first 31; error: it ended without a code'),
      name: z.string().describe('The name of the code'),
      count: z.int(),
    }),
  )
  .describe('Calls and operations that have ended')
const PageCounts = z.strictObject({
  pages_in: z.int().describe('Brought into secure memory by UV_PAGE_IN'),
  pages_out: z.int().describe('Brought back by UV_PAGE_OUT'),
  pages_shared: z.int().describe('Made shared by UV_PAGE_IN'),
  frames_secured: z.int().describe('Made secure without an ultracall'),
  frames_changed: z.int().describe('Frames that went from one state to another'),
  faults: z.int().describe('Host faults'),
  refusals: z.int().describe('Calls that were refused with an error of the wire'),
  deadlocks: z.int().describe('Those that would have waited for themselves'),
})

export const getHostCounters = defineOperation({
  method: 'GET',
  route: '/v1/host/counters',
  tag: 'Journal',
  summary: 'What has been counted since the start',
  description: 'All VMs together, those that are gone among them.',
  answer: z.strictObject({
    calls: CallCounts,
    pages: PageCounts,
    queue_max: z.int().describe('Operations of one VM at once, at most'),
    pool_max: z.int().describe('Device pages in use at once, at most'),
    sessions_opened: z.int(),
    sessions_closed: z.int(),
    sessions_resumed: z.int().describe('Connections that took the place of another one'),
    bounds_us: z.array(z.int()).describe('Upper bounds of the buckets; the last bucket has none'),
    latencies: z.array(
      z.strictObject({
        call: z.string(),
        count: z.int(),
        sum_us: z.number(),
        max_us: z.number(),
        buckets: z.array(z.int()),
      }),
    ),
  }),
})
export const getVmCounters = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/counters',
  tag: 'Journal',
  summary: 'What has been counted of a VM',
  description: 'Since it was created.',
  path: VmPath,
  answer: z.strictObject({ calls: CallCounts, pages: PageCounts, queue_max: z.int() }),
  problems: ['vm-unknown'],
})
export const getFrameHistory = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/frames/{gfn}/history',
  tag: 'Journal',
  summary: 'What became of a frame lately',
  description: 'Its last changes of state, newest first, as far as they are kept.',
  path: z.strictObject({ lpid: LpidText, gfn: GfnText }),
  answer: z.strictObject({ changes: z.array(FrameChangeFacts) }),
  problems: ['vm-unknown', 'frame-unknown'],
})
