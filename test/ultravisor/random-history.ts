/** Random histories of an SVM: what happens to it, whatever its hypervisor does meanwhile. */
import fc from 'fast-check'
import type { UvReply, UvRequest } from '../../src/abi/calls.ts'
import { asGfn, asGpa, asRa, gfnOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { serveDataFault } from '../../src/ultravisor/access.ts'
import { ShareType } from '../../src/ultravisor/frame-state.ts'
import { type UvViolation, violationsOf } from '../../src/ultravisor/invariants.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { shareRange } from '../../src/ultravisor/share.ts'
import { guarded, runSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { createSvm, type Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import { unshareAll, unshareRange } from '../../src/ultravisor/unshare.ts'
import { LPID, pageIn, pageInval, pageOut, register, unregister } from './uv-for-test.ts'

/** What an HV may do at any moment: anything. */
const nested = fc.record({
  what: fc.constantFrom('in', 'out', 'inval', 'none'),
  ra: fc.integer({ min: 1, max: 40 }),
  ret: fc.constantFrom(0, 0, 0, 0, -4),
})
const gfn = fc.constantFrom(0, 1, 2, 3, 30, 31, 32, 33, 40)
const num = fc.integer({ min: 0, max: 4 })
const op = fc.oneof(
  fc.record({ op: fc.constantFrom('in', 'out', 'inval', 'fault'), gfn }),
  fc.record({ op: fc.constantFrom('share', 'implicit', 'pseudo', 'unshare'), gfn, num }),
  fc.record({ op: fc.constant('unshareAll') }),
  fc.record({ op: fc.constantFrom('secure', 'abort', 'terminate', 'create') }),
  fc.record({
    op: fc.constant('register'),
    id: fc.integer({ min: 0, max: 2 }),
    gfn,
    num: fc.integer({ min: 1, max: 70 }),
  }),
  fc.record({ op: fc.constant('unregister'), id: fc.integer({ min: 0, max: 3 }) }),
)
type Op = typeof op extends fc.Arbitrary<infer T> ? T : never
type Nested = typeof nested extends fc.Arbitrary<infer T> ? T : never

/** Answers each request as the list says, doing first what it says. */
export function wildHv(uv: Ultravisor, script: readonly Nested[]) {
  let at = 0
  return (request: UvRequest): UvReply => {
    const one = script[at++ % Math.max(script.length, 1)]
    if (one === undefined || !('gpa' in request)) return { ret: 0 }
    const target = gfnOf(request.gpa)
    const ra = asRa(one.ra * PAGE_SIZE)
    if (one.what === 'in') pageIn(uv, target, null, { ra })
    if (one.what === 'out') pageOut(uv, target, { ra })
    if (one.what === 'inval') pageInval(uv, target)
    return { ret: one.ret }
  }
}

/** One thing that happens. */
export function perform(uv: Ultravisor, hv: (request: UvRequest) => UvReply, one: Op): void {
  const svm = uv.svms.get(LPID)
  if (one.op === 'create') createSvm(uv, LPID)
  if (svm === undefined) return
  const at = 'gfn' in one ? one.gfn : 0
  const count = 'num' in one ? one.num : 0
  const share = (type: ShareType): void =>
    void runSteps(guarded(svm, shareRange(uv, svm, asGfn(at), count, type)), hv)
  if (one.op === 'in') pageIn(uv, at, 5n)
  if (one.op === 'out') pageOut(uv, at)
  if (one.op === 'inval') pageInval(uv, at)
  const gpa = asGpa(at * PAGE_SIZE)
  if (one.op === 'fault') runSteps(guarded(svm, serveDataFault(uv, svm, gpa)), hv)
  if (one.op === 'share') share(ShareType.Explicit)
  if (one.op === 'implicit') share(ShareType.Implicit)
  if (one.op === 'pseudo') share(ShareType.Pseudo)
  if (one.op === 'unshare') runSteps(guarded(svm, unshareRange(uv, svm, asGfn(at), count)), hv)
  if (one.op === 'unshareAll') runSteps(guarded(svm, unshareAll(uv, svm)), hv)
  if (one.op === 'secure' && svm.state === SvmState.Active) svm.state = SvmState.Secure
  if (one.op === 'abort') svm.state = SvmState.Abort
  if (one.op === 'terminate') serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
  if (one.op === 'register' && 'id' in one) register(uv, one.id, at, count)
  if (one.op === 'unregister' && 'id' in one) unregister(uv, one.id)
}

/** What happens to an SVM, and what its hypervisor does when it is asked. */
export const history = fc.tuple(
  fc.array(op, { maxLength: 40 }),
  fc.array(nested, { minLength: 1, maxLength: 6 }),
)

/** Rules that are broken, but for what a call that aborted its guest leaves: nobody goes on with it. */
export const brokenRules = (uv: Ultravisor): readonly UvViolation[] =>
  violationsOf(uv).filter(
    ({ rule }) => rule !== 'transient-at-rest' || uv.svms.get(LPID)?.state !== SvmState.Abort,
  )
