/**
 * UV_SHARE_PAGE, and the shares that the ultravisor makes on its own.
 *
 * Source: page_share_with_hv(), commit_all_gfns_as_shared() and revert_transient_pages_to_secure()
 * of svm_host.c. Either all frames of a range end up shared, or none that was not before.
 */
import { H_PAGE_IN_NONSHARED, H_PAGE_IN_SHARED } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import { type Gfn, gfnAt, gpaOf, PAGE_SHIFT, type Ra } from '../abi/page.ts'
import { FrameState, isSecure, isShared, isTransient, ShareType } from './frame-state.ts'
import { Note } from './frame-table.ts'
import { UV_LIMITS } from './limits.ts'
import { hvEntry, Pte } from './page-table.ts'
import { noteOfEntry, secureFrame } from './secure-frame.ts'
import { ask, askAll, type UvSteps } from './steps.ts'
import { type Svm, SvmState } from './svm.ts'
import { Trap } from './trap.ts'
import type { Ultravisor } from './ultravisor.ts'

/** Shares `num` frames from `gfn` on; U_SUCCESS or U_P2. */
export function* shareRange(
  uv: Ultravisor,
  svm: Svm,
  gfn: Gfn,
  num: number,
  type: ShareType,
): UvSteps<number> {
  if (!svm.slots.hasRange(gfn, num)) return U.P2
  for (let i = 0; i < num; i++) {
    const frame = gfnAt(gfn, i)
    const state = svm.frames.state(frame)
    if (isShared(state)) continue
    if (isTransient(state)) {
      // DIFF: profile `firmware` leaves the frames before this one HV_SHARED for ever.
      if (!uv.profile.leavesHalfShared) yield* revert(uv, svm, gfn, i)
      return U.P2
    }
    const shared = (yield* bringIn(uv, svm, frame)) && (yield* askToShare(uv, svm, frame))
    if (!shared) {
      yield* revert(uv, svm, gfn, i + 1)
      return U.P2
    }
  }
  return yield* commit(uv, svm, gfn, num, type)
}

/** Asks the HV for a frame's page; its code. Source: h_svm_page_in(). */
export function* askPageIn(svm: Svm, gfn: Gfn, flags: number): UvSteps<number> {
  const reply = yield* ask(svm, {
    call: 'H_SVM_PAGE_IN',
    lpid: svm.lpid,
    gpa: gpaOf(gfn),
    flags,
    order: PAGE_SHIFT,
  })
  return reply.ret
}

/** svm_abort(). */
export function abortGuest(uv: Ultravisor, svm: Svm, why: string): never {
  // DIFF: profile `firmware` leaves the state as it was.
  if (!uv.profile.abortKeepsState) svm.state = SvmState.Abort
  throw new Trap('ABORT', why)
}

/** A paged-out frame comes in first; another thread of the HV may take it out again meanwhile. */
function* bringIn(uv: Ultravisor, svm: Svm, gfn: Gfn): UvSteps<boolean> {
  let triesLeft = UV_LIMITS.pageInTriesMax
  while (svm.frames.state(gfn) === FrameState.PagedOut && triesLeft > 0) {
    triesLeft--
    const ret = yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED)
    if (ret !== U.SUCCESS) return false
  }
  const state = svm.frames.state(gfn)
  // DIFF: profile `firmware` fails when the last try works, and goes on when none is left.
  if (uv.profile.miscountsTries) return triesLeft > 0 || state === FrameState.PagedOut
  return state === FrameState.Secure
}

function* askToShare(uv: Ultravisor, svm: Svm, gfn: Gfn): UvSteps<boolean> {
  svm.frames.setState(gfn, FrameState.HvSharing)
  const ret = yield* askPageIn(svm, gfn, H_PAGE_IN_SHARED)
  if (ret !== U.SUCCESS) return false
  // DIFF: profile `firmware` ends the SVM when the HV shares a frame and gives none. Here the frame
  // counts as one that was taken back already.
  const hasNone = svm.frames.state(gfn) === FrameState.HvSharing
  if (hasNone && !uv.profile.abortsOnHvRefusal) svm.frames.setState(gfn, FrameState.HvSharedInv)
  return true
}

function* commit(
  uv: Ultravisor,
  svm: Svm,
  gfn: Gfn,
  num: number,
  type: ShareType,
): UvSteps<number> {
  yield* zeroFrames(uv, svm, gfn, num)
  for (let i = 0; i < num; i++) {
    const frame = gfnAt(gfn, i)
    if (!isShared(svm.frames.state(frame))) commitFrame(uv, svm, frame, type)
  }
  return U.SUCCESS
}

const isConfirmed = (state: FrameState): boolean =>
  state === FrameState.HvShared || state === FrameState.HvSharedInv

