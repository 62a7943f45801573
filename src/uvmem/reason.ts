/**
 * Why a call was refused: the check of the real code that said no.
 *
 * H_PARAMETER alone tells nobody anything. An operation leaves its reason on the VM, where the
 * journal and the logs find it.
 */

export interface Reason {
  /** The function of the real code that holds the check. */
  readonly source: string
  /** What it found, as a sentence without a full stop. */
  readonly why: string
}

const because = (source: string, why: string): Reason => ({ source, why })

export const Reason = {
  notSecureContext: because(
    'kvmppc_pseries_do_hcall',
    'the call does not come from secure context (MSR[S] is 0)',
  ),
  noUltravisor: because(
    'kvmppc_h_svm_init_start',
    'the host has no secure memory: the pool of device PFNs is empty',
  ),
  notRadix: because('kvmppc_h_svm_init_start', 'only a radix VM can turn secure'),
  svmDisabled: because(
    'kvmppc_h_svm_init_start',
    'the VMM has not switched KVM_CAP_PPC_SECURE_GUEST on',
  ),
  mergingStays: because(
    'kvmppc_memslot_page_merge',
    'page merging could not be switched off for the slot',
  ),
  slotRefused: because('kvmppc_h_svm_init_start', 'the ultravisor refused UV_REGISTER_MEM_SLOT'),
  registrationCode: because(
    'kvmppc_h_svm_init_start',
    "the last registration's code is the answer",
  ),
  notStarted: because('KVMPPC_SECURE_INIT_START', 'H_SVM_INIT_START has not been called'),
  alreadyDone: because(
    'kvmppc_h_svm_init_abort',
    'H_SVM_INIT_DONE has been called; terminate the VM instead',
  ),
  aborted: because(
    'kvmppc_h_svm_init_abort',
    'the switch was aborted; the code tells the guest that UV_ESM failed',
  ),
  vmLife: because(
    'Life cycle of a VM',
    'the life table of a VM calls this an error in its present state',
  ),
  noSuchCall: because('kvmppc_pseries_do_hcall', 'this kernel has no such hypercall'),
  badOrder: because('kvmppc_h_svm_page_in', 'order is not 16 (64 KiB)'),
  badFlags: because('kvmppc_h_svm_page_in', 'flags has a bit that is not defined'),
  badOrderOut: because('kvmppc_h_svm_page_out', 'order is not 16 (64 KiB)'),
  badFlagsOut: because('kvmppc_h_svm_page_out', 'flags is not 0'),
  noSlot: because('gfn_to_hva', 'the GFN is in no memory slot'),
  noMapping: because('find_vma_intersection', 'nothing is mapped behind the GFN: its VMA is gone'),
  alreadySecure: because('kvmppc_h_svm_page_in', 'the GFN is secure already'),
  notMergeable: because('ksm_madvise', 'page merging could not be switched off for the page'),
  pinned: because('migrate_vma_setup', 'the page is pinned by the host and cannot be migrated'),
  devicePage: because(
    'migrate_vma_setup',
    'the GFN is mapped to a device page that no uvmem slot tracks',
  ),
  swapped: because(
    'migrate_vma_collect',
    'the page was reclaimed: its swap entry cannot be migrated',
  ),
  poolEmpty: because('kvmppc_uvmem_get_page', 'no device PFN is free'),
  pageInRefused: because('kvmppc_svm_page_in', 'the ultravisor refused UV_PAGE_IN'),
  shareRefused: because('kvmppc_share_page', 'the ultravisor refused UV_PAGE_IN'),
  noFrame: because('gfn_to_pfn', 'the page could not be brought back to normal memory'),
  pageOutRefused: because('kvmppc_svm_page_out', 'the ultravisor refused UV_PAGE_OUT'),
  outOfMemory: because('alloc_page_vma', 'no normal frame could be allocated'),
  slotNotSecured: because(
    'kvmppc_uv_migrate_mem_slot',
    'a normal GFN of the slot could not be secured',
  ),
  noSuchIoctl: because('kvm_arch_vm_ioctl', 'this kernel has no KVM_PPC_SVM_OFF'),
  terminateRefused: because('kvmhv_svm_off', 'the ultravisor refused UV_SVM_TERMINATE'),
  pageNotSent: because('kvmppc_send_page_to_uv', 'the page could not be sent to the ultravisor'),
  slotOverlaps: because(
    'kvm_set_memory_region',
    'the slot overlaps another one, or its id is in use',
  ),
  slotStart: because('UV_REGISTER_MEM_SLOT', 'start_gpa is not a multiple of 64 KiB, or too high'),
  slotSize: because('UV_REGISTER_MEM_SLOT', 'size is 0, no multiple of 64 KiB, or too big'),
  slotFlags: because('UV_REGISTER_MEM_SLOT', 'flags is not 0'),
  slotId: because('UV_REGISTER_MEM_SLOT', 'slotid is 512 or more'),
  framesFull: because(
    'UV_REGISTER_MEM_SLOT',
    'other slots were added meanwhile: the host has no room for so many frames',
  ),
  noSuchSlot: because('kvm_set_memory_region', 'there is no memory slot with this id'),
  alreadyPinned: because('get_user_pages', 'the page is pinned already'),
  notPinned: because('put_page', 'the page is not pinned'),
  vmExists: because('kvm_create_vm', 'there is a VM with this LPID'),
  nothingToDo: because('mmap', 'the mapping is in the wanted state already'),
} as const satisfies Record<string, Reason>
