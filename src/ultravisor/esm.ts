/**
 * UV_ESM: a guest turns itself into a secure VM.
 *
 * Source: syscall_ultracall_esm_svm() and uv_esm_svm() of uvcall.c, svm_esm_blob_chk() of
 * svm-esm.c. The plan's steps are named in `EsmStep`, in their order. Strategy `necessary` pages in
 * what it looks at and nothing else; `all` is what older firmware did: every frame of every slot,
 * before it looks.
 *
 * DIFF: the firmware also reserves pages for its own buffers at the top of the first memory node
 * and writes the changed device tree back, finds the boot cpu, and reads attachments of the blob.
 */
import { U } from '../abi/codes.ts'
import { type Gpa, gfnOf, type Lpid, PAGE_SIZE, pagesIn } from '../abi/page.ts'
import type { Fdt } from '../formats/fdt.ts'
import { property, readFdt } from '../formats/fdt-read.ts'
import type { Sha512 } from '../guest/digest.ts'
import {
  blobBeforeInitrd,
  blobRangeOf,
  differenceFrom,
  type FoundBlob,
  initrdOf,
  kernelSizeOf,
  type RtasArea,
  rtasOf,
  treeOf,
  treeSizeOf,
} from './esm-measure.ts'
import { fetchRange, type Range, rangeAt, readRange } from './esm-memory.ts'
import { ShareType } from './frame-state.ts'
import { UV_LIMITS } from './limits.ts'
import { getFrames } from './page-range.ts'
import { shareRange } from './share.ts'
import { ask, guarded, type UvSteps, type UvYield } from './steps.ts'
import type { Svm } from './svm.ts'
import type { TrapResult } from './trap.ts'
import {
  abortSvm,
  commitSvm,
  createSvm,
  destroySvm,
  startTracking,
  stopTracking,
  type Ultravisor,
} from './ultravisor.ts'

export type EsmStrategy = 'necessary' | 'all'
export type EsmStep =
  | 'init-start'
  | 'populate'
  | 'tree'
  | 'rtas'
  | 'initrd'
  | 'blob'
  | 'digests'
  | 'init-done'

export interface EsmCall {
  readonly lpid: Lpid
  /** Where the kernel image begins. */
  readonly kernelBase: Gpa
  /** Where the device tree begins. */
  readonly tree: Gpa
  readonly strategy: EsmStrategy
  /** Page-ins that may be under way at once, 1 to `windowRequestsMax`. */
  readonly window: number
  readonly sha512: Sha512
  /** False when user space made the call. */
  readonly supervisor?: boolean
}

/** What was asked of the hypervisor. */
export interface EsmCounts {
  hypercalls: number
  /** H_SVM_PAGE_IN, not shared. */
  pagesIn: number
  /** H_SVM_PAGE_IN, shared. */
  pagesShared: number
}

export interface EsmFailure {
  readonly step: EsmStep
  readonly why: string
}

export type EsmResult =
  | { readonly kind: 'SECURE'; readonly ret: 0; readonly counts: EsmCounts }
  /** Refused before anything happened. */
  | { readonly kind: 'REFUSED'; readonly ret: number }
  /** Given up; `ret` is what H_SVM_INIT_ABORT answered, which the guest sees. */
  | (EsmFailure & { readonly kind: 'FAILED'; readonly ret: number; readonly counts: EsmCounts })
  | TrapResult

/** Runs UV_ESM to its end. */
export function* runEsm(uv: Ultravisor, call: EsmCall): UvSteps<EsmResult> {
  const refusal = refusalOf(call)
  if (refusal !== undefined) return { kind: 'REFUSED', ret: refusal }
  const svm = createSvm(uv, call.lpid)
  if (svm === undefined) return { kind: 'REFUSED', ret: U.RETRY }
  if (!startTracking(uv, svm)) {
    // DIFF: profile `firmware` leaves the SVM behind, and answers U_RETRY for ever.
    if (!uv.profile.keepsHalfMadeSvm) destroySvm(uv, svm)
    return { kind: 'REFUSED', ret: U.RETRY }
  }
  const counts: EsmCounts = { hypercalls: 0, pagesIn: 0, pagesShared: 0 }
  const end = yield* guarded(svm, counted(counts, plan(uv, svm, call)))
  stopTracking(uv, svm)
  if (end === undefined) return { kind: 'SECURE', ret: U.SUCCESS, counts }
  if ('kind' in end && end.kind !== 'ABORT') return end
  return yield* giveUp(uv, svm, 'kind' in end ? { step: 'rtas', why: end.why } : end, counts)
}

function refusalOf(call: EsmCall): number | undefined {
  if (call.kernelBase === 0) return U.P2
  if (call.tree === 0) return U.P3
  if (call.lpid === 0) return U.PERMISSION
  return call.supervisor === false ? U.PERMISSION : undefined
}

/**
 * The HV takes its pages back and terminates the SVM from inside this hypercall. DIFF: one that refuses
 * it, because H_SVM_INIT_START never took, leaves the firmware with an SVM that nobody ends.
 */
function* giveUp(
  uv: Ultravisor,
  svm: Svm,
  failure: EsmFailure,
  counts: EsmCounts,
): UvSteps<EsmResult> {
  abortSvm(svm)
  counts.hypercalls++
  const reply = yield { call: 'H_SVM_INIT_ABORT', lpid: svm.lpid }
  const ret = 'ret' in reply ? reply.ret : U.PARAMETER
  // A hypervisor that has not begun refuses the abort, and never terminates the SVM.
  // DIFF: profile `firmware` keeps it then, and answers U_RETRY to every later UV_ESM.
  if (!svm.gone && !uv.profile.keepsHalfMadeSvm) destroySvm(uv, svm)
  return { kind: 'FAILED', ...failure, ret, counts }
}

