/**
 * Pages a range in while a guest turns secure, each frame once.
 *
 * Source: get_page_range() of pagein_track.c.
 */
import { H_PAGE_IN_NONSHARED, type HSvmPageIn } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import { asGpa, type Gfn, type Gpa, gfnAt, gfnOf, gpaOf, PAGE_SHIFT } from '../abi/page.ts'
import { FrameState } from './frame-state.ts'
import { UV_LIMITS } from './limits.ts'
import type { PageInTracking } from './page-in-tracking.ts'
import { isMapped } from './page-table.ts'
import { askPageIn } from './share.ts'
import { askAll, type UvSteps } from './steps.ts'
import { type Svm, SvmState } from './svm.ts'
import { Trap } from './trap.ts'

/**
 * Makes `length` bytes from `gpa` on readable; the number of frames asked for, or undefined when
 * the range is empty or not in slots, the SVM is SECURE, or the HV refused a frame.
 */
export function* getPageRange(svm: Svm, gpa: Gpa, length: number): UvSteps<number | undefined> {
  if (length === 0 || svm.state === SvmState.Secure) return undefined
  const first = gfnOf(gpa)
  const count = gfnOf(asGpa(gpa + length - 1)) - first + 1
  if (!svm.slots.hasRange(first, count)) return undefined
  const tracking = trackingOf(svm)
  let asked = 0
  for (let i = 0; i < count; i++) {
    const gfn = gfnAt(first, i)
    if (!isDue(svm, tracking, gfn)) continue
    if ((yield* askPageIn(svm, gfn, H_PAGE_IN_NONSHARED)) !== U.SUCCESS) return undefined
    tracking.add(gfn)
    asked++
  }
  return isMapped(svm.pages.entry(first)) ? asked : undefined
}

/**
 * Pages in many frames, up to `window` requests at a time, in arrays that may be sent at once; the
 * number asked for, or undefined when the HV refused one. The frames are drawn as they are needed,
 * so that a guest of any size costs only its window.
 */
export function* getFrames(
  svm: Svm,
  gfns: Iterable<Gfn>,
  window: number,
): UvSteps<number | undefined> {
  const tracking = trackingOf(svm)
  const size = Math.min(Math.max(window, 1), UV_LIMITS.windowRequestsMax)
  let asked = 0
  let part: Gfn[] = []
  for (const gfn of gfns) {
    if (!isDue(svm, tracking, gfn)) continue
    part.push(gfn)
    if (part.length < size) continue
    if (!(yield* getPart(svm, tracking, part))) return undefined
    asked += part.length
    part = []
  }
  if (part.length > 0 && !(yield* getPart(svm, tracking, part))) return undefined
  return asked + part.length
}

/** A frame that is neither secure nor default any more is left alone. */
const isDue = (svm: Svm, tracking: PageInTracking, gfn: Gfn): boolean =>
  !tracking.has(gfn) && svm.frames.state(gfn) === FrameState.Secure

function* getPart(svm: Svm, tracking: PageInTracking, part: readonly Gfn[]): UvSteps<boolean> {
  const replies = yield* askAll(
    svm,
    part.map((gfn): HSvmPageIn => requestFor(svm, gfn)),
  )
  for (const [i, reply] of replies.entries()) {
    if (reply.ret === U.SUCCESS) tracking.add(part[i] ?? 0)
  }
  return replies.every((reply) => reply.ret === U.SUCCESS)
}

const requestFor = (svm: Svm, gfn: Gfn): HSvmPageIn => ({
  call: 'H_SVM_PAGE_IN',
  lpid: svm.lpid,
  gpa: gpaOf(gfn),
  flags: H_PAGE_IN_NONSHARED,
  order: PAGE_SHIFT,
})

function trackingOf(svm: Svm): PageInTracking {
  if (svm.tracking === undefined) throw new Trap('OOPS', 'page-in tracking was never started')
  return svm.tracking
}
