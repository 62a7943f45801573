/**
 * The hypervisor's state of a VM.
 *
 * Source: book3s_hv_uvmem.c, "States of a VM" and "Life cycle of a VM"; the flags are
 * KVMPPC_SECURE_INIT_START and KVMPPC_SECURE_INIT_DONE of kvm_host.h.
 */

export const SECURE_INIT_START = 1
export const SECURE_INIT_DONE = 2

export const VmState = {
  /** All contents can be read by the hypervisor. */
  Normal: 'normal',
  /** Between H_SVM_INIT_START and H_SVM_INIT_DONE. */
  Transient: 'transient',
  /** Switched. */
  Secure: 'secure',
} as const
export type VmState = (typeof VmState)[keyof typeof VmState]

/** The calls that move a VM from state to state. */
export type VmEvent = 'init-start' | 'init-done' | 'init-abort' | 'terminate'

const { Normal, Transient, Secure } = VmState

/** Life cycle of a VM as the documentation means it; `error` is refused by the profiles that guard it. */
export const VM_LIFE = {
  //          H_SVM_INIT_START           H_SVM_INIT_DONE       H_SVM_INIT_ABORT       UV_SVM_TERMINATE
  normal: {
    'init-start': Transient,
    'init-done': 'error',
    'init-abort': 'error',
    terminate: Normal,
  },
  transient: {
    'init-start': 'error',
    'init-done': Secure,
    'init-abort': Normal,
    terminate: Normal,
  },
  secure: { 'init-start': 'error', 'init-done': 'error', 'init-abort': 'error', terminate: Normal },
} as const satisfies Record<VmState, Record<VmEvent, VmState | 'error'>>

/** The state that the flags of `secure_guest` mean. */
export function vmStateOf(secureGuest: number): VmState {
  if ((secureGuest & SECURE_INIT_DONE) !== 0) return Secure
  return (secureGuest & SECURE_INIT_START) !== 0 ? Transient : Normal
}
