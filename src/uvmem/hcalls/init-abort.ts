/**
 * H_SVM_INIT_ABORT: the switch has failed; everything goes back to normal memory.
 *
 * Source: kvmppc_h_svm_init_abort(). Exempt from the check for secure context.
 */
import { H } from '../../abi/codes.ts'
import { dropPages, freeUvmemSlots } from '../drop-pages.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import { Reason } from '../reason.ts'
import { SECURE_INIT_DONE, SECURE_INIT_START } from '../vm-state.ts'

/**
 * @returns H_PARAMETER when all went well: the guest sees it as the result of UV_ESM.
 * H_UNSUPPORTED (not started), H_STATE (already secure).
 */
export function* initAbort(host: Host, vm: Vm): HvSteps {
  if ((vm.secureGuest & SECURE_INIT_START) === 0)
    return refuse(vm, H.UNSUPPORTED, Reason.notStarted)
  if ((vm.secureGuest & SECURE_INIT_DONE) !== 0) return refuse(vm, H.STATE, Reason.alreadyDone)
  for (const slot of vm.slots) {
    yield* dropPages(host, vm, slot, { skipPageOut: false, purges: true, slotValid: true })
    if (vm.fault !== undefined) return H.HARDWARE
  }
  vm.secureGuest = 0
  yield { call: 'UV_SVM_TERMINATE', lpid: vm.lpid }
  // DIFF: Linux keeps the uvmem slots; the next H_SVM_INIT_START puts new ones in front.
  if (host.profile.freesUvmemSlots) freeUvmemSlots(host, vm)
  return refuse(vm, H.PARAMETER, Reason.aborted)
}
