/**
 * Sharing and unsharing: the calls made, what becomes of the frames, and the firmware's defects.
 */
import t from 'tap'
import { asGfn, asGpa, asLpid, type Gfn } from '../../src/abi/page.ts'
import { FRAME_STATES, ShareType } from '../../src/ultravisor/frame-state.ts'
import { sharePages, unshareAllPages, unsharePages } from '../../src/ultravisor/guest-calls.ts'
import { violationsOf } from '../../src/ultravisor/invariants.ts'
import { hvFrameOf, isOwn, isPresent } from '../../src/ultravisor/page-table.ts'
import { shareRange } from '../../src/ultravisor/share.ts'
import { guarded } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { RET, setup, states } from './share-scene.ts'
import {
  filled,
  type HonestHv,
  isSamePage,
  LPID,
  PROFILES,
  pageInval,
  pageOut,
} from './uv-for-test.ts'

for (const profile of PROFILES) {
  t.test(`a share asks, zeroes and maps, in this order; profile ${profile}`, async (t) => {
    const { uv, svm, hv, run } = setup({ profile })
    svm.contents.set(asGfn(65), filled(8))
    hv.meddle = (text) => {
      if (text === 'H_SVM_PAGE_IN 65 1') hv.frame(asGfn(65)).page = filled(0xee)
    }
    t.same(run(sharePages(uv, LPID, 64, 2)), RET(0))
    const [first, second] = [hv.frame(asGfn(64)).ra, hv.frame(asGfn(65)).ra]
    t.same(hv.asked, [
      'H_SVM_PAGE_IN 64 1',
      'H_SVM_PAGE_IN 65 1',
      `MEM_WRITE ${first}`,
      `MEM_WRITE ${second}`,
    ])
    t.same(states(svm, 64, 65, 66), ['SHARED', 'SHARED', 'SECURE'])
    t.equal(hvFrameOf(svm.pages.entry(asGfn(65))), second)
    t.ok(isSamePage(hv.frame(asGfn(65)).page, filled(0)), 'what the HV had there is gone')
    hv.asked.length = 0
    t.same(run(sharePages(uv, LPID, 64, 2)), RET(0), 'again: nothing to do')
    t.same(hv.asked, [])
    t.same(run(unsharePages(uv, LPID, 64, 3)), RET(0))
    t.same(hv.asked.slice(0, 2), ['H_SVM_PAGE_IN 64 0', 'H_SVM_PAGE_IN 65 0'])
    t.same(states(svm, 64, 65, 66), ['SECURE', 'SECURE', 'SECURE'])
    t.ok(isOwn(svm.pages.entry(asGfn(65))))
    t.equal(svm.contents.get(asGfn(65)), null, 'an unshared page is zeros, not its old content')
    t.same(violationsOf(uv), [])
  })

  t.test(`ranges and callers that are refused; profile ${profile}`, async (t) => {
    const { uv, svm, hv, run } = setup({ profile })
    t.same(run(sharePages(uv, LPID, 63, 1)), RET(-55), 'before the slot')
    t.same(run(sharePages(uv, LPID, 71, 2)), RET(-55), 'over its end')
    t.same(run(sharePages(uv, LPID, 64, 0)), RET(-55), 'no frame at the start of a slot')
    t.same(run(unsharePages(uv, LPID, 2 ** 44, 1)), RET(-55))
    svm.state = SvmState.Active
    t.same(run(sharePages(uv, LPID, 64, 1)), RET(-11), 'a guest that is not SECURE')
    t.same(run(unshareAllPages(uv, LPID)), RET(-11))
    t.same(hv.asked, [], 'nothing was asked')
    t.equal(svm.frames.count, 0)
  })

  t.test(`implicit and pseudo shares; profile ${profile}`, async (t) => {
    const { uv, svm, hv, run } = setup({ profile })
    svm.contents.set(asGfn(66), filled(4))
    run(guarded(svm, shareRange(uv, svm, asGfn(64), 1, ShareType.Implicit)))
    run(guarded(svm, shareRange(uv, svm, asGfn(66), 1, ShareType.Pseudo)))
    t.same(states(svm, 64, 66), ['SHARED_IMPLICIT', 'PSEUDO_SHARED'])
    t.notOk(isPresent(svm.pages.entry(asGfn(64))), 'the guest must not touch the first')
    t.ok(isOwn(svm.pages.entry(asGfn(66))), 'and keeps its page of the second')
    t.ok(isSamePage(svm.contents.get(asGfn(66)), filled(4)))
    hv.asked.length = 0
    t.same(run(unsharePages(uv, LPID, 64, 1)), RET(-55), 'neither is ever unshared')
    t.same(run(unsharePages(uv, LPID, 65, 2)), RET(-55))
    t.same(run(unshareAllPages(uv, LPID)), RET(0))
    t.same(hv.asked, [])
  })

  t.test(`a paged-out frame comes in before it is shared; profile ${profile}`, async (t) => {
    const { svm, uv, hv, run } = setup({ profile })
    hv.takeOut(asGfn(64))
    t.same(states(svm, 64), ['PAGEDOUT'])
    t.same(run(sharePages(uv, LPID, 64, 1)), RET(0))
    t.same(hv.asked.slice(0, 2), ['H_SVM_PAGE_IN 64 0', 'H_SVM_PAGE_IN 64 1'])
    t.same(states(svm, 64), ['SHARED'])
  })
}

