/** Ranges that are paged in while a guest turns secure: each frame is asked for once. */
import t from 'tap'
import { asGfn, asGpa } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { PageInTracking } from '../../src/ultravisor/page-in-tracking.ts'
import { getFrames, getPageRange } from '../../src/ultravisor/page-range.ts'
import { runSteps, type UvSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { HonestHv, settle } from './uv-for-test.ts'

const PAGE = 65_536

function setup(state: SvmState = SvmState.Active) {
  const { uv, svm } = settle({ state })
  const hv = new HonestHv(uv)
  svm.tracking = new PageInTracking()
  const run = <R>(steps: UvSteps<R>): R => runSteps(steps, hv.answer)
  const range = (gpa: number, length: number) => run(getPageRange(svm, asGpa(gpa), length))
  return { svm, hv, run, range }
}
const asks = (...gfns: readonly number[]): readonly string[] =>
  gfns.map((gfn) => `H_SVM_PAGE_IN ${gfn} 0`)

t.test('a range asks for each of its frames, and for none twice', async (t) => {
  const { hv, range } = setup()
  t.equal(range(64 * PAGE, 1), 1)
  t.same(hv.asked, asks(64), 'a byte is a frame')
  t.equal(range(65 * PAGE - 1, 2), 1)
  t.same(hv.asked, asks(64, 65), 'two bytes over a border are two, one of which is there')
  t.equal(range(64 * PAGE, 4 * PAGE), 2)
  t.same(hv.asked, asks(64, 65, 66, 67), 'whole pages do not reach for the one behind them')
  t.equal(range(64 * PAGE, 4 * PAGE), 0)
  t.equal(hv.asked.length, 4, 'nothing is left to ask for')
})

t.test('a range that is none, and a guest that is secure already', async (t) => {
  const { hv, range } = setup()
  t.equal(range(64 * PAGE, 0), undefined, 'no bytes')
  t.equal(range(64 * PAGE + 5, 0), undefined, 'nor in the middle of a page')
  t.same(hv.asked, [])
  t.equal(range(63 * PAGE, 2 * PAGE), undefined, 'before the slot')
  t.equal(range(71 * PAGE, PAGE + 1), undefined, 'over its end')
  t.equal(range(71 * PAGE, PAGE), 1, 'up to its end')
  t.same(hv.asked, asks(71))
  const secure = setup(SvmState.Secure)
  t.equal(secure.range(64 * PAGE, 1), undefined)
  t.same(secure.hv.asked, [])
})

t.test('a range ends at the first frame that the hypervisor refuses', async (t) => {
  const { hv, range } = setup()
  hv.refusals.set('H_SVM_PAGE_IN 65 0', -4)
  t.equal(range(64 * PAGE, 3 * PAGE), undefined)
  t.same(hv.asked, asks(64, 65))
  hv.refusals.clear()
  t.equal(range(64 * PAGE, 3 * PAGE), 2)
  t.same(hv.asked, asks(64, 65, 65, 66), 'what was refused is asked for again')
})

t.test('a frame that is shared is left alone; one that is not mapped is no range', async (t) => {
  const { svm, hv, range } = setup()
  svm.frames.setState(asGfn(65), FrameState.Shared)
  t.equal(range(64 * PAGE, 3 * PAGE), 2)
  t.same(hv.asked, asks(64, 66))
  svm.pages.set(asGfn(64), 0)
  t.equal(range(64 * PAGE, PAGE), undefined)
})

t.test('frames are asked for in arrays of the window, and counted', async (t) => {
  const gfns = [64, 65, 66, 67, 68].map(asGfn)
  for (const [window, sizes] of [
    [2, [2, 2, 1]],
    [5, [5]],
    [9, [5]],
    [0, [1, 1, 1, 1, 1]],
  ] as const) {
    const { svm } = setup()
    const steps = getFrames(svm, gfns, window)
    const asked: number[] = []
    let step = steps.next({ ret: 0 })
    while (step.done !== true) {
      const requests = [step.value].flat()
      asked.push(requests.length)
      step = steps.next(requests.map(() => ({ ret: 0 })))
    }
    t.same(asked, sizes, `a window of ${window}`)
    t.equal(step.value, 5)
  }
})

t.test('of an array that was refused in part, what came is not asked for again', async (t) => {
  const { svm, hv, run } = setup()
  const gfns = [64, 65, 66].map(asGfn)
  hv.refusals.set('H_SVM_PAGE_IN 65 0', -4)
  t.equal(run(getFrames(svm, gfns, 8)), undefined)
  hv.refusals.clear()
  hv.asked.length = 0
  t.equal(run(getFrames(svm, gfns, 8)), 1)
  t.same(hv.asked, asks(65))
  t.equal(run(getFrames(svm, gfns, 8)), 0, 'an empty array is not sent')
  t.equal(hv.asked.length, 1)
})

t.test('without tracking nothing can be paged in', async (t) => {
  const { svm, range } = setup()
  svm.tracking = undefined
  const message = 'page-in tracking was never started'
  t.throws(() => range(64 * PAGE, 1), { kind: 'OOPS', message })
})
