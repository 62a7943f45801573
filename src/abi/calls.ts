/**
 * Every call between the two sides: its number, who may make it, and its arguments.
 *
 * Source: ultravisor-api.h, hvcall.h, Documentation/powerpc/ultravisor.rst. The numbers above 0x10000
 * are this project's own: they stand for what a real machine does without a call (a reflected
 * fault, a load or store that crosses the memory bus) or what only a socket needs.
 */
import type { Gfn, Gpa, Lpid, Page, Ra, SlotId } from './page.ts'

export const CALL_NUMBER = {
  H_SVM_PAGE_IN: 0xef00,
  H_SVM_PAGE_OUT: 0xef04,
  H_SVM_INIT_START: 0xef08,
  H_SVM_INIT_DONE: 0xef0c,
  H_SVM_TPM_COMM: 0xef10,
  H_SVM_INIT_ABORT: 0xef14,
  UV_WRITE_PATE: 0xf104,
  UV_ESM: 0xf110,
  UV_RETURN: 0xf11c,
  UV_REGISTER_MEM_SLOT: 0xf120,
  UV_UNREGISTER_MEM_SLOT: 0xf124,
  UV_PAGE_IN: 0xf128,
  UV_PAGE_OUT: 0xf12c,
  UV_SHARE_PAGE: 0xf130,
  UV_UNSHARE_PAGE: 0xf134,
  UV_PAGE_INVAL: 0xf138,
  UV_SVM_TERMINATE: 0xf13c,
  UV_UNSHARE_ALL_PAGES: 0xf140,
  HDSI: 0x1_0001,
  MEM_READ: 0x1_0002,
  MEM_WRITE: 0x1_0003,
  SESSION_OPEN: 0x1_0004,
} as const
export type CallName = keyof typeof CALL_NUMBER

/** Flags of H_SVM_PAGE_IN. */
export const H_PAGE_IN_NONSHARED = 0
export const H_PAGE_IN_SHARED = 1
/** Hint of UV_PAGE_OUT: the page stays, a copy is wanted. Nobody acts on it. */
export const UV_SNAPSHOT = 1

// --- Ultracalls, hypervisor to ultravisor ---

export interface UvRegisterMemSlot {
  readonly call: 'UV_REGISTER_MEM_SLOT'
  readonly lpid: Lpid
  readonly startGpa: Gpa
  /** Bytes. */
  readonly size: number
  readonly flags: number
  readonly slotId: SlotId
}
export interface UvUnregisterMemSlot {
  readonly call: 'UV_UNREGISTER_MEM_SLOT'
  readonly lpid: Lpid
  readonly slotId: SlotId
}
export interface UvPageIn {
  readonly call: 'UV_PAGE_IN'
  readonly lpid: Lpid
  /** The normal frame that the ultravisor reads. */
  readonly ra: Ra
  readonly gpa: Gpa
  readonly flags: number
  readonly order: number
}
export interface UvPageOut {
  readonly call: 'UV_PAGE_OUT'
  readonly lpid: Lpid
  /** The normal frame that the ultravisor writes. */
  readonly ra: Ra
  readonly gpa: Gpa
  readonly flags: number
  readonly order: number
}
export interface UvPageInval {
  readonly call: 'UV_PAGE_INVAL'
  readonly lpid: Lpid
  readonly gpa: Gpa
  readonly order: number
  /** Sent by the MMU notifier during a migration; the kernel ignores the answer. */
  readonly via?: 'notifier'
}
export interface UvSvmTerminate {
  readonly call: 'UV_SVM_TERMINATE'
  readonly lpid: Lpid
}
export interface UvWritePate {
  readonly call: 'UV_WRITE_PATE'
  readonly lpid: Lpid
  readonly dw0: bigint
  readonly dw1: bigint
}

/** A call the hypervisor makes to the ultravisor. */
export type Ucall =
  | UvRegisterMemSlot
  | UvUnregisterMemSlot
  | UvPageIn
  | UvPageOut
  | UvPageInval
  | UvSvmTerminate
  | UvWritePate
export type UcallName = Ucall['call']

// --- Hypercalls and the memory bus, ultravisor to hypervisor ---

export interface HSvmInitStart {
  readonly call: 'H_SVM_INIT_START'
  readonly lpid: Lpid
}
export interface HSvmInitDone {
  readonly call: 'H_SVM_INIT_DONE'
  readonly lpid: Lpid
}
export interface HSvmInitAbort {
  readonly call: 'H_SVM_INIT_ABORT'
  readonly lpid: Lpid
}
export interface HSvmPageIn {
  readonly call: 'H_SVM_PAGE_IN'
  readonly lpid: Lpid
  readonly gpa: Gpa
  readonly flags: number
  readonly order: number
}
export interface HSvmPageOut {
  readonly call: 'H_SVM_PAGE_OUT'
  readonly lpid: Lpid
  readonly gpa: Gpa
  readonly flags: number
  readonly order: number
}
/** KVM has never implemented it: it answers H_FUNCTION. */
export interface HSvmTpmComm {
  readonly call: 'H_SVM_TPM_COMM'
  readonly lpid: Lpid
}
/** A call that the ultravisor makes to the hypervisor with `sc 1`. */
export type Hcall =
  | HSvmInitStart
  | HSvmInitDone
  | HSvmInitAbort
  | HSvmPageIn
  | HSvmPageOut
  | HSvmTpmComm
export type HcallName = Hcall['call']

/** A guest's page fault (hypervisor data storage interrupt) that the ultravisor reflects. */
export interface Hdsi {
  readonly call: 'HDSI'
  readonly lpid: Lpid
  readonly gpa: Gpa
}
/** A load by the ultravisor, or by a guest under it, from the host's normal memory. */
export interface MemRead {
  readonly call: 'MEM_READ'
  readonly lpid: Lpid
  readonly ra: Ra
  /** Bytes from the start of the frame. */
  readonly offset: number
  /** Bytes; the range stays in one frame. */
  readonly length: number
}
/** A store by the ultravisor, or by a guest under it, to the host's normal memory. */
export interface MemWrite {
  readonly call: 'MEM_WRITE'
  readonly lpid: Lpid
  readonly ra: Ra
  readonly offset: number
  /** `null` stores a whole frame of zeros. */
  readonly bytes: Uint8Array | null
}

/** Whatever an ultravisor sends to the hypervisor while it works for an SVM. */
export type UvRequest = Hcall | Hdsi | MemRead | MemWrite

/** The hypervisor's answer; `bytes` only for MEM_READ. */
export interface UvReply {
  readonly ret: number
  readonly bytes?: Uint8Array
}

// --- Calls of the guest, served by the ultravisor alone ---

export interface UvSharePage {
  readonly call: 'UV_SHARE_PAGE' | 'UV_UNSHARE_PAGE'
  readonly lpid: Lpid
  readonly gfn: Gfn
  /** Pages. */
  readonly num: number
}

/** An ultracall on its way, with what crosses the memory bus beside it. */
export interface UcallAnswer {
  readonly ret: number
  /** What UV_PAGE_OUT wrote to its RA. */
  readonly page?: Page
}
