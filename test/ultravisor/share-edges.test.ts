/** Shares that meet others half-way, hypervisors that give no end, and what lies beside a range. */
import t from 'tap'
import { asGfn, asGpa } from '../../src/abi/page.ts'
import { FrameState, ShareType } from '../../src/ultravisor/frame-state.ts'
import { sharePages, unsharePages } from '../../src/ultravisor/guest-calls.ts'
import { hvFrameOf } from '../../src/ultravisor/page-table.ts'
import { shareRange } from '../../src/ultravisor/share.ts'
import { guarded } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { RET, setup, states } from './share-scene.ts'
import { filled, isSamePage, LPID, PROFILES, pageInval, pageOut } from './uv-for-test.ts'

const WRITE = (ra: number) => `MEM_WRITE ${ra}`

/** Another thread of the guest shares GFN 66: the HV has given its frame, and has not answered. */
function shareHalf({ uv, hv }: ReturnType<typeof setup>): void {
  const other = sharePages(uv, LPID, 66, 1)
  const { value } = other.next({ ret: 0 })
  if (value === undefined || Array.isArray(value) || !('call' in value)) throw new Error('no call')
  hv.answer(value)
  hv.asked.length = 0
}

t.test('the frame behind a range is of no concern to its share', async (t) => {
  const all = setup()
  const { uv, svm, hv, run, zeroings } = all
  shareHalf(all)
  t.same(states(svm, 66), ['HV_SHARED'])
  t.same(run(sharePages(uv, LPID, 64, 2)), RET(0))
  t.same(
    zeroings(),
    [64, 65].map((gfn) => WRITE(hv.frame(asGfn(gfn)).ra)),
  )
  t.same(states(svm, 64, 65, 66), ['SHARED', 'SHARED', 'HV_SHARED'])
})

t.test('nor to a share that is taken back, nor to an unshare', async (t) => {
  const all = setup()
  const { uv, svm, hv, run } = all
  shareHalf(all)
  hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
  t.same(run(sharePages(uv, LPID, 64, 2)), RET(-55))
  t.same(states(svm, 64, 65, 66), ['SECURE', 'SECURE', 'HV_SHARED'])
  t.notOk(hv.asked.includes('H_SVM_PAGE_IN 66 0'))
  hv.refusals.clear()
  run(sharePages(uv, LPID, 64, 2))
  t.same(run(unsharePages(uv, LPID, 64, 2)), RET(0), 'it may be in transition')
  t.same(states(svm, 64, 65, 66), ['SECURE', 'SECURE', 'HV_SHARED'])
  svm.frames.setState(asGfn(66), FrameState.HvUnshared)
  run(sharePages(uv, LPID, 64, 2))
  t.same(run(unsharePages(uv, LPID, 64, 2)), RET(0))
  t.same(states(svm, 66), ['HV_UNSHARED'], 'and is not secured with the others')
})

t.test('firmware: the frame behind an unshared range keeps its IV and tag', async (t) => {
  const { uv, svm, run } = setup({ profile: 'firmware' })
  pageOut(uv, 66)
  t.same(run(unsharePages(uv, LPID, 64, 2)), RET(0))
  t.same(states(svm, 66), ['PAGEDOUT'])
  t.same(run(unsharePages(uv, LPID, 64, 3)), RET(0))
  t.same(states(svm, 66), ['SECURE'], 'one of the range loses them')
})

t.test('of a range that is shared in part, the rest alone is zeroed', async (t) => {
  const { uv, svm, hv, run, zeroings } = setup()
  run(sharePages(uv, LPID, 65, 1))
  hv.frame(asGfn(65)).page = filled(7)
  hv.asked.length = 0
  t.same(run(sharePages(uv, LPID, 64, 3)), RET(0))
  t.same(
    zeroings(),
    [64, 66].map((gfn) => WRITE(hv.frame(asGfn(gfn)).ra)),
  )
  t.ok(isSamePage(hv.frame(asGfn(65)).page, filled(7)), 'what the guest shared stays readable')
  t.same(states(svm, 64, 65, 66), ['SHARED', 'SHARED', 'SHARED'])
})

t.test('firmware: zeroing ends at a frame that the hypervisor did not give', async (t) => {
  const { uv, svm, hv, run, zeroings } = setup({ profile: 'firmware' })
  hv.refusals.set('H_SVM_PAGE_IN 65 1', 0)
  t.same(run(sharePages(uv, LPID, 64, 3)), {
    kind: 'ABORT',
    why: 'the hypervisor shared a frame without giving one',
  })
  t.same(zeroings(), [WRITE(hv.frame(asGfn(64)).ra)])
  t.same(states(svm, 64, 65, 66), ['SHARED', 'HV_SHARING', 'HV_SHARED'])
})

t.test('a frame that was given is HV_SHARED while it is zeroed', async (t) => {
  const { uv, svm, hv, run } = setup()
  const seen: string[] = []
  hv.meddle = (text) => {
    if (text.startsWith('MEM_WRITE')) seen.push(...states(svm, 64))
  }
  run(sharePages(uv, LPID, 64, 1))
  t.same(seen, ['HV_SHARED'])
})

