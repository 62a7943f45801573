/** VMs: list, create, one, delete, reset. */
import { z } from 'zod'
import { asGpa, asSlotId, gfnOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { REST_LIMITS } from './limits.ts'
import { defineOperation } from './operation.ts'
import { FaultValue } from './problem.ts'
import { CodeResult, OPERATION_PROBLEMS } from './result.ts'
import {
  flagBody,
  GPA_END,
  LpidBody,
  LpidText,
  numberText,
  PageGpaBody,
  SlotIdBody,
  sizeBody,
} from './values.ts'

export const VmPath = z.strictObject({ lpid: LpidText })

export const VmFacts = z.strictObject({
  lpid: z.int(),
  state: z
    .enum(['normal', 'transient', 'secure'])
    .describe('transient: between H_SVM_INIT_START and H_SVM_INIT_DONE'),
  secure_guest: z.int().describe('Flags of the kernel: 1 INIT_START, 2 INIT_DONE'),
  radix: z.boolean().describe('Only radix VMs can turn secure'),
  svm_enabled: z.boolean().describe('KVM_CAP_PPC_SECURE_GUEST is on'),
  session: z.string().nullable().describe('The session that serves it'),
  orphaned: z.boolean().describe('It is not normal and its ultravisor is gone'),
  fault: FaultValue.nullable().describe('Set once the real kernel would have hung or crashed'),
  slots: z.int().describe('Memory slots'),
  frames: z.int().describe('Pages in all memory slots'),
  pinned: z.int().describe('Pages that the host holds for good'),
  uvmem_slots: z.int().describe('Entries of the list of uvmem slots'),
  operations: z.int().describe('Operations that are under way or wait for their turn'),
})

/** A memory slot to make. */
export const SlotWish = z.strictObject({
  id: SlotIdBody.optional().describe('The lowest free one when it is left out'),
  gpa: PageGpaBody.optional().describe('Behind the slots before it when it is left out'),
  size: sizeBody('the size of the slot'),
})
type SlotWish = z.output<typeof SlotWish>

/** Ids and addresses that were left out are filled in, in the order of the list. */
function placeSlots(wishes: readonly SlotWish[], context: z.RefinementCtx) {
  const taken = new Set(wishes.map(({ id }) => id))
  let nextId = 0
  let end = 0
  const slots = wishes.map(({ id, gpa, size }, index) => {
    while (id === undefined && taken.has(asSlotId(nextId))) nextId++
    const slot = { id: id ?? asSlotId(nextId++), gpa: gpa ?? asGpa(end), size }
    end = Math.max(end, slot.gpa + size)
    if (slot.gpa + size > GPA_END) complain(context, [index, 'size'], 'an end below 2^53')
    return { ...slot, base: gfnOf(slot.gpa), pages: size / PAGE_SIZE }
  })
  const ids = new Set(slots.map(({ id }) => id))
  if (ids.size < slots.length) complain(context, [], 'slots with an id of their own each')
  const sorted = [...slots].sort((a, b) => a.gpa - b.gpa)
  const overlap = sorted.find(({ gpa }, at) => {
    const before = sorted[at - 1]
    return before !== undefined && before.gpa + before.size > gpa
  })
  if (overlap !== undefined)
    complain(context, [slots.indexOf(overlap), 'gpa'], 'slots that do not overlap')
  return slots
}

const complain = (context: z.RefinementCtx, path: PropertyKey[], message: string): void =>
  context.addIssue({ code: 'custom', path, message })

export const listVms = defineOperation({
  method: 'GET',
  route: '/v1/vms',
  tag: 'VMs',
  summary: 'VMs by ascending LPID',
  description: 'One page of the list; next is what after must be for the following page, or null.',
  query: z.strictObject({
    after: numberText(0, 4_095, 'an LPID').optional().describe('Only VMs with a higher LPID'),
    limit: numberText(1, REST_LIMITS.vmsPerAnswerMax, 'VMs in one answer').prefault('100'),
  }),
  answer: z.strictObject({ vms: z.array(VmFacts), next: z.int().nullable() }),
})
export const createVm = defineOperation({
  method: 'POST',
  route: '/v1/vms',
  tag: 'VMs',
  summary: 'Create a VM',
  description: 'A normal VM with memory slots. Location says where it is.',
  body: z.strictObject({
    lpid: LpidBody.optional().describe('The lowest free one when it is left out'),
    radix: flagBody('whether the VM uses radix page tables').default(true),
    svm_enabled: flagBody('whether KVM_CAP_PPC_SECURE_GUEST is on').default(true),
    slots: z
      .array(SlotWish, { error: 'a list of memory slots' })
      .max(65_536, 'at most 65536 memory slots')
      .transform(placeSlots)
      .prefault([]),
  }),
  status: 201,
  answer: VmFacts,
  location: (answer) => `/v1/vms/${VmFacts.parse(answer).lpid}`,
  problems: ['vm-exists', 'limit-reached', 'host-fault', 'refused'],
})
export const getVm = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}',
  tag: 'VMs',
  summary: 'One VM',
  description: 'Its state, who serves it, and how big it is.',
  path: VmPath,
  answer: VmFacts,
  problems: ['vm-unknown'],
})
export const deleteVm = defineOperation({
  method: 'DELETE',
  route: '/v1/vms/{lpid}',
  tag: 'VMs',
  summary: 'Destroy a VM',
  description:
    'Its memory goes, UV_SVM_TERMINATE is called unless it is normal, its PFNs come back.',
  path: VmPath,
  answer: CodeResult,
  problems: OPERATION_PROBLEMS,
})
export const resetVm = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/reset',
  tag: 'VMs',
  summary: 'Reset a VM to normal (KVM_PPC_SVM_OFF)',
  description: 'What a reboot does first. Nothing happens to a VM that is normal.',
  path: VmPath,
  answer: CodeResult,
  problems: OPERATION_PROBLEMS,
})
