/**
 * What only older hypervisors do (Linux 5.6, 5.7, the first versions of the 2020 series): the life
 * of a VM, and its slots. Today's Linux has none of it.
 */
import type { HvDefect } from './defect.ts'

const OLD = ['linux-5.6', 'linux-5.6-final'] as const
const SERIES = ['series-v1', 'series-v2', 'series-v3'] as const

export const HV_OLDER_LIFE_DEFECTS: readonly HvDefect[] = [
  {
    id: 'hv.startAnswersRegistration',
    side: 'hv',
    profiles: [...SERIES, ...OLD],
    mendedBy: ['startAnswersRegistration'],
    what: "H_SVM_INIT_START answers with the last slot's registration code when it is positive.",
    where: 'kvmppc_h_svm_init_start()',
    consequence: 'A start that was carried out looks like a failure (H_BUSY) to its caller.',
    marks: ['src/uvmem/registration.ts'],
    world: { slots: '0:0+1', shows: 'hv' },
    story: `
      H_SVM_INIT_START !1
        = HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_BUSY
        = HV flags: INIT_START
        = HV uvmem slots: 0+1
        = HV GFN 0: normal, no page
        - H_BUSY
        + H_SUCCESS
    `,
    differs: 'H_BUSY is answered although the VM is started.',
  },
  {
    id: 'hv.checksSvmEnabled',
    side: 'hv',
    profiles: ['linux-5.6'],
    mendedBy: ['checksSvmEnabled'],
    what: 'H_SVM_INIT_START does not ask whether the VMM has switched secure guests on.',
    where: 'kvmppc_h_svm_init_start()',
    consequence: 'A guest turns secure under a VMM that cannot handle it (its reboot for one).',
    marks: ['src/uvmem/hcalls/init-start.ts'],
    world: { slots: '0:0+1', svmEnabled: false, shows: 'hv' },
    story: `
      H_SVM_INIT_START
        - H_SUCCESS
        - HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        - HV flags: INIT_START
        - HV uvmem slots: 0+1
        - HV GFN 0: normal, no page
        + H_AUTHORITY
    `,
    differs: 'The start succeeds without the consent of the VMM.',
  },
  {
    id: 'hv.hasAbort',
    side: 'hv',
    profiles: ['linux-5.6'],
    mendedBy: ['hasAbort'],
    what: 'There is no H_SVM_INIT_ABORT.',
    where: 'kvmppc_pseries_do_hcall()',
    consequence: 'A guest whose UV_ESM failed cannot be taken back to normal.',
    marks: ['src/uvmem/dispatch.ts'],
    world: { slots: '0:0+1', given: ['touch 0', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0'] },
    story: `
      H_SVM_INIT_ABORT
        - RESUME_HOST
        + H_PARAMETER
        + HV asks UV_SVM_TERMINATE: U_SUCCESS
        + HV flags: none
        + UV free units: 64
        + UV SVM: none
    `,
    differs: 'The VM stays half-way between normal and secure.',
  },
  {
    id: 'hv.hasSvmOff',
    side: 'hv',
    profiles: ['linux-5.6'],
    mendedBy: ['hasSvmOff'],
    what: 'There is no KVM_PPC_SVM_OFF.',
    where: 'kvm_arch_vm_ioctl()',
    consequence: 'A secure VM cannot be rebooted.',
    marks: ['src/uvmem/vmm/life.ts'],
    world: { slots: '0:0+1', given: ['secure'] },
    story: `
      reset
        - ENOTTY
        + OK
        + HV asks UV_UNREGISTER_MEM_SLOT 0: U_SUCCESS
        + HV asks UV_SVM_TERMINATE: U_SUCCESS
        + HV flags: none
        + UV free units: 64
        + UV SVM: none
    `,
    differs: 'The VM stays secure.',
  },
  {
    id: 'hv.hotplug',
    side: 'hv',
    profiles: OLD,
    mendedBy: ['hotplug'],
    what: 'Slots added to a secure VM are not told to the uvmem code (5.6), or not secured (5.7).',
    where: 'kvmppc_core_commit_memory_region_hv()',
    consequence: 'The frames of hot-plugged memory stay normal under a secure guest.',
    marks: ['src/uvmem/vmm/slots.ts'],
    world: { slots: '0:0+1', watch: [32], given: ['secure'] },
    story: `
      add slot 1:32+1
        = OK, uvmem code H_SUCCESS
        = HV asks UV_REGISTER_MEM_SLOT 1:32+1: U_SUCCESS
        = HV slots: 0:0+1, 1:32+1
        = HV uvmem slots: 32+1, 0+1
        = UV free units: 62
        = UV slots: 1:32+1, 0:0+1
        = UV GFN 32: SECURE, own page
        - HV GFN 32: normal, no page
        + HV PFNs in use: 0
        + HV GFN 32: secure as PFN 0, device page 0
    `,
    differs: 'The new frame is normal for the hypervisor and SECURE for the ultravisor.',
  },
  {
    id: 'hv.hotplugChecks',
    side: 'hv',
    profiles: ['linux-5.6-final', ...SERIES],
    mendedBy: ['hotplugChecks'],
    what: 'A hot-added slot that the ultravisor refuses keeps its uvmem slot.',
    where: 'kvmppc_core_commit_memory_region_hv()',
    consequence: 'Frames of a slot that the ultravisor does not know are tracked.',
    marks: ['src/uvmem/vmm/slots.ts'],
    world: { slots: '0:0+1', watch: [32], shows: 'hv', given: ['secure'] },
    story: `
      add slot 1:32+1 !-4
        = OK, uvmem code H_PARAMETER
        = HV asks UV_REGISTER_MEM_SLOT 1:32+1: U_PARAMETER
        = HV slots: 0:0+1, 1:32+1
        - HV uvmem slots: 32+1, 0+1
        - HV GFN 32: normal, no page
        + HV GFN 32: not tracked, no page
    `,
    differs: 'The hypervisor tracks the frame of a slot that was refused.',
  },
  {
    id: 'hv.drops',
    side: 'hv',
    profiles: [...OLD, ...SERIES],
    mendedBy: ['drops'],
    what:
      'The removal of a slot drops nothing, as the page faults it uses no longer find the ' +
      'slot.',
    where: 'kvmppc_uvmem_drop_pages()',
    consequence: 'The same memory added again maps device pages that nobody tracks: endless fault.',
    marks: ['src/uvmem/drop-pages.ts'],
    world: {
      slots: '0:0+1',
      shows: 'hv',
      given: ['touch 0', 'H_SVM_INIT_START', 'H_SVM_PAGE_IN 0'],
    },
    story: `
      remove slot 0 keep
        = OK
        = HV asks UV_UNREGISTER_MEM_SLOT 0: U_SUCCESS
        = HV slots: none
        = HV uvmem slots: none
        = HV GFN 0: not tracked, in no slot
        + HV PFNs in use: none
      add slot 0:0+1
        = HV asks UV_REGISTER_MEM_SLOT 0:0+1: U_SUCCESS
        = HV slots: 0:0+1
        = HV uvmem slots: 0+1
        - OK, uvmem code H_STATE
        - HV GFN 0: normal, device page 0
        + OK, uvmem code H_SUCCESS
        + HV PFNs in use: 0
        + HV GFN 0: secure as PFN 0, device page 0
      touch 0
        - never returns: LIVELOCK
        + OK
        + HV asks UV_PAGE_OUT 0: U_SUCCESS
        + HV PFNs in use: none
        + HV GFN 0: paged_out, frame 3
    `,
    differs: 'The device page outlives its slot, and the host hangs on it.',
  },
]
