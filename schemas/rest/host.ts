/** The host: facts, limits, sessions, and whether it is well. */
import { z } from 'zod'
import { LIMITS, type LimitName } from '../limits.ts'
import { defineOperation, METRICS_TEXT } from './operation.ts'
import { flagBody } from './values.ts'

const count = (what: string) => z.int().min(0).describe(what)

const limits = Object.fromEntries(
  (Object.keys(LIMITS) as LimitName[]).map((name) => [name, count(name)]),
) as Record<LimitName, ReturnType<typeof count>>

export const HostFacts = z.strictObject({
  version: z.string().describe('Of this program'),
  profile: z.string().describe('Whose behaviour the hypervisor shows'),
  page_bytes: count('Bytes in a page'),
  pool: z
    .strictObject({ size: count('Device pages'), used: count('In use'), free: count('Free') })
    .describe('Device pages: one for every page of secure memory'),
  frames: z
    .strictObject({
      total: count('Pages in all memory slots'),
      used: count('Frames of normal memory in use'),
      denied: z.boolean().describe('While true no page-out finds a normal frame'),
    })
    .describe('Normal memory'),
  vms: count('VMs'),
  sessions: count('Ultravisors that have a session, with a connection or without'),
  detached: z
    .strictObject({
      sessions: count('Sessions without a connection'),
      ms_left: z
        .number()
        .nullable()
        .describe('Milliseconds until the first of them is given up; null: there is none'),
    })
    .describe('Sessions that wait for another connection'),
  deadlocks: count('Calls that were refused because they would have waited for themselves'),
  uptime_ms: z.number().min(0),
  limits: z.strictObject(limits).describe('By name; schemas/README.md says what each is'),
})

export const Session = z.strictObject({
  id: z.string(),
  name: z.string().describe('As the client calls itself'),
  open_ms: z.number().describe('Milliseconds since it was opened'),
  lpids: z.array(z.int()).describe('VMs that it serves'),
  state: z
    .enum(['attached', 'detached'])
    .describe('detached: its connection broke, and it waits for another one'),
  ms_left: z
    .number()
    .nullable()
    .describe('Milliseconds until it is given up; null: it has a connection'),
  resumes: count('How often it went on over another connection'),
})

export const getHost = defineOperation({
  method: 'GET',
  route: '/v1/host',
  tag: 'Host',
  summary: 'Facts about the host',
  description: 'Version, behaviour profile, use of secure and normal memory, and every limit.',
  answer: HostFacts,
})
export const getMetrics = defineOperation({
  method: 'GET',
  route: '/metrics',
  tag: 'Host',
  summary: 'Metrics for Prometheus',
  description:
    'Calls by code, latencies as histograms, frames by state, secure memory, sessions, queues, send buffers, the process; series for each VM only where the server was started with --metrics-per-vm.',
  answer: METRICS_TEXT,
})
export const denyFrames = defineOperation({
  method: 'POST',
  route: '/v1/host/deny-frames',
  tag: 'Host',
  summary: 'Let allocations of normal frames fail',
  description: 'While denied, no page-out finds a normal frame: alloc_page_vma() fails.',
  body: z.strictObject({ denied: flagBody('whether page-outs find no frame from now on') }),
  answer: z.strictObject({ denied: z.boolean() }),
})
export const Violation = z.strictObject({
  invariant: z.string().describe('What should hold'),
  lpid: z.int().optional(),
  gfn: z.int().optional().describe('The first frame it is about'),
  pfn: z.int().optional().describe('The first device page it is about'),
  frame: z.int().optional().describe('The first frame of normal memory it is about'),
  count: z.int().min(1).describe('How many in a row'),
  defect: z.string().optional().describe('The defect of the profile that explains it'),
})
export const getInvariants = defineOperation({
  method: 'GET',
  route: '/v1/host/invariants',
  tag: 'Host',
  summary: 'Check what must always hold',
  description:
    'Looks over the whole state. quiet is false while operations are under way: then a violation may be one that the operation is about to mend. unexplained counts those that no known defect of the profile explains.',
  answer: z.strictObject({
    quiet: z.boolean(),
    unexplained: z.int().min(0),
    violations: z.array(Violation),
  }),
})
export const listSessions = defineOperation({
  method: 'GET',
  route: '/v1/sessions',
  tag: 'Host',
  summary: 'Sessions of ultravisors',
  description:
    'Every session, oldest first: those with a connection, and those whose connection broke and that wait for another one.',
  answer: z.strictObject({ sessions: z.array(Session) }),
})
export const getLive = defineOperation({
  method: 'GET',
  route: '/livez',
  tag: 'Health',
  summary: 'The process is alive',
  description: 'Answers as long as the event loop turns. Needs no token.',
  answer: z.strictObject({ status: z.literal('ok') }),
})
export const getReady = defineOperation({
  method: 'GET',
  route: '/readyz',
  tag: 'Health',
  summary: 'The server takes calls',
  description: 'Ready from the first answer until the server is told to stop. Needs no token.',
  answer: z.strictObject({ status: z.literal('ready') }),
  problems: ['shutting-down'],
})
export const getAsyncApi = defineOperation({
  method: 'GET',
  route: '/asyncapi.json',
  tag: 'Health',
  summary: 'The WebSocket for ultravisors, described',
  description: 'AsyncAPI 3, made of the schemas that the server validates messages with.',
  answer: z.record(z.string(), z.unknown()),
})
export const getOpenApi = defineOperation({
  method: 'GET',
  route: '/openapi.json',
  tag: 'Health',
  summary: 'This document',
  description: 'OpenAPI 3.1, made of the schemas that the server validates with.',
  answer: z.record(z.string(), z.unknown()),
})