/**
 * Zeroes the frames that the HV gave, so that nothing of the host's reaches the guest.
 *
 * DIFF: the firmware zeroes them one by one under a lock. Here the HV may exchange a frame while it
 * is being zeroed, and then the new one has its turn.
 */
function* zeroFrames(uv: Ultravisor, svm: Svm, gfn: Gfn, num: number): UvSteps<void> {
  const zeroed = new Map<Gfn, Ra>()
  for (let round = 0; ; round++) {
    const due: [Gfn, Ra][] = []
    for (let i = 0; i < num; i++) {
      const frame = gfnAt(gfn, i)
      if (!isConfirmed(svm.frames.state(frame))) {
        if (isShared(svm.frames.state(frame))) continue
        break
      }
      const ra = svm.frames.noteRa(frame)
      if (ra !== undefined && zeroed.get(frame) !== ra) due.push([frame, ra])
    }
    if (due.length === 0) return
    if (round >= UV_LIMITS.shareZeroingsMax) {
      abortGuest(uv, svm, 'the hypervisor keeps exchanging a frame that is being shared')
    }
    for (let at = 0; at < due.length; at += UV_LIMITS.windowRequestsMax) {
      const part = due.slice(at, at + UV_LIMITS.windowRequestsMax)
      yield* askAll(
        svm,
        part.map(([, ra]) => ({ call: 'MEM_WRITE', lpid: svm.lpid, ra, offset: 0, bytes: null })),
      )
    }
    for (const [frame, ra] of due) zeroed.set(frame, ra)
  }
}

function commitFrame(uv: Ultravisor, svm: Svm, gfn: Gfn, type: ShareType): void {
  if (!isConfirmed(svm.frames.state(gfn))) {
    abortGuest(uv, svm, 'the hypervisor shared a frame without giving one')
  }
  const ra = svm.frames.noteRa(gfn)
  if (type === ShareType.Pseudo) {
    const hasFrame = ra !== undefined
    svm.frames.setState(gfn, hasFrame ? FrameState.PseudoShared : FrameState.PseudoSharedInv)
    return
  }
  const mapped = noteOfEntry(svm.pages.entry(gfn))
  const explicit = type === ShareType.Explicit
  if (mapped !== Note.None) svm.frames.setNote(gfn, mapped)
  if (ra === undefined) {
    svm.frames.setState(gfn, explicit ? FrameState.SharedInv : FrameState.SharedImplicitInv)
    svm.pages.set(gfn, 0)
    return
  }
  svm.frames.setState(gfn, explicit ? FrameState.Shared : FrameState.SharedImplicit)
  svm.pages.set(gfn, hvEntry(ra, explicit ? Pte.SoftShared | Pte.Present : Pte.SoftShared))
}

/** Takes back what the first `num` frames of a failed share have become. */
function* revert(uv: Ultravisor, svm: Svm, gfn: Gfn, num: number): UvSteps<void> {
  for (let i = 0; i < num; i++) yield* revertFrame(uv, svm, gfn, gfnAt(gfn, i))
  for (let i = 0; i < num; i++) {
    const frame = gfnAt(gfn, i)
    const state = svm.frames.state(frame)
    // DIFF: profile `firmware` drops the IV and tag of a frame that is still paged out.
    const keeps = state === FrameState.PagedOut && !uv.profile.dropsSeal
    if (!isShared(state) && !keeps) secureFrame(uv.profile, svm, frame)
  }
}

function* revertFrame(uv: Ultravisor, svm: Svm, first: Gfn, gfn: Gfn): UvSteps<void> {
  const state = svm.frames.state(gfn)
  if (isShared(state) || isSecure(state)) return
  // DIFF: the firmware names the first frame of the range here, not the one at hand.
  if (state === FrameState.HvSharing && uv.profile.revertSecuresFirst) {
    secureFrame(uv.profile, svm, first)
    return
  }
  const expected = isConfirmed(state) || state === FrameState.HvSharing
  if (!expected) abortGuest(uv, svm, 'a frame to be reverted is in an unexpected state')
  if (state === FrameState.HvSharing) return
  const ret = yield* unshareFrame(svm, gfn)
  if (ret !== U.SUCCESS) abortGuest(uv, svm, 'the hypervisor refuses to take a share back')
}

/** Asks the HV to unshare one frame; its code. Source: unshare_gfn(). */
export function* unshareFrame(svm: Svm, gfn: Gfn): UvSteps<number> {
  svm.frames.setState(gfn, FrameState.HvUnsharing)
  const ret = yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED)
  if (ret === U.SUCCESS) svm.frames.setState(gfn, FrameState.HvUnshared)
  return ret
}