t.test('a share of two whose second is refused', async (t) => {
  const start = (profile: 'firmware' | 'spec') => {
    const all = setup({ profile })
    all.svm.contents.set(asGfn(64), filled(1))
    all.hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
    return all
  }
  const spec = start('spec')
  t.same(spec.run(sharePages(spec.uv, LPID, 64, 2)), RET(-55))
  t.same(states(spec.svm, 64, 65), ['SECURE', 'SECURE'])
  t.ok(isSamePage(spec.svm.contents.get(asGfn(64)), filled(1)), 'spec: the guest keeps its page')
  t.notOk(spec.hv.asked.includes('H_SVM_PAGE_IN 65 0'), 'what was never given is not taken back')
  t.same(violationsOf(spec.uv), [])
  const firmware = start('firmware')
  t.same(firmware.run(sharePages(firmware.uv, LPID, 64, 2)), RET(-55))
  t.same(states(firmware.svm, 64, 65), ['SECURE', 'SECURE'])
  const frame = hvFrameOf(firmware.svm.pages.entry(asGfn(64)))
  t.not(frame, undefined, "firmware: the HV's frame is now its secure page")
  t.same(
    violationsOf(firmware.uv).map(({ rule, gfn }) => [rule, gfn]),
    [['secure-page', 64]],
  )
})

t.test('the branch of the revert that names the first frame', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    run(sharePages(uv, LPID, 64, 1))
    hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
    t.same(run(sharePages(uv, LPID, 64, 2)), RET(-55))
    const kept = profile === 'spec' ? 'SHARED' : 'SECURE'
    t.same(states(svm, 64, 65), [kept, 'SECURE'], profile)
  }
})

t.test('the page-in of a share that fails', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    svm.contents.set(asGfn(64), filled(6))
    hv.takeOut(asGfn(64))
    hv.refusals.set('H_SVM_PAGE_IN 64 0', -4)
    t.same(run(sharePages(uv, LPID, 64, 1)), RET(-55))
    t.same(states(svm, 64), [profile === 'spec' ? 'PAGEDOUT' : 'SECURE'], profile)
    t.notOk(isPresent(svm.pages.entry(asGfn(64))))
  }
})

t.test('the four tries of that page-in', async (t) => {
  /** The HV takes the page out again right after it gave it, `times` times. */
  const steal = (hv: HonestHv, times: number): void => {
    let left = times
    hv.meddle = (text) => {
      if (text === 'H_SVM_PAGE_IN 64 0' && left-- > 0) hv.takeOut(asGfn(64))
    }
  }
  const rows: ['firmware' | 'spec', number, number, string][] = [
    ['spec', 2, 0, 'third try works'],
    ['spec', 3, 0, 'fourth try works'],
    ['spec', 9, -55, 'no try works'],
    ['firmware', 2, 0, 'third try works'],
    ['firmware', 3, -55, 'fourth try works, but counts as failure'],
    ['firmware', 9, 0, 'no try works, but it goes on as if one had'],
  ]
  for (const [profile, times, ret, why] of rows) {
    const { uv, hv, run } = setup({ profile })
    hv.takeOut(asGfn(64))
    steal(hv, times)
    t.same(run(sharePages(uv, LPID, 64, 1)), RET(ret), `${profile}: ${why}`)
    const tries = hv.asked.filter((text) => text === 'H_SVM_PAGE_IN 64 0').length
    t.equal(tries, Math.min(times + 1, 4), `${profile}: ${why}: tries`)
  }
})

t.test('a frame that is taken back before the commit', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    hv.meddle = (text) => {
      if (text === 'H_SVM_PAGE_IN 64 1') pageInval(uv, 64)
    }
    t.same(run(sharePages(uv, LPID, 64, 1)), RET(0))
    t.same(states(svm, 64), [profile === 'spec' ? 'SHARED_INV' : 'SHARED'], profile)
    t.equal(
      hvFrameOf(svm.pages.entry(asGfn(64))) !== undefined,
      profile === 'firmware',
      'only the firmware maps what the HV has taken back',
    )
    const zeroed = hv.asked.filter((text) => text.startsWith('MEM_WRITE')).length
    t.equal(zeroed, profile === 'firmware' ? 1 : 0)
  }
})

t.test('a frame exchanged while it is being zeroed is zeroed in its turn', async (t) => {
  const { uv, svm, hv, run } = setup()
  let exchanged = false
  hv.meddle = (text) => {
    if (!text.startsWith('MEM_WRITE') || exchanged) return
    exchanged = true
    pageInval(uv, 64)
    hv.frames.delete(asGfn(64))
    hv.answer({ call: 'HDSI', lpid: LPID, gpa: asGpa(64 * 65_536) })
  }
  t.same(run(sharePages(uv, LPID, 64, 1)), RET(0))
  const { ra } = hv.frame(asGfn(64))
  t.equal(hvFrameOf(svm.pages.entry(asGfn(64))), ra)
  t.equal(hv.asked.filter((text) => text === `MEM_WRITE ${ra}`).length, 1)
})

