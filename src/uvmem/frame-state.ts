/**
 * The hypervisor's state of a guest frame, and the word that holds it.
 *
 * Source: book3s_hv_uvmem.c, "States of a GFN", "GFN state implementation" and the two life cycle
 * tables. Linux keeps 64 bits a frame with the flag on top; here 32 bits do.
 */
import type { DevicePfn } from '../abi/page.ts'
import { asDevicePfn } from '../abi/page.ts'

/** What the hypervisor knows of a guest frame. */
export const FrameState = {
  /** Belongs to the host; its content can be read by the host. No flag in Linux. */
  Normal: 'normal',
  /** Backed by a device page; the content lies in secure memory only. KVMPPC_GFN_UVMEM_PFN. */
  Secure: 'secure',
  /** Secure, but backed by a normal frame that holds ciphertext. KVMPPC_GFN_MEM_PFN. */
  PagedOut: 'paged_out',
  /** Backed by a normal frame, clear text, seen by both sides. KVMPPC_GFN_SHARED. */
  Shared: 'shared',
} as const
export type FrameState = (typeof FrameState)[keyof typeof FrameState]

/** What can happen to a guest frame in a VM's life. */
export type FrameEvent = 'share' | 'unshare' | 'abort' | 'init-done'

const { Normal, Secure, PagedOut, Shared } = FrameState

/** Life cycle of a guest frame as the documentation means it. Source: "Life cycle of a GFN". */
export const FRAME_LIFE = {
  //           share          unshare          abort, terminate  H_SVM_INIT_DONE
  normal: { share: Shared, unshare: Secure, abort: Normal, 'init-done': Secure },
  secure: { share: Shared, unshare: Secure, abort: Normal, 'init-done': Secure },
  paged_out: { share: Shared, unshare: Secure, abort: Normal, 'init-done': PagedOut },
  shared: { share: Shared, unshare: Secure, abort: Normal, 'init-done': Shared },
} as const satisfies Record<FrameState, Record<FrameEvent, FrameState>>

/** A frame's state in 32 bits: 0 to 2 for the states without a PFN, else bit 31 and the PFN. */
export const StateWord = { Normal: 0, Shared: 1, PagedOut: 2 } as const
const SECURE_BIT = 0x8000_0000

export const secureWord = (pfn: DevicePfn): number => SECURE_BIT + pfn
export const isSecureWord = (word: number): boolean => word >= SECURE_BIT
/** The device PFN of a secure word. */
export const pfnOfWord = (word: number): DevicePfn => asDevicePfn(word - SECURE_BIT)

export function stateOfWord(word: number): FrameState {
  if (isSecureWord(word)) return Secure
  if (word === StateWord.Shared) return Shared
  return word === StateWord.PagedOut ? PagedOut : Normal
}
