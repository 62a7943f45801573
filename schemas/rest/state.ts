/** The state of the whole host or of one VM: snapshots as files, named checkpoints, reset. */
import { z } from 'zod'
import { REST_LIMITS } from './limits.ts'
import { defineOperation, OCTETS } from './operation.ts'
import { CodeResult } from './result.ts'
import { VmPath } from './vm.ts'

const { checkpointNameCharsMax: nameCharsMax } = REST_LIMITS
const NAME_EXPECTED = `1 to ${nameCharsMax} characters: letters, digits, ".", "_", "-"`

const CheckpointPath = z.strictObject({
  name: z
    .string()
    .max(nameCharsMax, NAME_EXPECTED)
    .regex(/^[A-Za-z0-9._-]+$/, NAME_EXPECTED)
    .describe(NAME_EXPECTED),
})
const Checkpoint = z.strictObject({
  name: z.string(),
  saved_ms: z.number().describe('When it was made, by the clock of uptime_ms'),
  vms: z.int().min(0).describe('VMs in it'),
})

const REPLACES =
  'Every session is closed with HOST_RESET, every call ends, and fault rules are removed.'

export const getSnapshot = defineOperation({
  method: 'GET',
  route: '/v1/snapshot',
  tag: 'State',
  summary: 'The state of the whole host, as a file',
  description:
    'Taken between two operations, while new ones wait: busy when none of those under way ends within 5 s. The file says its version and checksum.',
  answer: OCTETS,
  problems: ['busy'],
})
export const putSnapshot = defineOperation({
  method: 'PUT',
  route: '/v1/snapshot',
  tag: 'State',
  summary: 'Go on from a snapshot of the host',
  description: `It must be of the same profile and pool; one that does not fit changes nothing. ${REPLACES}`,
  body: OCTETS,
  answer: CodeResult,
  problems: ['snapshot-unfit', 'busy', 'limit-reached'],
})
export const getVmSnapshot = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/snapshot',
  tag: 'State',
  summary: 'The state of one VM, as a file',
  description: 'With the content of its pages.',
  path: VmPath,
  answer: OCTETS,
  problems: ['vm-unknown', 'busy'],
})
export const addVmSnapshot = defineOperation({
  method: 'POST',
  route: '/v1/snapshot/vms',
  tag: 'State',
  summary: 'Put the VM of a snapshot beside those that are there',
  description:
    'Its LPID must be free. A VM that was not normal has no ultravisor: it is orphaned until one makes calls for it.',
  body: OCTETS,
  answer: CodeResult,
  problems: ['snapshot-unfit', 'limit-reached', 'busy'],
})
export const listCheckpoints = defineOperation({
  method: 'GET',
  route: '/v1/checkpoints',
  tag: 'State',
  summary: 'States that are kept by name',
  description: 'In memory, until the server ends.',
  answer: z.strictObject({ checkpoints: z.array(Checkpoint) }),
})
export const saveCheckpoint = defineOperation({
  method: 'PUT',
  route: '/v1/checkpoints/{name}',
  tag: 'State',
  summary: 'Keep the state of the host under a name',
  description: 'In place of what had that name.',
  path: CheckpointPath,
  answer: Checkpoint,
  problems: ['limit-reached', 'busy'],
})
export const loadCheckpoint = defineOperation({
  method: 'POST',
  route: '/v1/checkpoints/{name}/load',
  tag: 'State',
  summary: 'Go on from a checkpoint',
  description: `The checkpoint stays. ${REPLACES}`,
  path: CheckpointPath,
  answer: CodeResult,
  problems: ['checkpoint-unknown', 'snapshot-unfit'],
})
export const removeCheckpoint = defineOperation({
  method: 'DELETE',
  route: '/v1/checkpoints/{name}',
  tag: 'State',
  summary: 'Forget a checkpoint',
  description: 'The state of the host stays as it is.',
  path: CheckpointPath,
  answer: CodeResult,
  problems: ['checkpoint-unknown'],
})
export const resetHost = defineOperation({
  method: 'POST',
  route: '/v1/reset',
  tag: 'State',
  summary: 'Begin again',
  description: `With no VM, as at the start; checkpoints stay. ${REPLACES}`,
  answer: CodeResult,
})
