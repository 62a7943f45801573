/** Every call by direction: the two dispatch tables of the wire. */
import type { CallName } from '../src/abi/calls.ts'
import {
  SvmInitAbort,
  SvmInitDone,
  SvmInitStart,
  SvmPageIn,
  SvmPageOut,
  SvmTpmComm,
} from './hypercalls.ts'
import { HdsiFault, MemoryRead, MemoryWrite } from './memory-bus.ts'
import type { DownCall, UpCall } from './messages.ts'
import type { Method } from './method.ts'
import { OpenSession } from './session.ts'
import {
  PageIn,
  PageInval,
  PageOut,
  RegisterMemSlot,
  SvmTerminate,
  UnregisterMemSlot,
  WritePate,
} from './ultracalls.ts'

/** One method for every call of a direction; a call without one does not compile. */
export type MethodTable<Call extends { readonly call: CallName }> = {
  readonly [Name in Call['call']]: Method<Extract<Call, { readonly call: Name }>>
}

/** Ultravisor to hypervisor. */
export const UP_METHODS: MethodTable<UpCall> = {
  SESSION_OPEN: OpenSession,
  H_SVM_INIT_START: SvmInitStart,
  H_SVM_INIT_DONE: SvmInitDone,
  H_SVM_INIT_ABORT: SvmInitAbort,
  H_SVM_TPM_COMM: SvmTpmComm,
  H_SVM_PAGE_IN: SvmPageIn,
  H_SVM_PAGE_OUT: SvmPageOut,
  UV_REGISTER_MEM_SLOT: RegisterMemSlot,
  UV_UNREGISTER_MEM_SLOT: UnregisterMemSlot,
  HDSI: HdsiFault,
  MEM_READ: MemoryRead,
  MEM_WRITE: MemoryWrite,
}

/** Hypervisor to ultravisor. */
export const DOWN_METHODS: MethodTable<DownCall> = {
  UV_REGISTER_MEM_SLOT: RegisterMemSlot,
  UV_UNREGISTER_MEM_SLOT: UnregisterMemSlot,
  UV_PAGE_IN: PageIn,
  UV_PAGE_OUT: PageOut,
  UV_PAGE_INVAL: PageInval,
  UV_SVM_TERMINATE: SvmTerminate,
  UV_WRITE_PATE: WritePate,
}
