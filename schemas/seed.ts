/** What a host begins with: VMs, their memory, what lies in it, and fault rules. For `--seed-file`. */
import { z } from 'zod'
import { PAGE_SIZE } from '../src/abi/page.ts'
import { FaultRule, faultRulesMax } from './faults.ts'
import { LIMITS } from './limits.ts'
import {
  flagBody,
  GPA_END,
  GpaBody,
  LpidBody,
  PageGpaBody,
  SlotIdBody,
  sizeBody,
  TagBody,
  wordBody,
} from './rest/values.ts'

/** Images and fills of one VM. */
export const seedPartsMax = 1_024
/** Characters of an image's path. */
const pathCharsMax = 4_096

const Slot = z
  .strictObject({
    id: SlotIdBody.optional().describe('Counts up from 0 when it is left out'),
    gpa: PageGpaBody.optional().describe('Behind the slot before when it is left out'),
    size: sizeBody('the size of the slot in bytes'),
  })
  .describe('A memory slot')

const Image = z
  .strictObject({
    gpa: GpaBody.describe('Where its first byte lies'),
    path: z
      .string()
      .min(1)
      .max(pathCharsMax)
      .describe('A file; relative paths begin at the seed file'),
  })
  .describe('A file that is loaded into normal memory')

const Fill = z
  .strictObject({
    gpa: PageGpaBody,
    size: sizeBody('how many bytes to fill'),
    tag: TagBody.describe('What the first page holds'),
    step: wordBody(0, GPA_END, 'what each page has more than the one before').optional(),
  })
  .describe('Pages that each hold a tag: content that nobody wants to carry')

const SeedVm = z
  .strictObject({
    lpid: LpidBody,
    radix: flagBody('a radix VM; only such can turn secure').optional(),
    svm_enabled: flagBody('the VMM has switched secure guests on').optional(),
    slots: z.array(Slot).max(LIMITS.slotsPerVmMax),
    images: z.array(Image).max(seedPartsMax).optional(),
    fills: z.array(Fill).max(seedPartsMax).optional(),
  })
  .describe('A VM')

export const SeedFile = z
  .strictObject({
    vms: z.array(SeedVm).max(LIMITS.vmsMax).optional(),
    faults: z.array(FaultRule).max(faultRulesMax).optional(),
  })
  .superRefine(({ vms = [] }, context) => {
    const seen = new Set<number>()
    for (const [i, { lpid }] of vms.entries()) {
      if (seen.has(lpid)) {
        const message = `VM ${lpid} is there twice`
        context.addIssue({ code: 'custom', path: ['vms', i, 'lpid'], message })
      }
      seen.add(lpid)
    }
  })
  .describe('What a host begins with')
export type SeedFile = z.output<typeof SeedFile>

/** Pages of a size that is a multiple of 64 KiB. */
export const pagesOf = (size: number): number => size / PAGE_SIZE
