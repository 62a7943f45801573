/** Every code that abi.md and hv.md list for a call of the hypervisor, written out by hand. */

/** What the documents say, for all profiles together. */
export const WRITTEN_HV_CODES: Readonly<Record<string, readonly number[]>> = {
  // H_SUCCESS, H_BUSY (linux-5.6), H_PARAMETER, H_AUTHORITY, H_UNSUPPORTED, H_STATE (spec)
  init_start: [0, 1, -4, -10, -67, -75],
  // H_SUCCESS, H_PARAMETER, H_P2, H_P3, H_UNSUPPORTED; H_HARDWARE stands for a host fault
  page_in: [0, -1, -4, -55, -56, -67],
  page_out: [0, -4, -55, -56, -67],
  // H_SUCCESS, H_UNSUPPORTED, H_STATE
  init_done: [0, -67, -75],
  // H_PARAMETER, H_UNSUPPORTED, H_STATE, RESUME_HOST (linux-5.6); H_HARDWARE: a host fault
  init_abort: [-4, -67, -75, 2, -1],
  // 0, -EEXIST
  create: [0, -17],
  // 0, -EEXIST, -EINVAL (spec: the slot could not be secured)
  add_slot: [0, -17, -22],
  // 0, -ENOENT; H_HARDWARE: a host fault
  remove_slot: [0, -2, -1],
  flush_slot: [0, -2, -1],
  // 0, -EINVAL, -ENOTTY (linux-5.6); H_HARDWARE: a host fault
  svm_off: [0, -22, -25, -1],
  // 0, SIGBUS, SIGSEGV, no slot; H_HARDWARE: a host fault
  host_touch: [0, -7, -11, -6, -1],
  pin: [0, -7, -11, -6, -17, -1],
  unpin: [0, -2],
  // 0, SIGBUS (spec: the page-out before it was refused), SIGSEGV, no slot
  unmap: [0, -7, -11, -6],
  vma_unmap: [0, -2],
  vma_map: [0, -2],
  ksm_fail: [0, -2],
  // RESUME_GUEST, RESUME_HOST, -EFAULT; H_HARDWARE: a host fault
  guest_fault: [0, 2, -14, -1],
  destroy: [0],
}

/** A profile, the lines that lead there, and the line that must answer `code`. */
export interface CodeCase {
  readonly with?: string
  readonly after?: string
  readonly line: string
  readonly code: number
}

const STALE = 'init_start; page_in 0; init_start'

/** One case for each pair, at least. */
export const CODE_CASES: readonly CodeCase[] = [
  { line: 'init_start', code: 0 },
  { with: 'profile=linux-5.6', line: 'init_start !0,1', code: 1 },
  { line: 'init_start !-4', code: -4 },
  { with: 'svmoff', line: 'init_start', code: -10 },
  { with: 'hash', line: 'init_start', code: -67 },
  { with: 'profile=spec', after: 'init_start', line: 'init_start', code: -75 },
  { after: 'init_start', line: 'page_in 0', code: 0 },
  { after: 'init_start; page_in 0 !-4', line: 'share 0', code: -1 },
  { after: 'init_start', line: 'page_in 99', code: -4 },
  { after: 'init_start', line: 'page_in 0 flags 2', code: -55 },
  { after: 'init_start', line: 'page_in 0 order 12', code: -56 },
  { line: 'page_in 0', code: -67 },
  { after: 'init_start', line: 'page_out 0', code: 0 },
  { after: 'init_start', line: 'page_out 99', code: -4 },
  { after: 'init_start', line: 'page_out 0 flags 1', code: -55 },
  { after: 'init_start', line: 'page_out 0 order 17', code: -56 },
  { line: 'page_out 0', code: -67 },
  { after: 'init_start', line: 'init_done', code: 0 },
  { line: 'init_done', code: -67 },
  { with: 'pool=1', after: 'init_start', line: 'init_done', code: -75 },
  { after: 'init_start', line: 'init_abort', code: -4 },
  { line: 'init_abort', code: -67 },
  { after: 'init_start; init_done', line: 'init_abort', code: -75 },
  { with: 'profile=linux-5.6', line: 'init_abort', code: 2 },
  { after: 'OOPS', line: 'init_abort', code: -1 },
  { line: 'create 2 0:0+1', code: 0 },
  { line: 'create 1 0:0+1', code: -17 },
  { line: 'add_slot 5:50+1', code: 0 },
  { line: 'add_slot 5:0+1', code: -17 },
  { with: 'profile=spec', after: 'init_start', line: 'add_slot 5:50+1 !-4', code: -22 },
  { line: 'remove_slot 0', code: 0 },
  { line: 'remove_slot 9', code: -2 },
  { after: 'OOPS', line: 'remove_slot 1', code: -1 },
  { line: 'flush_slot 0', code: 0 },
  { line: 'flush_slot 9', code: -2 },
  { after: 'OOPS', line: 'flush_slot 1', code: -1 },
  { after: 'init_start', line: 'svm_off', code: 0 },
  { after: 'init_start', line: 'svm_off !0,0,-4', code: -22 },
  { with: 'profile=linux-5.6', line: 'svm_off', code: -25 },
  { after: 'OOPS', line: 'svm_off', code: -1 },
  { line: 'touch 0', code: 0 },
  { after: 'init_start; page_in 0', line: 'touch 0 !-4', code: -7 },
  { after: 'vma_unmap 1', line: 'touch 0', code: -11 },
  { line: 'touch 99', code: -6 },
  { after: STALE, line: 'touch 0', code: -1 },
  { line: 'pin 0', code: 0 },
  { after: 'init_start; page_in 0', line: 'pin 0 !-4', code: -7 },
  { after: 'vma_unmap 1', line: 'pin 0', code: -11 },
  { line: 'pin 99', code: -6 },
  { after: 'pin 0', line: 'pin 0', code: -17 },
  { after: STALE, line: 'pin 0', code: -1 },
  { after: 'pin 0', line: 'unpin 0', code: 0 },
  { line: 'unpin 0', code: -2 },
  { line: 'unmap 0', code: 0 },
  { with: 'profile=spec', after: 'init_start; page_in 0', line: 'unmap 0 !-4', code: -7 },
  { after: 'vma_unmap 1', line: 'unmap 0', code: -11 },
  { line: 'unmap 99', code: -6 },
  { line: 'vma_unmap 0', code: 0 },
  { line: 'vma_unmap 9', code: -2 },
  { after: 'vma_unmap 0', line: 'vma_map 0', code: 0 },
  { line: 'vma_map 0', code: -2 },
  { line: 'ksm_fail 0 -12', code: 0 },
  { line: 'ksm_fail 9 -12', code: -2 },
  { line: 'guest_fault 0', code: 0 },
  { line: 'guest_fault 99', code: 2 },
  { after: 'init_start; init_done', line: 'guest_fault 99', code: -14 },
  { after: STALE, line: 'guest_fault 0', code: -1 },
  { line: 'destroy', code: 0 },
]

/** Leaves a mark of a device page that is free: see the known defects. */
export const OOPS = 'init_start; page_in 0; init_start; unmap 0; init_start !0,-4'
