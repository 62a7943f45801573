/** Guest frames: runs of them by state, one in detail, and what the host does to one. */
import { z } from 'zod'
import { FrameState } from '../../src/uvmem/frame-state.ts'
import { REST_LIMITS } from './limits.ts'
import { defineOperation } from './operation.ts'
import { CodeResult, OPERATION_PROBLEMS } from './result.ts'
import { FrameChangeFacts } from './transition.ts'
import { GfnText, Hex, LpidText, numberText } from './values.ts'
import { VmPath } from './vm.ts'

const STATES = [
  FrameState.Normal,
  FrameState.Secure,
  FrameState.PagedOut,
  FrameState.Shared,
] as const
const StateName = z
  .enum(STATES, { error: `a state: one of ${STATES.join(', ')}` })
  .describe("The hypervisor's state of a frame")
const MAPS = ['nothing', 'frame', 'device'] as const
const FramePath = z.strictObject({ lpid: LpidText, gfn: GfnText })

export const FrameRun = z.strictObject({
  from: z.int().describe('First GFN'),
  count: z.int().min(1).describe('Frames'),
  state: StateName,
  pfn: z.int().nullable().optional().describe('Device PFN of the first frame; the rest count up'),
  maps: z.enum(MAPS).optional().describe('What the host maps'),
  ra: Hex.nullable().optional().describe('RA of the first frame; the rest follow'),
})

export const FrameFacts = z.strictObject({
  gfn: z.int(),
  gpa: Hex,
  slot: z.int().describe('Id of its memory slot'),
  state: StateName,
  tracked: z.boolean().describe('A uvmem slot covers it'),
  pfn: z.int().nullable().describe('Device PFN of a secure frame'),
  host: z
    .strictObject({
      maps: z.enum(MAPS),
      ra: Hex.nullable().describe('Of the normal frame'),
      pfn: z.int().nullable().describe('Of the device page'),
      content: z.enum(['zeros', 'tag', 'bytes']).nullable().describe('Of the normal frame'),
      swapped: z.boolean().describe('Its content was reclaimed'),
    })
    .describe('What the host maps'),
  pinned: z.boolean(),
  history: z.array(FrameChangeFacts).describe('Its last changes of state, newest first'),
})

export const listFrames = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/frames',
  tag: 'Frames',
  summary: 'Frames as runs of one state',
  description:
    'Ascending; frames in no memory slot are left out. next is what from must be for the following page, or null; an answer may hold fewer runs than limit, even none, and still have a next.',
  path: VmPath,
  query: z.strictObject({
    from: GfnText.optional().describe('First GFN to look at'),
    limit: numberText(1, REST_LIMITS.runsPerAnswerMax, 'runs in one answer').prefault('1000'),
    state: StateName.optional(),
    by: z
      .enum(['state', 'backing'], { error: 'one of state, backing' })
      .default('state')
      .describe('backing: a run ends also where PFNs or RAs stop counting up, and shows them'),
  }),
  answer: z.strictObject({ runs: z.array(FrameRun), next: z.int().nullable() }),
  problems: ['vm-unknown'],
})
export const countFrames = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/frames/counts',
  tag: 'Frames',
  summary: 'How many frames are in each state',
  description: 'Counted over all memory slots. Calls go on while a big VM is counted.',
  path: VmPath,
  answer: z.strictObject({
    normal: z.int(),
    secure: z.int(),
    paged_out: z.int(),
    shared: z.int(),
  }),
  problems: ['vm-unknown'],
})
export const getFrame = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/frames/{gfn}',
  tag: 'Frames',
  summary: 'One frame in detail',
  description: 'Looks without touching: nothing is paged out.',
  path: FramePath,
  answer: FrameFacts,
  problems: ['vm-unknown', 'frame-unknown'],
})

const frameOperation = (name: string, summary: string, description: string) => ({
  method: 'POST' as const,
  route: `/v1/vms/{lpid}/frames/{gfn}/${name}`,
  tag: 'Host operations',
  summary,
  description,
  path: FramePath,
  answer: CodeResult,
  problems: OPERATION_PROBLEMS,
})

export const touchFrame = defineOperation(
  frameOperation(
    'touch',
    'Touch a frame',
    'The host writes to it: a secure frame is paged out, one never touched gets zeros.',
  ),
)
export const unmapFrame = defineOperation({
  ...frameOperation(
    'unmap',
    'Unmap a frame',
    'Its mapping goes; after H_SVM_INIT_DONE the ultravisor gets UV_PAGE_INVAL.',
  ),
  body: z.strictObject({
    how: z
      .enum(['reclaim', 'discard'], { error: 'one of reclaim, discard' })
      .describe('reclaim keeps the content (swap), discard does not (MADV_DONTNEED)'),
  }),
})
export const pinFrame = defineOperation(
  frameOperation('pin', 'Pin a frame', 'The host holds it for good: it cannot be migrated.'),
)
export const unpinFrame = defineOperation(
  frameOperation('unpin', 'Let a pinned frame go', 'It can be migrated again.'),
)
export const faultFrame = defineOperation(
  frameOperation(
    'guest-fault',
    'Let the guest fault on a frame',
    'A page fault that reaches the hypervisor: 0 RESUME_GUEST, 2 RESUME_HOST (emulate MMIO).',
  ),
)