t.test('a frame that is taken back while it is zeroed is zeroed no more', async (t) => {
  const { uv, svm, hv, run, zeroings } = setup()
  hv.meddle = (text) => {
    if (text.startsWith('MEM_WRITE')) pageInval(uv, 64)
  }
  t.same(run(sharePages(uv, LPID, 64, 1)), RET(0))
  t.equal(zeroings().length, 1)
  t.same(states(svm, 64), ['SHARED_INV'])
})

t.test('a hypervisor that exchanges the frame for ever ends the guest', async (t) => {
  for (const [times, isOver] of [
    [15, false],
    [16, true],
  ] as const) {
    const { uv, svm, hv, run, zeroings } = setup()
    let left = times
    hv.meddle = (text) => {
      if (!text.startsWith('MEM_WRITE') || left-- <= 0) return
      pageInval(uv, 64)
      hv.frames.delete(asGfn(64))
      hv.answer({ call: 'HDSI', lpid: LPID, gpa: asGpa(64 * 65_536) })
    }
    const why = 'the hypervisor keeps exchanging a frame that is being shared'
    t.same(run(sharePages(uv, LPID, 64, 1)), isOver ? { kind: 'ABORT', why } : RET(0))
    t.equal(zeroings().length, 16, `${times} times`)
    t.equal(svm.abortReason, isOver ? why : undefined)
    t.equal(svm.state, isOver ? SvmState.Abort : SvmState.Secure)
  }
})

t.test('many frames are zeroed in arrays of 1,024 requests at most', async (t) => {
  for (const [count, sizes] of [
    [1_024, [1_024]],
    [1_025, [1_024, 1]],
  ] as const) {
    const { uv, hv } = setup({ slots: [[1, 0, 1_100]] })
    const steps = sharePages(uv, LPID, 0, count)
    const asked: number[] = []
    let step = steps.next({ ret: 0 })
    while (step.done !== true) {
      const { value } = step
      if ('call' in value) step = steps.next(hv.answer(value))
      else {
        asked.push(value.length)
        step = steps.next(value.map(() => ({ ret: 0 })))
      }
    }
    t.same(asked, sizes)
    t.same(step.value, RET(0))
  }
})

t.test('a share that cannot be taken back ends the guest', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
    hv.refusals.set('H_SVM_PAGE_IN 64 0', -4)
    const why = 'the hypervisor refuses to take a share back'
    t.same(run(sharePages(uv, LPID, 64, 2)), { kind: 'ABORT', why }, profile)
    t.same(states(svm, 64), ['HV_UNSHARING'])
  }
})

t.test('so does one of whose frames nobody knows what became of it', async (t) => {
  const { uv, svm, hv, run } = setup()
  hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
  hv.meddle = (text) => {
    if (text === 'H_SVM_PAGE_IN 65 1') svm.frames.setState(asGfn(64), FrameState.HvUnsharing)
  }
  const why = 'a frame to be reverted is in an unexpected state'
  t.same(run(sharePages(uv, LPID, 64, 2)), { kind: 'ABORT', why })
  t.notOk(hv.asked.includes('H_SVM_PAGE_IN 64 0'), 'the hypervisor is not asked for it')
})

t.test('a pseudo share of a frame that was taken back has none', async (t) => {
  const { uv, svm, hv, run } = setup()
  hv.meddle = (text) => {
    if (text === 'H_SVM_PAGE_IN 64 1') pageInval(uv, 64)
  }
  run(guarded(svm, shareRange(uv, svm, asGfn(64), 1, ShareType.Pseudo)))
  t.same(states(svm, 64), ['PSEUDO_SHARED_INV'])
})

t.test("firmware: a frame without a page keeps the HV's as its own", async (t) => {
  const { uv, svm, hv, run, zeroings } = setup({ profile: 'firmware' })
  const gfn = asGfn(64)
  svm.contents.set(gfn, 5n)
  svm.pages.set(gfn, 0)
  t.same(run(sharePages(uv, LPID, 64, 1)), RET(0))
  const { ra } = hv.frame(gfn)
  t.equal(svm.frames.noteRa(gfn), ra, 'there was no other to note')
  hv.asked.length = 0
  t.same(run(unsharePages(uv, LPID, 64, 1)), RET(0))
  t.same(zeroings(), [WRITE(ra)], 'it is that frame that is zeroed')
  t.equal(hvFrameOf(svm.pages.entry(gfn)), ra)
  t.equal(svm.contents.get(gfn), 5n, 'not the page that is not mapped')
})

t.test('an unshare of a frame with a page of its own zeroes none of the HV', async (t) => {
  for (const profile of PROFILES) {
    const { uv, run, hv, zeroings } = setup({ profile })
    run(sharePages(uv, LPID, 64, 1))
    hv.asked.length = 0
    t.same(run(unsharePages(uv, LPID, 64, 1)), RET(0))
    t.same(zeroings(), [], profile)
  }
})
