/**
 * UV_PAGE_IN, UV_PAGE_OUT and UV_PAGE_INVAL.
 *
 * Source: handle_page_in(), handle_page_out() and handle_page_inval() of svm_host.c, with their
 * order of checks.
 *
 * DIFF: a frame whose secure page is, by a defect, a frame of the HV keeps its content there, where
 * an ultracall cannot reach it: it is sealed as zeros, and what comes in for it is not written.
 */
import type { UcallAnswer, UvPageIn, UvPageInval, UvPageOut } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import { type Gfn, gfnOf, PAGE_SHIFT, type Page, type Ra } from '../abi/page.ts'
import { unreachable } from '../lib/assert.ts'
import { FRAME_STATES, FrameState, isShared, PAGE_IN_ACTION } from './frame-state.ts'
import { Note } from './frame-table.ts'
import { openPage, sealPage } from './page-crypto.ts'
import { asSecureEntry, hvEntry, isMapped, isOwn, isPresent, Pte } from './page-table.ts'
import { secureFrame } from './secure-frame.ts'
import { type Svm, SvmState } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

/** RA bit that tells secure memory apart. Source: secure_ra_bit, bit 15 in IBM's counting. */
export const SECURE_RA_BIT = 2 ** 48

/** A frame of the HV: not 0 and not secure memory. */
const isHvRa = (ra: Ra): boolean => ra !== 0 && Math.floor(ra / SECURE_RA_BIT) % 2 === 0

/** UV_PAGE_IN; `page` is what the RA holds. */
export function pageIn(uv: Ultravisor, call: UvPageIn, page: Page): UcallAnswer {
  if (call.order !== PAGE_SHIFT) return { ret: U.P5 }
  if (!isHvRa(call.ra)) return { ret: U.P2 }
  const svm = uv.svms.get(call.lpid)
  if (svm === undefined) return { ret: U.PARAMETER }
  if (svm.state === SvmState.Abort) return { ret: U.STATE }
  const gfn = gfnOf(call.gpa)
  if (svm.slots.find(gfn) === undefined) return { ret: U.P3 }
  return { ret: takePage(uv, svm, gfn, call.ra, page) }
}

/** UV_PAGE_OUT; the answer's page is what is written to the RA. */
export function pageOut(uv: Ultravisor, call: UvPageOut): UcallAnswer {
  if (call.order !== PAGE_SHIFT) return { ret: U.P5 }
  if (!isHvRa(call.ra)) return { ret: U.P2 }
  const svm = uv.svms.get(call.lpid)
  if (svm === undefined) return { ret: U.PARAMETER }
  const gfn = gfnOf(call.gpa)
  if (svm.slots.find(gfn) === undefined) return { ret: U.P3 }
  const state = svm.frames.state(gfn)
  if (state === FrameState.HvUnshared) return { ret: U.RETRY }
  // DIFF: profile `firmware` refuses a shared frame, where ultravisor.rst promises success.
  if (isShared(state) && !uv.profile.refusesSharedPageOut) return { ret: U.SUCCESS }
  if (state !== FrameState.Secure) return { ret: U.PARAMETER }
  if (svm.state === SvmState.Abort) return { ret: U.SUCCESS }
  return sealOut(uv, svm, gfn)
}

/** UV_PAGE_INVAL. */
export function pageInval(uv: Ultravisor, call: UvPageInval): UcallAnswer {
  if (call.order !== PAGE_SHIFT) return { ret: U.P3 }
  const svm = uv.svms.get(call.lpid)
  if (svm === undefined) return { ret: U.PARAMETER }
  if (svm.state === SvmState.Abort) return { ret: U.STATE }
  const gfn = gfnOf(call.gpa)
  if (svm.slots.find(gfn) === undefined) return { ret: U.P3 }
  const state = svm.frames.state(gfn)
  const next = FRAME_STATES[state].invalidated
  if (next === undefined) return { ret: U.P2 }
  if (next === state) return { ret: U.SUCCESS }
  if (state === FrameState.Shared || state === FrameState.SharedImplicit) {
    svm.pages.invalidate(gfn)
  }
  // DIFF: profile `firmware` leaves the old frame mapped, as it aborts the SVM if the unshare
  // fails.
  if (state === FrameState.HvUnsharing && !uv.profile.abortsOnHvRefusal) {
    svm.pages.invalidate(gfn)
  }
  // DIFF: profile `firmware` does not forget the frame that the HV takes back here.
  if (state === FrameState.HvShared && !uv.profile.keepsInvalidatedFrame) {
    svm.frames.setNote(gfn, Note.None)
  }
  svm.frames.setState(gfn, next)
  return { ret: U.SUCCESS }
}

