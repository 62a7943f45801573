/**
 * Fault rules: what goes wrong on purpose, when, and how. For REST bodies and rule files alike.
 */
import { z } from 'zod'
import type { CallName } from '../src/abi/calls.ts'
import { asGfn, asLpid, LPID_MAX } from '../src/abi/page.ts'
import { REST_LIMITS } from './rest/limits.ts'
import { integerBody } from './rest/values.ts'

export const { faultRulesMax, faultDelayMsMax } = REST_LIMITS

/** Calls of an ultravisor, by direction: the hypervisor serves them, or makes them. */
const HYPERCALLS = [
  'H_SVM_PAGE_IN',
  'H_SVM_PAGE_OUT',
  'H_SVM_INIT_START',
  'H_SVM_INIT_DONE',
  'H_SVM_INIT_ABORT',
  'H_SVM_TPM_COMM',
  'HDSI',
  'MEM_READ',
  'MEM_WRITE',
] as const satisfies readonly CallName[]
const ULTRACALLS = [
  'UV_REGISTER_MEM_SLOT',
  'UV_UNREGISTER_MEM_SLOT',
  'UV_PAGE_IN',
  'UV_PAGE_OUT',
  'UV_PAGE_INVAL',
  'UV_SVM_TERMINATE',
] as const satisfies readonly CallName[]
/** What a VMM or its host does. */
const OPERATIONS = [
  'destroy',
  'add_slot',
  'remove_slot',
  'flush_slot',
  'svm_off',
  'host_touch',
  'unmap',
  'pin',
  'unpin',
  'guest_fault',
  'vma_unmap',
  'vma_map',
  'ksm_fail',
  'read',
  'write',
  'fill',
] as const

/** What a rule can be about. An ultracall's name means that call in either direction. */
export const FAULT_CALLS = [...HYPERCALLS, ...ULTRACALLS, ...OPERATIONS] as const
export type FaultCall = (typeof FAULT_CALLS)[number]

const isIn = (list: readonly string[], call: string): boolean => list.includes(call)
/** What happens to a call. */
export const FaultAction = z
  .discriminatedUnion('do', [
    z.strictObject({
      do: z.literal('answer'),
      code: integerBody(-(2 ** 31), 2 ** 31 - 1, 'a return code').describe(
        'Answered at once; the call has no effect',
      ),
    }),
    z.strictObject({
      do: z.literal('delay'),
      ms: integerBody(1, faultDelayMsMax, 'milliseconds').describe('Put off by so long'),
    }),
    z
      .strictObject({ do: z.literal('drop') })
      .describe('The call has its effect, its answer is lost'),
    z
      .strictObject({
        do: z.literal('cut'),
        when: z
          .enum(['before', 'after'], { error: 'when: before or after' })
          .describe('before: the call has no effect; after: only its answer is lost'),
      })
      .describe('The connection is cut'),
    z
      .strictObject({ do: z.literal('exhaust-pool') })
      .describe('No device PFN is free as far as this call can see'),
  ])
  .describe('What happens to the call')
export type FaultAction = z.output<typeof FaultAction>

const MATCH = {
  call: z.enum(FAULT_CALLS, { error: 'the name of a call or operation' }),
  lpid: integerBody(1, LPID_MAX, 'the LPID of a guest', asLpid).optional(),
  gfn: integerBody(0, 2 ** 37 - 1, 'the first guest frame number', asGfn).optional(),
  count: integerBody(1, 2 ** 37, 'frames from gfn on').optional(),
  nth: integerBody(1, 2 ** 31, 'only the n-th call that fits, counted from 1').optional(),
  every: integerBody(1, 2 ** 31, 'every n-th call that fits').optional(),
  times: integerBody(1, 2 ** 31, 'so often at most').optional(),
  probability: z
    .number({ error: 'a number from 0 to 1' })
    .min(0, 'a number from 0 to 1')
    .max(1, 'a number from 0 to 1')
    .describe('The share of the calls that fit, by chance')
    .optional(),
  seed: integerBody(0, 2 ** 32 - 1, 'the seed of that chance')
    .optional()
    .describe('Same seed, same calls; 0 when it is left out'),
}

/** Why an action cannot be done to a call; undefined when it can. */
function misfit(call: string, { do: action, ...rest }: FaultAction): string | undefined {
  const isCall = isIn(HYPERCALLS, call) || isIn(ULTRACALLS, call)
  if ((action === 'drop' || action === 'cut') && !isCall) {
    return `${call} is no call of the wire: it has no answer or connection to lose`
  }
  if (call === 'MEM_READ' && 'code' in rest && rest.code === 0) {
    return 'MEM_READ that succeeds has bytes: a rule can only refuse it'
  }
  if (action === 'exhaust-pool' && isIn(ULTRACALLS, call)) {
    return `${call} takes no device PFN`
  }
  return undefined
}

export const FaultRule = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('For people: lists and the journal show it'),
    ...MATCH,
    action: FaultAction,
  })
  .superRefine(({ call, count, gfn, nth, every, action }, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (count !== undefined && gfn === undefined) refuse('count', 'count needs gfn')
    if (nth !== undefined && every !== undefined) refuse('every', 'nth or every, not both')
    const why = misfit(call, action)
    if (why !== undefined) refuse('action', why)
  })
  .describe('A fault rule: members that are left out match everything')
export type FaultRule = z.output<typeof FaultRule>

/** A file of rules. */
export const FaultFile = z
  .strictObject({ rules: z.array(FaultRule).max(faultRulesMax) })
  .describe('Fault rules, in the order in which they are asked')

/** A rule as lists show it. */
export const FaultEntry = z.strictObject({
  id: z.string().describe('Names the rule: f1, f2 ...'),
  rule: FaultRule,
  seen: z.int().min(0).describe('Calls that fitted'),
  hits: z.int().min(0).describe('Calls that something was done to'),
})
