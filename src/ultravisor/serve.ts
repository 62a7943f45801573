/**
 * The ultracalls of the hypervisor, one handler each.
 *
 * Source: ucall_from_hypervisor() of uvcall.c. Each is served at once; one may arrive while a call
 * of the same guest waits for its hypercall.
 */
import type { Ucall, UcallAnswer, UcallName, UvSvmTerminate, UvWritePate } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import type { Page } from '../abi/page.ts'
import { pageIn, pageInval, pageOut } from './page-calls.ts'
import { registerMemSlot, unregisterMemSlot } from './slot-calls.ts'
import { trapResult } from './steps.ts'
import { Trap, type UvFault } from './trap.ts'
import { destroySvm, type Ultravisor } from './ultravisor.ts'

/** An answer; with a fault, the firmware would not have answered, and the SVM is stopped. */
export interface ServeAnswer extends UcallAnswer {
  readonly fault?: UvFault
}

type Handler<Name extends UcallName> = (
  uv: Ultravisor,
  call: Extract<Ucall, { call: Name }>,
  page: Page,
) => UcallAnswer

const HANDLERS: { readonly [Name in UcallName]: Handler<Name> } = {
  UV_REGISTER_MEM_SLOT: registerMemSlot,
  UV_UNREGISTER_MEM_SLOT: unregisterMemSlot,
  UV_PAGE_IN: pageIn,
  UV_PAGE_OUT: pageOut,
  UV_PAGE_INVAL: pageInval,
  UV_SVM_TERMINATE: terminate,
  UV_WRITE_PATE: writePate,
}

/**
 * Serves one ultracall. `page` is the content of the RA of UV_PAGE_IN. An SVM that is stopped
 * answers U_STATE to all but UV_SVM_TERMINATE.
 */
export function serve(uv: Ultravisor, ucall: Ucall, page: Page = null): ServeAnswer {
  const svm = uv.svms.get(ucall.lpid)
  if (svm?.fault !== undefined && ucall.call !== 'UV_SVM_TERMINATE') return { ret: U.STATE }
  try {
    // The table's key is the call's name, so the handler takes exactly this call.
    const handler = HANDLERS[ucall.call] as Handler<UcallName>
    return handler(uv, ucall, page)
  } catch (trap) {
    if (!(trap instanceof Trap)) throw trap
    if (svm === undefined) return { ret: U.STATE, fault: { kind: 'OOPS', message: trap.message } }
    const result = trapResult(svm, trap)
    return result.kind === 'FAULT' ? { ret: U.STATE, fault: result.fault } : { ret: U.STATE }
  }
}

function terminate(uv: Ultravisor, call: UvSvmTerminate): UcallAnswer {
  const svm = uv.svms.get(call.lpid)
  if (svm !== undefined) destroySvm(uv, svm)
  return { ret: U.SUCCESS }
}

/**
 * UV_WRITE_PATE: an SVM's first word is the ultravisor's own. Source: svm_setup_partition_table().
 */
function writePate(uv: Ultravisor, call: UvWritePate): UcallAnswer {
  const dw0 = uv.svms.has(call.lpid) ? (uv.pates.get(call.lpid)?.dw0 ?? 0n) : call.dw0
  uv.pates.set(call.lpid, { dw0, dw1: call.dw1 })
  return { ret: U.SUCCESS }
}
