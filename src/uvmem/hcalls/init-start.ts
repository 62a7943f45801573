/**
 * H_SVM_INIT_START: a VM begins to turn secure; its memory slots are registered.
 *
 * Source: kvmppc_h_svm_init_start().
 */
import { H } from '../../abi/codes.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import type { MemSlot } from '../mem-slots.ts'
import { Reason } from '../reason.ts'
import { registerSlot, unregisterSlot } from '../registration.ts'
import { SECURE_INIT_START, VM_LIFE, vmStateOf } from '../vm-state.ts'

/**
 * @returns H_SUCCESS; H_UNSUPPORTED (no secure memory, not radix), H_AUTHORITY (not switched on),
 * H_PARAMETER (a slot was refused), H_STATE (guarded profiles), H_BUSY (linux-5.6: the last
 * registration's code).
 */
export function* initStart(host: Host, vm: Vm): HvSteps {
  const { profile } = host
  // DIFF: Linux serves a second start, which hides all states behind fresh ones.
  if (profile.guardsVmLife && VM_LIFE[vmStateOf(vm.secureGuest)]['init-start'] === 'error') {
    return refuse(vm, H.STATE, Reason.vmLife)
  }
  // DIFF: Linux since the 2020 series marks the VM first, so that a refused start leaves the mark.
  if (profile.startMarks === 'before-checks') vm.secureGuest = SECURE_INIT_START
  if (host.devices.pool.size === 0) return refuse(vm, H.UNSUPPORTED, Reason.noUltravisor)
  if (!vm.radix) return refuse(vm, H.UNSUPPORTED, Reason.notRadix)
  // DIFF: Linux 5.6 does not ask the VMM.
  if (profile.checksSvmEnabled && !vm.svmEnabled) return refuse(vm, H.AUTHORITY, Reason.svmDisabled)

  let ret: number = H.SUCCESS
  const registered: MemSlot[] = []
  for (const slot of vm.slots) {
    ret = yield* registerSlot(host, vm, slot)
    if (ret < 0) {
      yield* rollBack(host, vm, registered, slot)
      return ret
    }
    registered.push(slot)
  }
  if (profile.startMarks === 'last') vm.secureGuest |= SECURE_INIT_START
  return ret > 0 ? refuse(vm, ret, Reason.registrationCode) : ret
}

function* rollBack(
  host: Host,
  vm: Vm,
  registered: readonly MemSlot[],
  failing: MemSlot,
): HvSteps<void> {
  const { startRollback } = host.profile
  if (startRollback === 'none') return
  // DIFF: for each earlier slot Linux deletes the failing slot again; the earlier ones stay.
  for (const slot of registered) {
    yield* unregisterSlot(vm, startRollback === 'failing-slot' ? failing : slot)
  }
}
