/**
 * The ultracalls of a secure guest, as far as they need the hypervisor.
 *
 * Source: syscall_ultracall() and ucall_from_supervisor() of uvcall.c: only a guest that is SECURE,
 * and its kernel, may make them.
 */
import { U } from '../abi/codes.ts'
import type { Lpid } from '../abi/page.ts'
import { ShareType } from './frame-state.ts'
import { shareRange } from './share.ts'
import { guarded, type UvSteps } from './steps.ts'
import { type Svm, SvmState, wrapGfn } from './svm.ts'
import type { TrapResult } from './trap.ts'
import type { Ultravisor } from './ultravisor.ts'
import { unshareAll, unshareRange } from './unshare.ts'

export type GuestResult = { readonly kind: 'RET'; readonly ret: number } | TrapResult

/** UV_SHARE_PAGE: U_SUCCESS, U_P2, or U_PERMISSION. */
export function* sharePages(
  uv: Ultravisor,
  lpid: Lpid,
  gfn: number,
  num: number,
): UvSteps<GuestResult> {
  return yield* forGuest(uv, lpid, (svm) =>
    shareRange(uv, svm, wrapGfn(gfn), num, ShareType.Explicit),
  )
}

/** UV_UNSHARE_PAGE: U_SUCCESS, U_P2, or U_PERMISSION. */
export function* unsharePages(
  uv: Ultravisor,
  lpid: Lpid,
  gfn: number,
  num: number,
): UvSteps<GuestResult> {
  return yield* forGuest(uv, lpid, (svm) => unshareRange(uv, svm, wrapGfn(gfn), num))
}

/** UV_UNSHARE_ALL_PAGES: U_SUCCESS, 1 when it stopped half-way, or U_PERMISSION. */
export function* unshareAllPages(uv: Ultravisor, lpid: Lpid): UvSteps<GuestResult> {
  return yield* forGuest(uv, lpid, (svm) => unshareAll(uv, svm))
}

function* forGuest(
  uv: Ultravisor,
  lpid: Lpid,
  stepsFor: (svm: Svm) => UvSteps<number>,
): UvSteps<GuestResult> {
  const svm = uv.svms.get(lpid)
  if (svm === undefined || svm.state !== SvmState.Secure) {
    return { kind: 'RET', ret: U.PERMISSION }
  }
  const result = yield* guarded(svm, stepsFor(svm))
  return typeof result === 'number' ? { kind: 'RET', ret: result } : result
}
