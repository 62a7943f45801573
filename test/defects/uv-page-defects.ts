/** Known defects of the ultravisor firmware: page calls, and the ends of an SVM. */
import type { UvDefect } from './defect.ts'

export const UV_PAGE_DEFECTS: readonly UvDefect[] = [
  {
    id: 'uv.copiesCiphertextWhileActive',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['copiesCiphertextWhileActive'],
    what: 'A page that was paged out before the SVM is SECURE comes back without decryption.',
    where: '__handle_page_in()',
    consequence: 'The guest starts with ciphertext in place of its page, unnoticed.',
    marks: ['src/ultravisor/page-calls.ts'],
    world: {
      slots: '0:0+1',
      shows: 'uv',
      given: ['write 0 7', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_PAGE_OUT 0'],
    },
    story: `
      H_SVM_PAGE_IN 0
        = H_SUCCESS
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV GFN 0: SECURE, own page
      load 0
        - reads ciphertext
        + reads 7
    `,
    differs: 'The page-in succeeds in both runs; only with the defect the guest reads ciphertext.',
  },
  {
    id: 'uv.refusesSharedPageOut',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['refusesSharedPageOut'],
    what: 'UV_PAGE_OUT of a shared frame is refused, where the documentation promises success.',
    where: 'handle_page_out()',
    consequence: 'A hypervisor that goes by the documentation fails to reclaim shared pages.',
    marks: ['src/ultravisor/page-calls.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'UV_SHARE_PAGE 0 1'] },
    story: `
      UV_PAGE_OUT 0
        - U_PARAMETER
        + U_SUCCESS
    `,
    differs: 'U_PARAMETER instead of U_SUCCESS.',
  },
  {
    id: 'uv.unmapsOnFailedSeal',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['unmapsOnFailedSeal'],
    what: 'A page-out whose encryption fails leaves the page unmapped.',
    where: '__handle_page_out()',
    consequence: 'The frame is SECURE and not present: the guest faults on it for ever.',
    marks: ['src/ultravisor/page-calls.ts'],
    world: { slots: '0:0+1', shows: 'uv', given: ['secure', 'store 0 7'] },
    story: `
      H_SVM_PAGE_OUT 0 seal-fails
        = H_PARAMETER
        = HV asks UV_PAGE_OUT 0: U_RETRY
        - UV GFN 0: SECURE, own page, not present
      load 0
        - never returns: LIVELOCK
        + reads 7
    `,
    differs: 'The page-out fails in both runs; only with the defect the guest hangs afterwards.',
  },
  {
    id: 'uv.walksSkipGfnZero',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['walksSkipGfnZero'],
    what: 'Walks over frame states never see GFN 0.',
    where: 'page_unshare_all_with_hv(), secure_page_table_entries()',
    consequence:
      'UV_UNSHARE_ALL_PAGES leaves it shared; at the end its frame, which the host owns, is ' +
      'freed as secure memory.',
    marks: ['src/ultravisor/unshare.ts', 'src/ultravisor/page-release.ts'],
    world: { slots: '0:0+2', shows: 'uv', given: ['secure', 'UV_SHARE_PAGE 0 2'] },
    story: `
      UV_UNSHARE_ALL_PAGES
        = U_SUCCESS
        = HV asks UV_PAGE_IN 1: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 1: H_SUCCESS
        = UV GFN 1: SECURE, own page
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        + UV GFN 0: SECURE, own page
      UV_SVM_TERMINATE
        = U_SUCCESS
        = UV free units: 64
        = UV SVM: none
        - UV frames of the host freed as secure ones: 1
    `,
    differs:
      'GFN 0 stays shared to the end, and then a frame of the host is freed as if it were ' +
      'secure memory.',
  },
  {
    id: 'uv.keepsHalfMadeSvm',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['keepsHalfMadeSvm'],
    what: 'UV_ESM without memory for page-in tracking leaves an SVM behind.',
    where: 'uv_esm_svm(), the start of page-in tracking',
    consequence: 'The LPID is taken: every later UV_ESM gets U_RETRY, however much memory is free.',
    marks: ['src/ultravisor/esm.ts'],
    world: { slots: '0:0+1', units: 0, shows: 'uv' },
    story: `
      UV_ESM
        = U_RETRY
        - UV SVM: ACTIVE
        - UV page table: there
        - UV slots: none
        - UV GFN 0: SECURE, no page
      free-units 2
        = OK
        = UV free units: 2
      UV_ESM
        - U_RETRY
        + FAILED
        + HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        + UV asks H_SVM_INIT_START: H_SUCCESS
        + HV asks UV_SVM_TERMINATE: U_SUCCESS
        + UV asks H_SVM_INIT_ABORT: H_PARAMETER
    `,
    differs:
      'A refused UV_ESM leaves an SVM that nobody finishes; without it the second one goes ahead.',
  },
  {
    id: 'uv.abortKeepsState',
    side: 'uv',
    profiles: ['firmware'],
    mendedBy: ['abortKeepsState'],
    what: 'svm_abort() does not change the state of the SVM.',
    where: 'svm_abort()',
    consequence: 'An SVM that is being killed is still served as if it were SECURE.',
    marks: ['src/ultravisor/share.ts'],
    world: { given: ['secure', 'UV_SHARE_PAGE 0 1', 'store 1 7'] },
    story: `
      UV_UNSHARE_PAGE 0 1 !-4
        = the SVM is aborted
        = UV asks H_SVM_PAGE_IN 0: H_PARAMETER
        = UV GFN 0: HV_UNSHARING, the host's frame 1
        + UV SVM: ABORT
      H_SVM_PAGE_OUT 1
        = H_SUCCESS
        = HV asks UV_PAGE_OUT 1: U_SUCCESS
        = HV PFNs in use: none
        = HV GFN 1: paged_out, frame 2
        - UV GFN 1: PAGEDOUT, own page, not present
    `,
    differs:
      'The aborted SVM is still SECURE and encrypts its pages; in ABORT it should let them go ' +
      'unwritten.',
  },
]
