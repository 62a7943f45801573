/** Fault rules: what goes wrong on purpose. */
import { z } from 'zod'
import { FaultEntry, FaultRule } from '../faults.ts'
import { defineOperation } from './operation.ts'

/** Characters of a preset's name or a rule's id. */
const nameCharsMax = 64

const FaultPath = z.strictObject({ id: z.string().max(nameCharsMax).describe('f1, f2 ...') })
const PresetPath = z.strictObject({
  name: z.string().max(nameCharsMax).describe('As GET /v1/faults/presets has it'),
})
const Rules = z.strictObject({ rules: z.array(FaultEntry) })

export const listFaults = defineOperation({
  method: 'GET',
  route: '/v1/faults',
  tag: 'Faults',
  summary: 'Fault rules in force',
  description:
    'In the order in which they are asked: the first that fires decides, those behind it do not see the call.',
  answer: Rules,
})
export const addFault = defineOperation({
  method: 'POST',
  route: '/v1/faults',
  tag: 'Faults',
  summary: 'Add a fault rule',
  description:
    'It is asked after those that are there. Members that are left out match everything.',
  body: FaultRule,
  status: 201,
  answer: FaultEntry,
  location: (entry) => `/v1/faults/${(entry as z.input<typeof FaultEntry>).id}`,
  problems: ['limit-reached'],
})
export const removeFaults = defineOperation({
  method: 'DELETE',
  route: '/v1/faults',
  tag: 'Faults',
  summary: 'Remove every fault rule',
  description: 'Calls that a rule has put off go on when their time is over. Answers what went.',
  answer: Rules,
})
export const getFault = defineOperation({
  method: 'GET',
  route: '/v1/faults/{id}',
  tag: 'Faults',
  summary: 'One fault rule',
  description: 'With how many calls fitted it, and to how many of them something was done.',
  path: FaultPath,
  answer: FaultEntry,
  problems: ['fault-unknown'],
})
export const removeFault = defineOperation({
  method: 'DELETE',
  route: '/v1/faults/{id}',
  tag: 'Faults',
  summary: 'Remove a fault rule',
  description: 'Answers the rule as it was at the end.',
  path: FaultPath,
  answer: FaultEntry,
  problems: ['fault-unknown'],
})
export const listFaultPresets = defineOperation({
  method: 'GET',
  route: '/v1/faults/presets',
  tag: 'Faults',
  summary: 'Ready-made fault rules',
  description: 'For the races and failures that the code under test should survive.',
  answer: z.strictObject({
    presets: z.array(
      z.strictObject({
        name: z.string(),
        about: z.string().describe('What one sees'),
        rules: z.array(FaultRule),
      }),
    ),
  }),
})
export const addFaultPreset = defineOperation({
  method: 'POST',
  route: '/v1/faults/presets/{name}',
  tag: 'Faults',
  summary: 'Add the rules of a preset',
  description: 'All of them, or none when there is no room for all.',
  path: PresetPath,
  status: 201,
  answer: Rules,
  problems: ['preset-unknown', 'limit-reached'],
})
