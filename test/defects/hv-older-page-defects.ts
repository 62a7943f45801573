/**
 * What only older hypervisors do (Linux 5.6, 5.7, the first versions of the 2020 series): what
 * happens to single pages. Today's Linux has none of it.
 */
import type { HvDefect } from './defect.ts'

const OLD = ['linux-5.6', 'linux-5.6-final'] as const
const SERIES = ['series-v1', 'series-v2', 'series-v3'] as const

export const HV_OLDER_PAGE_DEFECTS: readonly HvDefect[] = [
  {
    id: 'hv.doneSecures',
    side: 'hv',
    profiles: OLD,
    mendedBy: ['doneSecures'],
    what: 'H_SVM_INIT_DONE only sets its flag: frames that nobody paged in stay normal.',
    where: 'kvmppc_h_svm_init_done()',
    consequence:
      'The ultravisor holds them as SECURE, the host as its own: it never pages them out, and ' +
      'what it reads is stale. The 2020 series is about this.',
    marks: ['src/uvmem/hcalls/init-done.ts'],
    world: { slots: '0:0+1', given: ['write 0 5', 'H_SVM_INIT_START'] },
    story: `
      H_SVM_INIT_DONE
        = H_SUCCESS
        = HV flags: INIT_START, INIT_DONE
        = UV SVM: SECURE
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
      store 0 7
        = OK
      read 0
        - reads 5
        + reads ciphertext
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: normal, frame 2
        + UV GFN 0: PAGEDOUT, own page, not present
    `,
    differs: 'The host reads its old page, where the page of the guest should have been paged out.',
  },
  {
    id: 'hv.securesUntracked',
    side: 'hv',
    profiles: SERIES,
    mendedBy: ['securesUntracked'],
    what: 'H_SVM_INIT_DONE secures frames that no uvmem slot covers, too.',
    where: 'kvmppc_uv_migrate_mem_slot()',
    consequence: 'Their device pages are tracked by nobody: the next host access faults for ever.',
    marks: ['src/uvmem/secure-rest.ts'],
    world: { slots: '0:0+1 1:1+1', shows: 'hv' },
    story: `
      H_SVM_INIT_START !.,-4
        = H_PARAMETER
        = HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 1:1+1: U_PARAMETER
        = HV flags: INIT_START
        = HV uvmem slots: 0+1
        = HV GFN 0: normal, no page
      H_SVM_INIT_DONE
        = H_SUCCESS
        = HV flags: INIT_START, INIT_DONE
        = HV GFN 0: secure as PFN 0, device page 0
        - HV PFNs in use: 0, 1
        - HV GFN 1: not tracked, device page 1
        + HV PFNs in use: 0
      touch 1
        - never returns: LIVELOCK
        + OK
        + HV GFN 1: not tracked, frame 1
    `,
    differs: 'A frame of the refused slot lies on a device page, and the host hangs on it.',
  },
  {
    id: 'hv.tracksShared',
    side: 'hv',
    profiles: OLD,
    mendedBy: ['tracksShared'],
    what: 'A shared GFN has no state of its own.',
    where: 'kvmppc_share_page()',
    consequence:
      'Shared, paged-out and untouched frames look alike: none can be treated its own way.',
    marks: ['src/uvmem/hcalls/share.ts'],
    world: { slots: '0:0+1', given: ['secure', 'H_SVM_PAGE_IN 0'] },
    story: `
      UV_SHARE_PAGE 0 1
        = U_SUCCESS
        = HV asks UV_PAGE_IN 0: U_SUCCESS
        = UV asks H_SVM_PAGE_IN 0 shared: H_SUCCESS
        = UV asks MEM_WRITE of frame 1: H_SUCCESS
        = HV PFNs in use: none
        = UV GFN 0: SHARED, the host's frame 1
        - HV GFN 0: normal, frame 1
        + HV GFN 0: shared, frame 1
    `,
    differs: 'The hypervisor calls the shared frame normal.',
  },
  {
    id: 'hv.tracksPagedOut',
    side: 'hv',
    profiles: [...OLD, 'series-v1'],
    mendedBy: ['tracksPagedOut'],
    what: 'A paged-out GFN has no state of its own: it counts as normal.',
    where: 'kvmppc_uvmem_page_free()',
    consequence:
      'H_SVM_INIT_DONE secures it without a call: the ciphertext is freed, and the guest ' +
      'never gets its page back.',
    marks: ['src/uvmem/mapping.ts'],
    world: {
      slots: '0:0+1',
      given: ['write 0 7', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0'],
    },
    story: `
      H_SVM_PAGE_OUT 0
        = H_SUCCESS
        = HV asks UV_PAGE_OUT 0: U_SUCCESS
        = HV PFNs in use: none
        = UV GFN 0: PAGEDOUT, own page, not present
        - HV GFN 0: normal, frame 2
        + HV GFN 0: paged_out, frame 2
      H_SVM_INIT_DONE
        = H_SUCCESS
        = HV flags: INIT_START, INIT_DONE
        = UV SVM: SECURE
        - HV PFNs in use: 0
        - HV GFN 0: secure as PFN 0, device page 0
      load 0
        - REFUSED
        - UV asks H_SVM_PAGE_IN 0: H_PARAMETER
        + reads 7
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + UV asks H_SVM_PAGE_IN 0: H_SUCCESS
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
        + UV GFN 0: SECURE, own page
    `,
    differs: 'The guest cannot read its page any more: the frame with the ciphertext is gone.',
  },
  {
    id: 'hv.flushResets',
    side: 'hv',
    profiles: ['series-v1', 'series-v2'],
    mendedBy: ['flushResets'],
    what: 'A flush of a slot makes only its secure frames normal: shared ones keep their state.',
    where: 'kvmppc_uvmem_drop_pages()',
    consequence: 'H_SVM_INIT_DONE leaves such a frame out, though nobody shares it any more.',
    marks: ['src/uvmem/drop-pages.ts'],
    world: {
      slots: '0:0+1',
      shows: 'hv',
      given: ['H_SVM_INIT_START', 'H_SVM_PAGE_IN 0 shared'],
    },
    story: `
      flush slot 0
        = OK
        + HV GFN 0: normal, frame 1
      H_SVM_INIT_DONE
        = H_SUCCESS
        = HV flags: INIT_START, INIT_DONE
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
    `,
    differs: 'The frame is still called shared after the flush, and is not secured.',
  },
  {
    id: 'hv.mergingOff',
    side: 'hv',
    profiles: [...SERIES, ...OLD],
    mendedBy: ['mergingOff'],
    what: 'Page merging (KSM) is switched off page by page, in H_SVM_PAGE_IN.',
    where: 'kvmppc_svm_page_in()',
    consequence: 'A VM whose merging cannot be switched off fails only half-way to being secure.',
    marks: ['src/uvmem/hcalls/page-in.ts'],
    world: { slots: '0:0+1', shows: 'hv', given: ['ksm-fails 0'] },
    story: `
      H_SVM_INIT_START
        - H_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        - HV flags: INIT_START
        - HV uvmem slots: 0+1
        - HV GFN 0: normal, no page
        + H_PARAMETER
      H_SVM_PAGE_IN 0
        - H_PARAMETER
        + H_UNSUPPORTED
    `,
    differs: 'The start succeeds and every page-in fails, where the start should have failed.',
  },
  {
    id: 'hv.failsOnUcall',
    side: 'hv',
    profiles: OLD,
    mendedBy: ['failsOnUcall'],
    what: 'H_SVM_PAGE_IN succeeds although UV_PAGE_IN has failed.',
    where: 'kvmppc_svm_page_in()',
    consequence: 'The frame is freed with its content, which the ultravisor never took.',
    marks: ['src/uvmem/hcalls/page-in.ts'],
    world: { slots: '0:0+1', given: ['write 0 7', 'H_SVM_INIT_START'] },
    story: `
      H_SVM_PAGE_IN 0 !-4
        = HV asks UV_PAGE_IN 0: U_PARAMETER
        = HV PFNs in use: 0
        - H_SUCCESS
        - HV GFN 0: secure as PFN 0, device page 0
        + H_PARAMETER
        + HV GFN 0: secure as PFN 0, frame 1
      load 0
        = reads 0
      read 0
        - reads ciphertext
        - HV asks UV_PAGE_OUT 0: U_SUCCESS
        - HV PFNs in use: none
        - HV GFN 0: normal, frame 2
        - UV GFN 0: PAGEDOUT, own page, not present
        + reads 7
    `,
    differs: 'The 7 that the guest had written is gone: neither side has it any more.',
  },
  {
    id: 'hv.migratesDevicePages',
    side: 'hv',
    profiles: OLD,
    mendedBy: ['migratesDevicePages'],
    what: 'migrate_vma has no owner check: a page-in takes a device page for a normal one.',
    where: 'migrate_vma_setup(), kvmppc_svm_page_in()',
    consequence: 'The ultravisor is handed the real address of a device page, which holds nothing.',
    marks: ['src/uvmem/hcalls/page-in.ts'],
    world: {
      slots: '0:0+1',
      given: ['write 0 7', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0', 'H_SVM_INIT_START'],
    },
    story: `
      H_SVM_PAGE_IN 0
        - H_SUCCESS
        - HV asks UV_PAGE_IN 0: U_SUCCESS
        - HV PFNs in use: 1
        - HV GFN 0: normal, device page 1
        + H_PARAMETER
    `,
    differs: 'The ultravisor is sent a device page, and the frame moves from PFN 0 to PFN 1.',
  },
]