t.test('success without a frame', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    hv.refusals.set('H_SVM_PAGE_IN 64 1', 0)
    const result = run(sharePages(uv, LPID, 64, 1))
    if (profile === 'firmware') {
      t.equal(result.kind, 'ABORT')
      t.same(states(svm, 64), ['HV_SHARING'])
      t.equal(svm.state, SvmState.Secure, 'the firmware leaves the state as it was')
    } else {
      t.same(result, RET(0))
      t.same(states(svm, 64), ['SHARED_INV'], 'as if the HV had taken the frame back at once')
    }
  }
})

t.test('an unshare that the HV refuses', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    run(sharePages(uv, LPID, 64, 3))
    hv.refusals.set('H_SVM_PAGE_IN 65 0', -4)
    const result = run(unsharePages(uv, LPID, 64, 3))
    if (profile === 'firmware') {
      t.equal(result.kind, 'ABORT')
      t.same(states(svm, 64, 65, 66), ['HV_UNSHARED', 'HV_UNSHARING', 'SHARED'])
      t.ok(svm.abortReason)
    } else {
      t.same(result, RET(-55))
      t.same(states(svm, 64, 65, 66), ['SECURE', 'SHARED', 'SHARED'])
      t.same(violationsOf(uv), [])
    }
  }
})

t.test('an unshare of a paged-out frame', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile })
    pageOut(uv, 64)
    t.same(run(unsharePages(uv, LPID, 64, 1)), RET(0))
    t.same(hv.asked, [], 'is not asked of the HV')
    t.same(states(svm, 64), [profile === 'spec' ? 'PAGEDOUT' : 'SECURE'], profile)
  }
})

t.test('unshare all', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, hv, run } = setup({ profile, slots: [[1, 0, 600]], secureUnits: 64 })
    for (const gfn of [0, 3, 599]) run(sharePages(uv, LPID, gfn, 1))
    pageInval(uv, 3)
    pageOut(uv, 5)
    hv.asked.length = 0
    t.same(run(unshareAllPages(uv, LPID)), RET(0))
    const first = profile === 'spec' ? 'SECURE' : 'SHARED'
    t.same(states(svm, 0, 3, 5, 599), [first, 'SECURE', 'PAGEDOUT', 'SECURE'], profile)
    run(sharePages(uv, LPID, 7, 2))
    hv.refusals.set('H_SVM_PAGE_IN 7 0', -4)
    t.same(run(unshareAllPages(uv, LPID)), RET(1), 'the HV refuses')
    const refused = profile === 'spec' ? 'SHARED' : 'HV_UNSHARING'
    t.same(states(svm, 7, 8), [refused, 'SHARED'], 'and the walk ends there')
  }
})

t.test('a guest that ends while it waits', async (t) => {
  const { uv, svm, hv, run } = setup()
  hv.meddle = (text) => {
    if (text === 'H_SVM_PAGE_IN 64 1') hv.answer({ call: 'H_SVM_INIT_ABORT', lpid: LPID })
  }
  t.same(run(sharePages(uv, LPID, 64, 2)), { kind: 'GONE' })
  t.equal(uv.svms.size, 0)
  t.equal(svm.callsInFlight, 0)
  t.notOk(hv.asked.includes('H_SVM_PAGE_IN 65 1'), 'nothing more is asked')
})

t.test('a guest that is no SVM may share nothing', async (t) => {
  const { uv, svm, hv, run } = setup()
  t.same(run(sharePages(uv, asLpid(9), 64, 1)), RET(-11))
  t.same(run(unsharePages(uv, asLpid(9), 64, 1)), RET(-11))
  t.same(run(unshareAllPages(uv, asLpid(9))), RET(-11))
  t.same(hv.asked, [])
  t.equal(svm.frames.count, 0)
})

t.test('steps that are given up are no longer under way', async (t) => {
  const { uv, svm } = setup()
  const steps = sharePages(uv, LPID, 64, 1)
  steps.next({ ret: 0 })
  t.equal(svm.callsInFlight, 1)
  t.same(violationsOf(uv), [], 'a transient frame is right while the call waits')
  steps.return({ kind: 'RET', ret: 0 })
  t.equal(svm.callsInFlight, 0)
  const rules = violationsOf(uv).map(({ rule }) => rule)
  t.same(rules, ['transient-at-rest'])
})

t.test('a share that meets a frame in transition', async (t) => {
  for (const profile of PROFILES) {
    const { uv, svm, run } = setup({ profile })
    const waiting = sharePages(uv, LPID, 66, 1)
    waiting.next({ ret: 0 })
    t.same(run(sharePages(uv, LPID, 65, 2)), RET(-55))
    const before: Gfn = asGfn(65)
    const left = profile === 'spec' ? 'SECURE' : 'HV_SHARED'
    t.equal(FRAME_STATES[svm.frames.state(before)].name, left, profile)
  }
})
