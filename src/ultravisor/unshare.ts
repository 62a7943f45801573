/**
 * UV_UNSHARE_PAGE and UV_UNSHARE_ALL_PAGES.
 *
 * Source: page_unshare_with_hv() and page_unshare_all_with_hv() of svm_host.c. What was shared
 * comes back as a page of zeros.
 */
import { U } from '../abi/codes.ts'
import { type Gfn, gfnAt } from '../abi/page.ts'
import { FrameState, isSecure, isTransient, isUnsharable } from './frame-state.ts'
import { isOwn, isPresent } from './page-table.ts'
import { secureFrame } from './secure-frame.ts'
import { abortGuest, unshareFrame } from './share.ts'
import { ask, type UvSteps } from './steps.ts'
import type { Svm } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

/** What UV_UNSHARE_ALL_PAGES answers when it stopped half-way: a boolean that failed. */
export const UNSHARE_ALL_FAILED = 1

/** Unshares `num` frames from `gfn` on; U_SUCCESS or U_P2. */
export function* unshareRange(uv: Ultravisor, svm: Svm, gfn: Gfn, num: number): UvSteps<number> {
  if (!svm.slots.hasRange(gfn, num)) return U.P2
  for (let i = 0; i < num; i++) {
    const state = svm.frames.state(gfnAt(gfn, i))
    if (isTransient(state) || isUnsharable(state)) return U.P2
  }
  const refused = yield* askForAll(uv, svm, gfn, num)
  for (let i = 0; i < num; i++) yield* zeroAndSecure(uv, svm, gfnAt(gfn, i))
  return refused ? U.P2 : U.SUCCESS
}

/** Unshares every frame that the SVM has shared; U_SUCCESS or `UNSHARE_ALL_FAILED`. */
export function* unshareAll(uv: Ultravisor, svm: Svm): UvSteps<number> {
  // DIFF: the firmware's walk asks for the frame after 0 first, and so never sees GFN 0.
  const before = uv.profile.walksSkipGfnZero ? 0 : -1
  for (let gfn = svm.frames.after(before); gfn !== undefined; gfn = svm.frames.after(gfn)) {
    const state = svm.frames.state(gfn)
    if (isUnsharable(state) || isSecure(state)) continue
    if (isTransient(state)) return UNSHARE_ALL_FAILED
    if ((yield* unshareFrame(svm, gfn)) !== U.SUCCESS) {
      if (!uv.profile.abortsOnHvRefusal) shareAgain(svm, gfn)
      return UNSHARE_ALL_FAILED
    }
    yield* zeroAndSecure(uv, svm, gfn)
  }
  return U.SUCCESS
}

/** True when the HV refused one; the frames behind it are not asked for. */
function* askForAll(uv: Ultravisor, svm: Svm, gfn: Gfn, num: number): UvSteps<boolean> {
  for (let i = 0; i < num; i++) {
    const frame = gfnAt(gfn, i)
    if (isSecure(svm.frames.state(frame))) continue
    if ((yield* unshareFrame(svm, frame)) === U.SUCCESS) continue
    // DIFF: profile `firmware` ends the SVM. Here the frame stays shared, and the guest is told.
    if (uv.profile.abortsOnHvRefusal) abortGuest(uv, svm, 'the hypervisor refuses an unshare')
    shareAgain(svm, frame)
    return true
  }
  return false
}

/** The HV keeps the frame: it stays shared, with or without a page. */
function shareAgain(svm: Svm, gfn: Gfn): void {
  const isMapped = isPresent(svm.pages.entry(gfn))
  svm.frames.setState(gfn, isMapped ? FrameState.Shared : FrameState.SharedInv)
}

function* zeroAndSecure(uv: Ultravisor, svm: Svm, gfn: Gfn): UvSteps<void> {
  const state = svm.frames.state(gfn)
  if (state !== FrameState.HvUnshared) {
    // DIFF: profile `firmware` also forgets the IV and tag of a frame that is paged out.
    if (isSecure(state) && uv.profile.dropsSeal) secureFrame(uv.profile, svm, gfn)
    return
  }
  const ra = uv.profile.securesNotedFrame ? svm.frames.noteRa(gfn) : undefined
  secureFrame(uv.profile, svm, gfn)
  if (isOwn(svm.pages.entry(gfn))) svm.contents.set(gfn, null)
  if (ra !== undefined) {
    yield* ask(svm, { call: 'MEM_WRITE', lpid: svm.lpid, ra, offset: 0, bytes: null })
  }
}
