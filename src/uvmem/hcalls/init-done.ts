/**
 * H_SVM_INIT_DONE: the VM is secure; what is still normal becomes secure without a call.
 *
 * Source: kvmppc_h_svm_init_done().
 */
import { H } from '../../abi/codes.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import { Reason } from '../reason.ts'
import { secureRest } from '../secure-rest.ts'
import { SECURE_INIT_DONE, SECURE_INIT_START, VM_LIFE, vmStateOf } from '../vm-state.ts'

/** @returns H_SUCCESS, H_UNSUPPORTED (not started), H_STATE (a frame could not be secured). */
export function* initDone(host: Host, vm: Vm): HvSteps {
  const { profile } = host
  if ((vm.secureGuest & SECURE_INIT_START) === 0)
    return refuse(vm, H.UNSUPPORTED, Reason.notStarted)
  // DIFF: Linux serves the call again on a secure VM.
  if (profile.guardsVmLife && VM_LIFE[vmStateOf(vm.secureGuest)]['init-done'] === 'error') {
    return refuse(vm, H.STATE, Reason.vmLife)
  }
  // DIFF: Linux 5.6 and 5.7 only set the flag: frames that nobody paged in stay normal.
  if (profile.doneSecures !== 'nothing') {
    for (const slot of vm.slots) {
      const ret = yield* secureRest(host, vm, slot)
      if (ret !== H.SUCCESS) return ret
    }
  }
  vm.secureGuest |= SECURE_INIT_DONE
  return H.SUCCESS
}