/** Undefined when the SVM is SECURE, else where and why it ended. */
function* plan(uv: Ultravisor, svm: Svm, call: EsmCall): UvSteps<EsmFailure | undefined> {
  const started = yield* ask(svm, { call: 'H_SVM_INIT_START', lpid: svm.lpid })
  if (started.ret !== U.SUCCESS) return failed('init-start', `it answered ${started.ret}`)
  if (call.strategy === 'all') {
    const asked = yield* getFrames(svm, svm.slots.gfns(), call.window)
    if (asked === undefined) return failed('populate', 'the hypervisor refuses a page')
  }
  const tree = yield* fetchTree(svm, call)
  if (typeof tree === 'string') return failed('tree', tree)
  const rtas = yield* fetchRtas(uv, svm, call, tree)
  if (typeof rtas === 'string') return failed('rtas', rtas)
  const initrd = initrdOf(tree)
  if (typeof initrd === 'string') return failed('initrd', initrd)
  const noInitrd = yield* fetchRange(svm, initrd, call.window)
  if (noInitrd !== undefined) return failed('initrd', noInitrd)
  const blob = yield* fetchBlob(svm, call, tree, initrd)
  if (typeof blob === 'string') return failed('blob', blob)
  const differs = yield* measure(svm, call, tree, rtas, blob)
  if (differs !== undefined) return failed('digests', differs)
  const done = yield* ask(svm, { call: 'H_SVM_INIT_DONE', lpid: svm.lpid })
  if (done.ret !== U.SUCCESS) return failed('init-done', `it answered ${done.ret}`)
  commitSvm(svm)
  return undefined
}

const failed = (step: EsmStep, why: string): EsmFailure => ({ step, why })

function* fetchTree(svm: Svm, call: EsmCall): UvSteps<Fdt | string> {
  const first = rangeAt(call.tree, PAGE_SIZE)
  const noFirst = yield* fetchRange(svm, first, call.window)
  if (noFirst !== undefined) return noFirst
  const size = treeSizeOf(readRange(svm, rangeAt(call.tree, 8)))
  if (typeof size === 'string') return size
  if (size > PAGE_SIZE) {
    const rest = rangeAt(call.tree + PAGE_SIZE, size - PAGE_SIZE)
    const noRest = yield* fetchRange(svm, rest, call.window)
    if (noRest !== undefined) return noRest
  }
  return treeOf(readRange(svm, rangeAt(call.tree, size)))
}

/** The area comes in, then the HV is told that it is shared, which the guest does not see. */
function* fetchRtas(
  uv: Ultravisor,
  svm: Svm,
  call: EsmCall,
  tree: Fdt,
): UvSteps<RtasArea | string> {
  const area = rtasOf(tree)
  if (typeof area === 'string') return area
  const pages = pagesIn(area.length)
  if (pages > UV_LIMITS.rtasPagesMax) return `the RTAS area has ${pages} pages`
  const none = yield* fetchRange(svm, rangeAt(area.start, pages * PAGE_SIZE), call.window)
  if (none !== undefined) return none
  const ret = yield* shareRange(uv, svm, gfnOf(area.start), pages, ShareType.Pseudo)
  return ret === U.SUCCESS ? area : 'the hypervisor does not share the RTAS area'
}

function* fetchBlob(
  svm: Svm,
  call: EsmCall,
  tree: Fdt,
  initrd: Range,
): UvSteps<FoundBlob | string> {
  const range = blobRangeOf(tree)
  if (range === undefined) return blobBeforeInitrd(svm, initrd)
  if (range.length > UV_LIMITS.blobBytesMax) return `the blob has ${range.length} bytes`
  const none = yield* fetchRange(svm, range, call.window)
  return none ?? { bytes: readRange(svm, range), initrd }
}

function* measure(
  svm: Svm,
  call: EsmCall,
  tree: Fdt,
  rtas: RtasArea,
  found: FoundBlob,
): UvSteps<string | undefined> {
  const blob = readFdt(found.bytes)
  if (typeof blob === 'string') return blob
  const bootargs = property(tree, '/chosen', 'bootargs')
  if (bootargs === undefined) return '/chosen has no bootargs'
  const size = kernelSizeOf(blob)
  if (typeof size === 'string') return size
  const kernel = rangeAt(call.kernelBase, size)
  const noKernel = yield* fetchRange(svm, kernel, call.window)
  if (noKernel !== undefined) return `kernel: ${noKernel}`
  return differenceFrom(blob, call.sha512, svm, {
    rtas: rangeAt(rtas.start, rtas.textLength),
    kernel,
    initrd: found.initrd,
    bootargs,
  })
}

/** Counts what the steps ask. */
function* counted<R>(counts: EsmCounts, steps: UvSteps<R>): UvSteps<R> {
  let step = steps.next({ ret: 0 })
  while (step.done !== true) {
    count(counts, step.value)
    step = steps.next(yield step.value)
  }
  return step.value
}

function count(counts: EsmCounts, asked: UvYield): void {
  const requests = 'call' in asked ? [asked] : asked
  for (const request of requests) {
    if (request.call.startsWith('H_')) counts.hypercalls++
    if (request.call !== 'H_SVM_PAGE_IN') continue
    if (request.flags === 0) counts.pagesIn++
    else counts.pagesShared++
  }
}
