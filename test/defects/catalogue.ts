/**
 * The catalogue of what the real code does wrong: hv.md section 5, uv.md section 6, and what has
 * been found since.
 */
import { searchCost } from '../../src/lab/allocator.ts'
import type { Defect, Unrepeated } from './defect.ts'
import { HV_LIFE_DEFECTS } from './hv-life-defects.ts'
import { HV_OLDER_LIFE_DEFECTS } from './hv-older-life-defects.ts'
import { HV_OLDER_PAGE_DEFECTS } from './hv-older-page-defects.ts'
import { HV_PAGE_DEFECTS } from './hv-page-defects.ts'
import { UV_PAGE_DEFECTS } from './uv-page-defects.ts'
import { UV_SHARE_DEFECTS } from './uv-share-defects.ts'
import { UV_SLOT_DEFECTS } from './uv-slot-defects.ts'

/** Defects with a story, each to be seen by `npm run defects -- ID`. */
export const DEFECTS: readonly Defect[] = [
  ...HV_LIFE_DEFECTS,
  ...HV_PAGE_DEFECTS,
  ...HV_OLDER_LIFE_DEFECTS,
  ...HV_OLDER_PAGE_DEFECTS,
  ...UV_PAGE_DEFECTS,
  ...UV_SLOT_DEFECTS,
  ...UV_SHARE_DEFECTS,
]

/** Defects that no switch brings back. */
export const UNREPEATED: readonly Unrepeated[] = [
  {
    id: 'hv.free-pfn-search',
    side: 'hv',
    what: 'The search for a free PFN begins at bit 0, under a lock, for every page.',
    where: 'kvmppc_uvmem_get_page(), find_first_zero_bit()',
    consequence:
      'Filling a pool is quadratic: 1,638,400 pages (100 GB) take 6 to 10 s in H_SVM_INIT_DONE ' +
      'alone, 98 % of it the search.',
    instead:
      'The same PFNs are handed out, the lowest free one first, from a set that looks at a few ' +
      'words only (src/lib/number-pool.ts): `npm run defects -- hv.free-pfn-search`.',
    figures: [1_638, 16_384, 163_840, 1_638_400].map((pages) => {
      const { linuxWords, ourWords } = searchCost(pages)
      return `  ${pages} pages: ${linuxWords} words of the bitmap read by Linux, ${ourWords} here at most`
    }),
  },
  {
    id: 'hv.page-out-lock-leak',
    side: 'hv',
    what: 'linux-5.6: a page-out whose migration cannot be set up returns with uvmem_lock held.',
    where: '__kvmppc_svm_page_out()',
    consequence: 'The next page operation of the VM hangs.',
    instead:
      'Only memory that is not anonymous makes the set-up fail, and a VM here has no other, nor ' +
      'has one in the recordings; one VM is one queue, without a lock that could be lost.',
  },
  {
    id: 'uv.tracking-bitmap-end',
    side: 'uv',
    what: 'Page-in tracking does not check that a GFN lies in its bitmap.',
    where: 'pagein_track.c',
    consequence: 'A guest with memory above it makes UV_ESM write beyond the bitmap.',
    instead: 'A GFN above the limit is not remembered, and asked for again.',
  },
  {
    id: 'uv.rtas-text-length',
    side: 'uv',
    what: 'The length of the RTAS text is not compared with that of the RTAS area.',
    where: 'svm-esm.c, the measurement of RTAS',
    consequence: 'Code behind the area is measured, from pages that were never brought in.',
    instead: 'UV_ESM gives such a guest up at step `rtas`.',
  },
]
