/**
 * H_SVM_PAGE_OUT: moves a page from secure to normal memory, encrypted.
 *
 * Source: kvmppc_h_svm_page_out(). A page that is not secure is answered with success: there is
 * nothing to do.
 */
import { H, U } from '../../abi/codes.ts'
import { type Gpa, gfnOf, PAGE_SHIFT } from '../../abi/page.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../host.ts'
import { migrateOut } from '../mapping.ts'
import { Reason } from '../reason.ts'
import { SECURE_INIT_START } from '../vm-state.ts'

/**
 * @param flags 0.
 * @param order 16.
 * @returns H_SUCCESS, H_PARAMETER, H_P2 (flags), H_P3 (order), H_UNSUPPORTED (not started).
 */
export function* pageOut(host: Host, vm: Vm, gpa: Gpa, flags: number, order: number): HvSteps {
  if ((vm.secureGuest & SECURE_INIT_START) === 0)
    return refuse(vm, H.UNSUPPORTED, Reason.notStarted)
  if (order !== PAGE_SHIFT) return refuse(vm, H.P3, Reason.badOrderOut)
  if (flags !== 0) return refuse(vm, H.P2, Reason.badFlagsOut)
  const gfn = gfnOf(gpa)
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return refuse(vm, H.PARAMETER, Reason.noSlot)
  if (!slot.region.mapped) return refuse(vm, H.PARAMETER, Reason.noMapping)
  const ret = yield* migrateOut(host, vm, { slot, gfn }, gpa)
  return ret === U.SUCCESS ? H.SUCCESS : H.PARAMETER
}
