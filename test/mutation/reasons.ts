/** Mutants that live for a reason: no test could tell them from the code as it is. */
import type { Reason } from './report.ts'

const PAGE_IN = 'src/uvmem/hcalls/page-in.ts'
const SWAP = 'region.swap.size > 0 && region.swap.has(index)'

export const REASONS: readonly Reason[] = [
  {
    file: PAGE_IN,
    original: SWAP,
    replacement: 'region.swap.size > 0 || region.swap.has(index)',
    why: 'a page that is not in swap is brought in already: to bring it in again changes nothing',
  },
  {
    file: PAGE_IN,
    original: 'region.swap.size > 0',
    replacement: 'true',
    why: 'only saves time: an empty set has no page',
  },
  {
    file: PAGE_IN,
    original: 'region.swap.size > 0',
    replacement: 'region.swap.size >= 0',
    why: 'only saves time: an empty set has no page',
  },
  {
    file: PAGE_IN,
    original: 'gpa !== gpaOf(gfn)',
    replacement: 'true',
    why: 'only saves memory: without a note the GPA is that of the GFN',
  },
  {
    file: PAGE_IN,
    original: "'the promised device page'",
    replacement: '""',
    why: 'the text of a mistake of ours that never happens',
  },
]
