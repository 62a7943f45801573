/** Known defects of today's Linux (profile linux-6): the life of a VM, and its slots. */
import type { HvDefect } from './defect.ts'

const FROM_SERIES = ['series-v1', 'series-v2', 'series-v3', 'linux-6'] as const
const SINCE_5_6 = ['linux-5.6', 'linux-5.6-final', ...FROM_SERIES] as const

export const HV_LIFE_DEFECTS: readonly HvDefect[] = [
  {
    id: 'hv.startMarks',
    side: 'hv',
    profiles: FROM_SERIES,
    mendedBy: ['startMarks'],
    what: 'H_SVM_INIT_START marks the VM as started before it checks anything.',
    where: 'kvmppc_h_svm_init_start()',
    consequence:
      'After a refused start the VM counts as started: page calls are served, hot-added slots ' +
      'are registered.',
    marks: ['src/uvmem/hcalls/init-start.ts'],
    world: { pool: 0, shows: 'hv' },
    story: `
      H_SVM_INIT_START
        = H_UNSUPPORTED
        - HV flags: INIT_START
      H_SVM_PAGE_OUT 0
        - H_SUCCESS
        + H_UNSUPPORTED
    `,
    differs: 'A refused H_SVM_INIT_START leaves its flag behind, and page calls are served.',
  },
  {
    id: 'hv.untracked-page-in',
    side: 'hv',
    profiles: FROM_SERIES,
    mendedBy: ['startMarks'],
    what: 'After a refused start, a page-in of a GFN without uvmem slot succeeds.',
    where: 'kvmppc_h_svm_page_in()',
    consequence: 'A device page that nobody tracks: the next host access to it faults for ever.',
    marks: ['src/uvmem/hcalls/init-start.ts', 'src/uvmem/mapping.ts'],
    world: { slots: '0:0+2 1:8+1', shows: 'hv' },
    story: `
      H_SVM_INIT_START !.,-4
        = H_PARAMETER
        = HV asks UV_REGISTER_MEM_SLOT 0:0+2: U_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 1:8+1: U_PARAMETER
        = HV asks UV_UNREGISTER_MEM_SLOT 1: U_SUCCESS
        = HV uvmem slots: 0+2
        = HV GFN 0: normal, no page
        = HV GFN 1: normal, no page
        - HV flags: INIT_START
      H_SVM_PAGE_IN 8
        - H_SUCCESS
        - HV PFNs in use: 0
        - HV GFN 8: not tracked, device page 0
        + H_UNSUPPORTED
      touch 8
        - never returns: LIVELOCK
        + OK
        + HV GFN 8: not tracked, frame 1
    `,
    differs: 'The page-in succeeds on a slot that was refused, and the host then faults for ever.',
  },
  {
    id: 'hv.startRollback',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['startRollback'],
    what:
      'A failed H_SVM_INIT_START does not take the earlier slots back: linux-6 unregisters the ' +
      'failing one again for each of them.',
    where: 'kvmppc_h_svm_init_start(), its roll-back loop',
    consequence: 'The earlier slots stay registered at the ultravisor and in the list of the host.',
    marks: ['src/uvmem/hcalls/init-start.ts'],
    world: { slots: '0:0+2 1:2+1' },
    story: `
      H_SVM_INIT_START !.,-4
        = H_PARAMETER
        = HV asks UV_REGISTER_MEM_SLOT 0:0+2: U_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 1:2+1: U_PARAMETER
        = HV flags: INIT_START
        = UV SVM: ACTIVE
        = UV page table: there
        = UV GFN 2: SECURE, no page
        - HV asks UV_UNREGISTER_MEM_SLOT 1: U_SUCCESS
        - HV uvmem slots: 0+2
        - HV GFN 0: normal, no page
        - HV GFN 1: normal, no page
        - UV free units: 63
        - UV slots: 0:0+2
        - UV GFN 0: SECURE, own page
        - UV GFN 1: SECURE, own page
        + HV asks UV_UNREGISTER_MEM_SLOT 0: U_SUCCESS
        + UV slots: none
        + UV GFN 0: SECURE, no page
        + UV GFN 1: SECURE, no page
    `,
    differs: 'The failing slot is unregistered instead of the one that was registered before it.',
  },
  {
    id: 'hv.strictRegistration',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['strictRegistration'],
    what: 'UV_REGISTER_MEM_SLOT has failed only when its code is negative: U_BUSY (1) is success.',
    where: '__kvmppc_uvmem_memslot_create(), kvmppc_h_svm_init_start()',
    consequence: 'The host believes in a slot that the ultravisor does not have.',
    marks: ['src/uvmem/registration.ts'],
    world: { slots: '0:0+1', given: ['touch 0'] },
    story: `
      H_SVM_INIT_START !1
        = HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_BUSY
        = HV flags: INIT_START
        = UV SVM: ACTIVE
        = UV page table: there
        = UV slots: none
        = UV GFN 0: SECURE, no page
        - H_SUCCESS
        - HV uvmem slots: 0+1
        - HV GFN 0: normal, frame 1
        + H_PARAMETER
      H_SVM_PAGE_IN 0
        = H_PARAMETER
        = HV asks UV_PAGE_IN 0: U_P3
        = HV PFNs in use: 0
        - HV GFN 0: secure as PFN 0, frame 1
    `,
    differs: 'The start succeeds without a slot, and the first page-in fails.',
  },
  {
    id: 'hv.guardsVmLife',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['guardsVmLife'],
    what: 'Calls that the life table of a VM calls an error are served, a second start above all.',
    where: 'kvmppc_h_svm_init_start(), kvmppc_h_svm_init_done()',
    consequence:
      'A second H_SVM_INIT_START clears INIT_DONE and shadows all states: host accesses to ' +
      'secure pages fault for ever.',
    marks: ['src/uvmem/hcalls/init-start.ts', 'src/uvmem/hcalls/init-done.ts'],
    world: { slots: '0:0+1', shows: 'hv', given: ['secure'] },
    story: `
      H_SVM_INIT_START
        - H_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        - HV flags: INIT_START
        - HV uvmem slots: 0+1, 0+1
        - HV GFN 0: normal, device page 0
        + H_STATE
      touch 0
        - never returns: LIVELOCK
        + OK
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: paged_out, frame 1
    `,
    differs: 'The second start is served, its fresh states hide the old ones, and the host hangs.',
  },
  {
    id: 'hv.third-start-oops',
    side: 'hv',
    profiles: SINCE_5_6,
    mendedBy: ['guardsVmLife'],
    what: 'A third, failing start brings stale marks back to light whose device pages are free.',
    where: 'kvmppc_share_page() and kvmppc_uvmem_drop_pages(), on page->zone_device_data',
    consequence: 'A share, a reset or a removal reads the note of a freed page: NULL dereference.',
    marks: ['src/uvmem/hcalls/share.ts', 'src/uvmem/hcalls/init-start.ts'],
    world: {
      slots: '0:8+1 1:0+2',
      watch: [0],
      shows: 'hv',
      given: ['touch 0', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0'],
    },
    story: `
      H_SVM_INIT_START
        - H_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 0:8+1: U_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 1:0+2: U_SUCCESS
        - HV uvmem slots: 0+2, 8+1, 0+2, 8+1
        - HV GFN 0: normal, device page 0
        + H_STATE
      discard 0
        = OK
        = HV PFNs in use: none
        = HV GFN 0: paged_out, no page
      H_SVM_INIT_START !.,-4
        - H_PARAMETER
        - HV asks UV_REGISTER_MEM_SLOT 0:8+1: U_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 1:0+2: U_PARAMETER
        - HV asks UV_UNREGISTER_MEM_SLOT 1: U_SUCCESS
        - HV uvmem slots: 8+1, 8+1, 0+2, 8+1
        - HV GFN 0: secure as PFN 0, no page
        + H_STATE
      H_SVM_PAGE_IN 0 shared
        - never returns: OOPS
        + H_SUCCESS
        + HV asks UV_PAGE_IN 0: U_SUCCESS
        + HV GFN 0: shared, frame 2
    `,
    differs: 'The kernel dies at the share, where all but the first start should be refused.',
  },
  {
    id: 'hv.freesUvmemSlots',
    side: 'hv',
    profiles: ['linux-5.6-final', ...FROM_SERIES],
    mendedBy: ['freesUvmemSlots'],
    what: 'Reset and abort never free the uvmem slots.',
    where: 'kvmhv_svm_off(), kvmppc_h_svm_init_abort()',
    consequence:
      'Each reboot of a secure VM puts one more list of states in front of the old ones.',
    marks: ['src/uvmem/vmm/life.ts', 'src/uvmem/hcalls/init-abort.ts'],
    world: { shows: 'hv', given: ['secure'] },
    story: `
      reset
        = OK
        = HV asks UV_UNREGISTER_MEM_SLOT 0: U_SUCCESS
        = HV asks UV_SVM_TERMINATE: U_SUCCESS
        = HV PFNs in use: none
        = HV flags: none
        - HV GFN 0: normal, frame 1
        - HV GFN 1: normal, frame 2
        + HV uvmem slots: none
        + HV GFN 0: not tracked, frame 1
        + HV GFN 1: not tracked, frame 2
      H_SVM_INIT_START
        = H_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 0:0+2: U_SUCCESS
        = HV flags: INIT_START
        - HV uvmem slots: 0+2, 0+2
        + HV uvmem slots: 0+2
        + HV GFN 0: normal, frame 1
        + HV GFN 1: normal, frame 2
    `,
    differs: 'After one reboot the list holds the slot twice.',
  },
  {
    id: 'hv.hotplugUndone',
    side: 'hv',
    profiles: ['linux-5.6-final', ...FROM_SERIES],
    mendedBy: ['hotplugUndone'],
    what: 'A slot that is added to a secure VM stays when it cannot be registered or secured.',
    where: 'kvmppc_core_commit_memory_region_hv(), which ignores kvmppc_uvmem_memslot_create()',
    consequence: 'The VMM and its guest see memory that the ultravisor knows nothing of.',
    marks: ['src/uvmem/vmm/slots.ts'],
    world: { slots: '0:0+1', watch: [32], given: ['secure'] },
    story: `
      add slot 1:32+1 !-4
        = HV asks UV_REGISTER_MEM_SLOT 1:32+1: U_PARAMETER
        - OK, uvmem code H_PARAMETER
        - HV slots: 0:0+1, 1:32+1
        - HV GFN 32: not tracked, no page
        + EINVAL, uvmem code H_PARAMETER
        + HV asks UV_UNREGISTER_MEM_SLOT 1: U_SUCCESS
      load 32
        = MMIO
    `,
    differs: 'The VMM is told that the slot is there, and the guest finds a device at its address.',
  },
]
