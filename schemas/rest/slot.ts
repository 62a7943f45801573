/** Memory slots of a VM: list, hot-add, hot-remove, and what happens to the mapping behind one. */
import { z } from 'zod'
import { defineOperation } from './operation.ts'
import { CodeResult, OPERATION_PROBLEMS } from './result.ts'
import { flagText, GPA_END, Hex, integerBody, LpidText, SlotIdText } from './values.ts'
import { SlotWish, VmPath } from './vm.ts'

const SlotPath = z.strictObject({ lpid: LpidText, slot: SlotIdText })
const SLOT_PROBLEMS = [...OPERATION_PROBLEMS, 'slot-unknown'] as const

export const SlotFacts = z.strictObject({
  id: z.int(),
  gpa: Hex.describe('Where it begins'),
  size: Hex.describe('Bytes'),
  pages: z.int(),
  mapped: z.boolean().describe('False once its VMA was unmapped'),
  ksm_error: z.int().describe('What switching page merging off answers; 0 is success'),
})

export const listSlots = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/slots',
  tag: 'Memory slots',
  summary: 'Memory slots by ascending id',
  description: 'All of them: a VM has 512 at most, or slotsPerVmMax.',
  path: VmPath,
  answer: z.strictObject({ slots: z.array(SlotFacts) }),
  problems: ['vm-unknown'],
})
export const addSlot = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/slots',
  tag: 'Memory slots',
  summary: 'Add a memory slot',
  description:
    'Hotplug when the VM is in transition or secure: uvmem is what the uvmem code answered then, which the kernel ignores.',
  path: VmPath,
  body: SlotWish.refine(({ gpa, size }) => (gpa ?? 0) + size <= GPA_END, {
    path: ['size'],
    message: 'an end below 2^53',
  }),
  status: 201,
  answer: z.strictObject({ slot: SlotFacts, uvmem: CodeResult }),
  problems: [...OPERATION_PROBLEMS, 'limit-reached'],
})
export const removeSlot = defineOperation({
  method: 'DELETE',
  route: '/v1/vms/{lpid}/slots/{slot}',
  tag: 'Memory slots',
  summary: 'Remove a memory slot',
  description:
    'Its device pages are dropped and the ultravisor is told, as far as the VM is not normal.',
  path: SlotPath,
  query: z.strictObject({
    munmap: flagText('whether the memory behind it goes as well').prefault('true'),
  }),
  answer: CodeResult,
  problems: SLOT_PROBLEMS,
})
export const flushSlot = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/slots/{slot}/flush',
  tag: 'Memory slots',
  summary: 'Flush a memory slot',
  description: 'What a toggle of dirty logging does: device pages are dropped without page-out.',
  path: SlotPath,
  answer: CodeResult,
  problems: SLOT_PROBLEMS,
})
export const unmapSlot = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/slots/{slot}/unmap',
  tag: 'Memory slots',
  summary: 'Unmap the memory behind a slot',
  description: 'munmap() of its whole VMA. The slot stays.',
  path: SlotPath,
  answer: CodeResult,
  problems: SLOT_PROBLEMS,
})
export const mapSlot = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/slots/{slot}/map',
  tag: 'Memory slots',
  summary: 'Map memory behind a slot again',
  description: 'mmap() of a fresh VMA with nothing in it.',
  path: SlotPath,
  answer: CodeResult,
  problems: SLOT_PROBLEMS,
})
export const failKsm = defineOperation({
  method: 'POST',
  route: '/v1/vms/{lpid}/slots/{slot}/ksm',
  tag: 'Memory slots',
  summary: 'Let page merging fail to be switched off',
  description: 'What ksm_madvise(MADV_UNMERGEABLE) answers for this slot from now on.',
  path: SlotPath,
  body: z.strictObject({ error: integerBody(-4_095, 0, 'a negative errno, or 0 for success') }),
  answer: CodeResult,
  problems: SLOT_PROBLEMS,
})