function takePage(uv: Ultravisor, svm: Svm, gfn: Gfn, ra: Ra, page: Page): number {
  const state = svm.frames.state(gfn)
  const refusesShared = uv.profile.refusesSharedPageIn && svm.state === SvmState.Active
  if (refusesShared && isShared(state)) return U.P2
  const action = PAGE_IN_ACTION[state]
  switch (action) {
    case 'copy':
      return svm.state === SvmState.Secure ? U.P2 : copyIn(uv, svm, gfn, page)
    case 'decrypt':
      return copyIn(uv, svm, gfn, page)
    case 'map-shared':
      svm.frames.setState(gfn, FrameState.Shared)
      svm.pages.set(gfn, hvEntry(ra, Pte.SoftShared | Pte.Present))
      return U.SUCCESS
    case 'map-implicit':
      svm.frames.setState(gfn, FrameState.SharedImplicit)
      svm.pages.set(gfn, hvEntry(ra, Pte.SoftShared))
      return U.SUCCESS
    case 'note-pseudo':
      svm.frames.setState(gfn, FrameState.PseudoShared)
      svm.frames.setNote(gfn, ra)
      return U.SUCCESS
    case 'unsharing':
      svm.frames.setState(gfn, FrameState.HvUnsharing)
      return U.SUCCESS
    case 'note':
      svm.frames.setState(gfn, FrameState.HvShared)
      svm.frames.setNote(gfn, ra)
      return U.SUCCESS
    default:
      return unreachable(action)
  }
}

/** Source: __handle_page_in(). */
function copyIn(uv: Ultravisor, svm: Svm, gfn: Gfn, page: Page): number {
  const entry = svm.pages.entry(gfn)
  if (!isMapped(entry)) return U.P3
  const content = contentFor(uv, svm, gfn, page)
  if (content === undefined) return U.P3
  if (isOwn(entry)) svm.contents.set(gfn, content.page)
  secureFrame(uv.profile, svm, gfn)
  if (!isPresent(entry)) svm.pages.set(gfn, asSecureEntry(entry))
  return U.SUCCESS
}

/** What comes to lie in the secure page; undefined when the HV gave something else than it got. */
function contentFor(
  uv: Ultravisor,
  svm: Svm,
  gfn: Gfn,
  page: Page,
): { readonly page: Page } | undefined {
  const isPagedOut = svm.frames.state(gfn) === FrameState.PagedOut
  // DIFF: profile `firmware` decrypts only once the SVM is SECURE, and takes ciphertext before.
  const decrypts =
    svm.state === SvmState.Secure || (isPagedOut && !uv.profile.copiesCiphertextWhileActive)
  if (!decrypts) return { page: page === 0n ? null : page }
  const seal = svm.frames.seal(gfn)
  return seal === undefined ? undefined : openPage(uv, svm, gfn, page, seal)
}

/** Source: __handle_page_out(). */
function sealOut(uv: Ultravisor, svm: Svm, gfn: Gfn): UcallAnswer {
  const entry = svm.pages.entry(gfn)
  svm.pages.invalidate(gfn)
  if (!isMapped(entry)) return { ret: U.P3 }
  const content = isOwn(entry) ? svm.contents.glance(gfn) : null
  const sealed = sealPage(uv, svm, gfn, content)
  if (sealed === undefined) {
    // DIFF: profile `firmware` does not map the page again when it could not be encrypted.
    if (!uv.profile.unmapsOnFailedSeal) svm.pages.set(gfn, entry)
    return { ret: U.RETRY }
  }
  svm.frames.setState(gfn, FrameState.PagedOut)
  svm.frames.setSeal(gfn, sealed.iv, sealed.tag)
  svm.contents.set(gfn, null)
  return { ret: U.SUCCESS, page: sealed.page }
}
