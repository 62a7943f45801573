/** How operations of the VMM and the host end. */
import { z } from 'zod'
import type { ProblemName } from './problem.ts'

/** Success; whatever is none is a problem `refused` with the same two members. */
export const CodeResult = z.strictObject({
  code: z.int().describe('0, or another code that means success'),
  name: z.string().describe('The name of the code'),
})

/** What every operation on a VM may end with. */
export const OPERATION_PROBLEMS = [
  'vm-unknown',
  'refused',
  'host-fault',
] as const satisfies readonly ProblemName[]

const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'OK'],
  [2, 'RESUME_HOST'],
  [-1, 'H_HARDWARE'],
  [-2, 'ENOENT'],
  [-6, 'NOSLOT'],
  [-7, 'SIGBUS'],
  [-11, 'SIGSEGV'],
  [-14, 'EFAULT'],
  [-17, 'EEXIST'],
  [-22, 'EINVAL'],
  [-25, 'ENOTTY'],
])

/** The name of a code of the VMM's and the host's operations; the number when it has none. */
export const hostCodeName = (code: number): string => NAMES.get(code) ?? String(code)
