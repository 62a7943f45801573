/**
 * UV_ESM as far as pages and states go: the same calls of the ultravisor core as in
 * src/ultravisor/esm.ts, without the device tree and the digests.
 *
 * DIFF: what is measured is given, not read from the guest; `wrong` stands for a digest that
 * differs. There is no page-in tracking: no frame is asked for twice anyway.
 */
import { H_PAGE_IN_NONSHARED } from '../../abi/calls.ts'
import { U } from '../../abi/codes.ts'
import type { Gfn, Lpid } from '../../abi/page.ts'
import { FrameState, ShareType } from '../../ultravisor/frame-state.ts'
import { askPageIn, shareRange } from '../../ultravisor/share.ts'
import { ask, guarded, type UvSteps } from '../../ultravisor/steps.ts'
import type { Svm } from '../../ultravisor/svm.ts'
import type { TrapResult } from '../../ultravisor/trap.ts'
import {
  abortSvm,
  commitSvm,
  createSvm,
  destroySvm,
  type Ultravisor,
} from '../../ultravisor/ultravisor.ts'

export interface ShortEsm {
  readonly lpid: Lpid
  /** What is paged in before H_SVM_INIT_DONE. */
  readonly gfns: readonly Gfn[]
  /** The first of them is then shared behind the guest's back. */
  readonly sharesFirst: boolean
  /** The measurement fails. */
  readonly wrong: boolean
}

export type ShortEsmResult =
  | { readonly kind: 'SECURE' }
  | { readonly kind: 'REFUSED' }
  | { readonly kind: 'FAILED'; readonly step: string }
  | TrapResult

export function* runShortEsm(uv: Ultravisor, call: ShortEsm): UvSteps<ShortEsmResult> {
  const svm = createSvm(uv, call.lpid)
  if (svm === undefined) return { kind: 'REFUSED' }
  const failed = yield* guarded(svm, plan(uv, svm, call))
  if (failed === undefined) return { kind: 'SECURE' }
  if (typeof failed !== 'string') return failed
  abortSvm(svm)
  yield { call: 'H_SVM_INIT_ABORT', lpid: svm.lpid }
  if (!svm.gone && !uv.profile.keepsHalfMadeSvm) destroySvm(uv, svm)
  return { kind: 'FAILED', step: failed }
}

/** Undefined when the SVM is SECURE, else the step that failed. */
function* plan(uv: Ultravisor, svm: Svm, call: ShortEsm): UvSteps<string | undefined> {
  const started = yield* ask(svm, { call: 'H_SVM_INIT_START', lpid: svm.lpid })
  if (started.ret !== U.SUCCESS) return 'init-start'
  for (const gfn of call.gfns) {
    if (svm.frames.state(gfn) !== FrameState.Secure) continue
    if ((yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED)) !== U.SUCCESS) return 'page-in'
  }
  const [first] = call.gfns
  if (call.sharesFirst && first !== undefined) {
    const ret = yield* shareRange(uv, svm, first, 1, ShareType.Pseudo)
    if (ret !== U.SUCCESS) return 'rtas'
  }
  if (call.wrong) return 'digests'
  const done = yield* ask(svm, { call: 'H_SVM_INIT_DONE', lpid: svm.lpid })
  if (done.ret !== U.SUCCESS) return 'init-done'
  commitSvm(svm)
  return undefined
}
