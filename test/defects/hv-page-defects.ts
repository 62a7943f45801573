/** Known defects of today's Linux (profile linux-6): what happens to single pages. */
import type { HvDefect } from './defect.ts'

const FROM_SERIES = ['series-v1', 'series-v2', 'series-v3', 'linux-6'] as const
const SINCE_5_6 = ['linux-5.6', 'linux-5.6-final', ...FROM_SERIES] as const

export const HV_PAGE_DEFECTS: readonly HvDefect[] = [
  {
    id: 'hv.undoesPageIn',
    side: 'hv',
    profiles: FROM_SERIES,
    mendedBy: ['undoesPageIn'],
    what: 'A UV_PAGE_IN that fails leaves the device PFN taken and the GFN marked secure.',
    where: 'kvmppc_svm_page_in()',
    consequence:
      'Later page-ins are refused, page-outs succeed without effect, and neither reset nor ' +
      'destroy gives the PFN back.',
    marks: ['src/uvmem/hcalls/page-in.ts'],
    world: { shows: 'hv', given: ['touch 0', 'H_SVM_INIT_START'] },
    story: `
      H_SVM_PAGE_IN 0 !-4
        = H_PARAMETER
        = HV asks UV_PAGE_IN 0: U_PARAMETER
        - HV PFNs in use: 0
        - HV GFN 0: secure as PFN 0, frame 1
      H_SVM_PAGE_IN 0
        - H_PARAMETER
        + H_SUCCESS
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: paged_out, frame 2
      reset
        = OK
        = HV asks UV_UNREGISTER_MEM_SLOT 0: U_SUCCESS
        = HV asks UV_SVM_TERMINATE: U_SUCCESS
        = HV flags: none
        + HV GFN 0: normal, frame 2
      destroy
        = OK
        = HV VM: gone
      pfns
        - 1 in use
        + 0 in use
    `,
    differs: 'PFN 0 is lost to the host for good, and the page never gets into secure memory.',
  },
  {
    id: 'hv.share-never-returns',
    side: 'hv',
    profiles: FROM_SERIES,
    mendedBy: ['undoesPageIn'],
    what: 'A share of a GFN whose page-in has failed finds the same normal page again and again.',
    where: 'kvmppc_share_page(), its retry',
    consequence: 'The hypercall loops for ever in the kernel with the lock of the VM held.',
    marks: ['src/uvmem/hcalls/share.ts', 'src/uvmem/hcalls/page-in.ts'],
    world: { shows: 'hv', given: ['touch 0', 'H_SVM_INIT_START'] },
    story: `
      H_SVM_PAGE_IN 0 !-4
        = H_PARAMETER
        = HV asks UV_PAGE_IN 0: U_PARAMETER
        - HV PFNs in use: 0
        - HV GFN 0: secure as PFN 0, frame 1
      H_SVM_PAGE_IN 0 shared
        - never returns: LIVELOCK
        + H_SUCCESS
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + HV GFN 0: shared, frame 1
    `,
    differs: 'The share never returns, where it succeeds once the mark has been taken back.',
  },
  {
    id: 'hv.shareKeepsUntilAgreed',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['shareKeepsUntilAgreed'],
    what: 'A share drops the device page before the ultravisor is asked, without a page-out.',
    where: 'kvmppc_share_page()',
    consequence:
      'When UV_PAGE_IN then fails, the GFN is paged_out with a page of zeros: the host has ' +
      'lost a page that the guest still uses.',
    marks: ['src/uvmem/hcalls/share.ts'],
    world: {
      slots: '0:0+1',
      given: ['H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_INIT_DONE', 'store 0 7'],
    },
    story: `
      H_SVM_PAGE_IN 0 shared !-4
        = H_PARAMETER
        = HV asks UV_PAGE_IN 0: U_PARAMETER
        - HV PFNs in use: none
        - HV GFN 0: paged_out, frame 1
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: paged_out, frame 2
        + UV GFN 0: PAGEDOUT, own page, not present
      read 0
        - reads 0
        + reads ciphertext
    `,
    differs: 'A share that failed has taken the device page away: no page-out will come any more.',
  },
  {
    id: 'hv.dropMarksExpire',
    side: 'hv',
    profiles: ['linux-5.6-final', ...FROM_SERIES],
    mendedBy: ['dropMarksExpire'],
    what: 'The marks skip_page_out and remove_gfn stay on a device page that could not be dropped.',
    where: 'kvmppc_uvmem_drop_pages(), struct kvmppc_uvmem_page_pvt',
    consequence:
      'After a flush under memory shortage the next page-out copies nothing and leaves the ' +
      'GFN normal, with zeros, while the guest goes on with its page.',
    marks: ['src/uvmem/drop-pages.ts'],
    world: {
      slots: '0:0+1',
      given: ['H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_INIT_DONE', 'store 0 7'],
    },
    story: `
      flush slot 0 oom
        = OK
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
        = HV PFNs in use: none
        - HV GFN 0: normal, frame 1
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV GFN 0: paged_out, frame 1
        + UV GFN 0: PAGEDOUT, own page, not present
      read 0
        - reads 0
        + reads ciphertext
    `,
    differs: 'The page-out makes no UV_PAGE_OUT: the host holds zeros for a page of the guest.',
  },
  {
    id: 'hv.flushDrops',
    side: 'hv',
    profiles: ['linux-5.6-final', ...FROM_SERIES],
    mendedBy: ['flushDrops'],
    what: 'A flush of a slot that stays (a dirty-log toggle) drops its secure pages.',
    where: 'kvmppc_radix_flush_memslot()',
    consequence: 'The GFNs become normal, with zeros, under a guest that runs on as secure.',
    marks: ['src/uvmem/vmm/slots.ts'],
    world: {
      slots: '0:0+1',
      given: ['H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_INIT_DONE', 'store 0 7'],
    },
    story: `
      flush slot 0
        = OK
        - HV PFNs in use: none
        - HV GFN 0: normal, frame 1
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: paged_out, frame 1
        + UV GFN 0: PAGEDOUT, own page, not present
      read 0
        - reads 0
        + reads ciphertext
    `,
    differs:
      'A VMM that starts live migration makes the host forget the pages of the secure guest.',
  },
  {
    id: 'hv.unmapPagesOut',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['unmapPagesOut'],
    what:
      'The host lets the mapping of a secure page go (reclaim, MADV_DONTNEED) without a ' +
      'page-out.',
    where: 'kvmppc_uvmem_page_free()',
    consequence:
      'The device page is free and the GFN paged_out, while the ultravisor holds the page as ' +
      'SECURE: the two sides disagree for good.',
    marks: ['src/uvmem/vmm/touch.ts'],
    world: {
      slots: '0:0+1',
      given: ['H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_INIT_DONE', 'store 0 7'],
    },
    story: `
      reclaim 0
        = OK
        = HV asks UV_PAGE_INVAL 0: U_P2
        = HV PFNs in use: none
        - HV GFN 0: paged_out, no page
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV GFN 0: paged_out, in swap
        + UV GFN 0: PAGEDOUT, own page, not present
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
      read 0
        - reads 0
        - HV GFN 0: paged_out, frame 1
        + reads ciphertext
        + HV GFN 0: paged_out, frame 2
    `,
    differs: 'Nothing was paged out: the host reads zeros for a page that it calls paged_out.',
  },
  {
    id: 'hv.detectsStaleMarks',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['detectsStaleMarks'],
    what: 'The fault handler calls a device page that no uvmem slot tracks a success.',
    where: 'kvmppc_uvmem_migrate_to_ram(), __kvmppc_svm_page_out()',
    consequence: 'The host takes the same fault again, for ever, instead of a SIGBUS.',
    marks: ['src/uvmem/mapping.ts'],
    world: {
      slots: '0:0+1',
      shows: 'hv',
      given: ['touch 0', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0'],
    },
    story: `
      H_SVM_INIT_START
        = H_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        = HV uvmem slots: 0+1, 0+1
        = HV GFN 0: normal, device page 0
      touch 0
        - never returns: LIVELOCK
        + SIGBUS
    `,
    differs: 'An access that nobody can serve goes round for ever instead of ending with SIGBUS.',
  },
  {
    id: 'hv.pageInReadsSwap',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['pageInReadsSwap'],
    what: 'A page-in of a page that the host has reclaimed fails on its swap entry.',
    where: 'kvmppc_svm_page_in(), migrate_vma_setup()',
    consequence: 'A VM whose memory was swapped out cannot turn secure.',
    marks: ['src/uvmem/hcalls/page-in.ts'],
    world: { slots: '0:0+1', given: ['write 0 7', 'reclaim 0', 'H_SVM_INIT_START'] },
    story: `
      H_SVM_PAGE_IN 0
        - H_PARAMETER
        + H_SUCCESS
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
      load 0
        - reads 0
        + reads 7
    `,
    differs: 'The page-in is refused, where the page should be read from swap first.',
  },
]
