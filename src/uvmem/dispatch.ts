/**
 * Hypercalls by name. Source: kvmppc_pseries_do_hcall(), which serves H_SVM_* only when the call
 * comes from secure context; H_SVM_INIT_ABORT is exempt.
 */

import type { Hcall, HcallName } from '../abi/calls.ts'
import { H, Host as HostCode } from '../abi/codes.ts'
import { initAbort } from './hcalls/init-abort.ts'
import { initDone } from './hcalls/init-done.ts'
import { initStart } from './hcalls/init-start.ts'
import { pageIn } from './hcalls/page-in.ts'
import { pageOut } from './hcalls/page-out.ts'
import { atOnce, type Host, type HvSteps, refuse, type Vm } from './host.ts'
import { Reason } from './reason.ts'

type HandlerTable = {
  readonly [Name in Hcall['call']]: (
    host: Host,
    vm: Vm,
    call: Extract<Hcall, { call: Name }>,
  ) => HvSteps
}

const HANDLERS: HandlerTable = {
  H_SVM_INIT_START: initStart,
  H_SVM_INIT_DONE: initDone,
  H_SVM_INIT_ABORT: initAbort,
  H_SVM_PAGE_IN: (host, vm, { gpa, flags, order }) => pageIn(host, vm, gpa, flags, order),
  H_SVM_PAGE_OUT: (host, vm, { gpa, flags, order }) => pageOut(host, vm, gpa, flags, order),
  H_SVM_TPM_COMM: (_host, vm) => atOnce(refuse(vm, H.FUNCTION, Reason.noSuchCall)),
}

/** Calls that the check for secure context does not meet: exempt, or unknown to the kernel. */
const UNCHECKED: ReadonlySet<HcallName> = new Set(['H_SVM_INIT_ABORT', 'H_SVM_TPM_COMM'])

/**
 * The steps of a hypercall.
 *
 * @param secureContext MSR[S] of the caller; every call over the wire has it.
 */
export function hypercall(host: Host, vm: Vm, call: Hcall, secureContext = true): HvSteps {
  vm.reason = undefined
  if (!secureContext && !UNCHECKED.has(call.call)) {
    return atOnce(refuse(vm, H.UNSUPPORTED, Reason.notSecureContext))
  }
  // DIFF: a kernel without the call hands it to the VMM (RESUME_HOST), which does not know it either.
  if (call.call === 'H_SVM_INIT_ABORT' && !host.profile.hasAbort) {
    return atOnce(refuse(vm, HostCode.RESUME_HOST, Reason.noSuchCall))
  }
  // The call that comes for each page, by name: a table's entry is looked for among all its names.
  if (call.call === 'H_SVM_PAGE_IN') return HANDLERS.H_SVM_PAGE_IN(host, vm, call)
  const handler = HANDLERS[call.call] as (host: Host, vm: Vm, call: Hcall) => HvSteps
  return handler(host, vm, call)
}
