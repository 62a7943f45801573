/**
 * What `uvmem demo` and its ultravisor process say to each other: one JSON document a line,
 * requests on the agent's stdin, answers with the same id on its stdout. Bytes are base64.
 */
import { z } from 'zod'
import { asGfn, asGpa, asLpid } from '../abi/page.ts'

const lpid = z.int().min(1).max(4_095).transform(asLpid)
const gpa = z.int().min(0).transform(asGpa)
const gfn = z.int().min(0).transform(asGfn)
const bytes = z.base64().transform((text): Uint8Array => Buffer.from(text, 'base64'))
export const toBase64 = (value: Uint8Array): string => Buffer.from(value).toString('base64')

/** Each thing that an agent does, by name: what it needs and what it gives. */
export const AGENT = {
  esm: {
    asks: z.strictObject({
      lpid,
      kernel_base: gpa,
      tree: gpa,
      strategy: z.enum(['necessary', 'all']),
    }),
    gives: z.strictObject({
      kind: z.string(),
      ret: z.int().optional(),
      step: z.string().optional(),
      why: z.string().optional(),
      hypercalls: z.int(),
      page_ins: z.int(),
      shares: z.int(),
    }),
  },
  store: {
    asks: z.strictObject({ lpid, gpa, bytes }),
    gives: z.strictObject({ kind: z.string(), ret: z.int().optional() }),
  },
  load: {
    asks: z.strictObject({ lpid, gpa, length: z.int().min(1) }),
    gives: z.strictObject({ kind: z.string(), ret: z.int().optional(), bytes: bytes.optional() }),
  },
  share: {
    asks: z.strictObject({ lpid, gfn, num: z.int().min(1) }),
    gives: z.strictObject({ kind: z.string(), ret: z.int().optional() }),
  },
  unshare: {
    asks: z.strictObject({ lpid, gfn, num: z.int().min(1) }),
    gives: z.strictObject({ kind: z.string(), ret: z.int().optional() }),
  },
  unshareAll: {
    asks: z.strictObject({ lpid }),
    gives: z.strictObject({ kind: z.string(), ret: z.int().optional() }),
  },
  look: {
    asks: z.strictObject({ lpid }),
    gives: z.strictObject({
      life: z.enum(['none', 'active', 'secure', 'abort']),
      runs: z.array(z.strictObject({ from: z.int(), count: z.int(), state: z.string() })),
      hypercalls: z.int(),
      ultracalls: z.int(),
      pages_taken: z.int(),
      pages_given: z.int(),
      /** Rules that do not hold and that no known defect of the profile explains. */
      violations: z.array(z.string()),
      /** Ultracalls that were not answered with success since the last look. */
      refused: z.array(z.string()),
    }),
  },
} as const

export type AgentTask = keyof typeof AGENT
export type AgentAsks<Task extends AgentTask> = z.input<(typeof AGENT)[Task]['asks']>
/** What the agent works with. */
export type AgentAsked<Task extends AgentTask> = z.output<(typeof AGENT)[Task]['asks']>
/** What the agent says. */
export type AgentSays<Task extends AgentTask> = z.input<(typeof AGENT)[Task]['gives']>
export type AgentGives<Task extends AgentTask> = z.output<(typeof AGENT)[Task]['gives']>

const TASKS = Object.keys(AGENT) as [AgentTask, ...AgentTask[]]

export const AgentRequest = z.strictObject({
  id: z.int().min(1),
  task: z.enum(TASKS),
  asks: z.unknown(),
})
export const AgentReply = z.union([
  z.strictObject({ id: z.int(), gives: z.unknown() }),
  z.strictObject({ id: z.int(), error: z.string() }),
])
/** The agent's first line. */
export const AgentReady = z.strictObject({ event: z.literal('ready'), session: z.string() })
