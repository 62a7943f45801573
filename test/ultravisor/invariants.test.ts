/** Each rule of the state is seen when it is broken, and only then. */
import t from 'tap'
import { asGfn, asLpid, asRa, asSlotId } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { Note } from '../../src/ultravisor/frame-table.ts'
import { violationsOf } from '../../src/ultravisor/invariants.ts'
import { hvEntry, OWN_PRESENT, Pte } from '../../src/ultravisor/page-table.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { restoreUltravisor, snapshotOf } from '../../src/ultravisor/snapshot.ts'
import { type Svm, SvmState } from '../../src/ultravisor/svm.ts'
import { startTracking, type Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import { filled, isSamePage, pageIn, pageOut, settle } from './uv-for-test.ts'

const GFN = asGfn(66)
const RA = asRa(0x20_0000)

t.test('a broken rule is named, with its frame', async (t) => {
  const cases: [string, (svm: Svm, uv: Ultravisor) => void, string[]][] = [
    ['nothing', () => {}, []],
    ['a lost unit', (_svm, uv) => void uv.availableUnits--, ['budget']],
    [
      'a slot over another',
      (svm) => svm.slots.put({ id: asSlotId(2), base: asGfn(60), count: 5, units: 0 }),
      ['slots'],
    ],
    [
      'units nobody reserved',
      (svm) => svm.slots.put({ id: asSlotId(2), base: asGfn(200), count: 5, units: 1 }),
      ['slot-units'],
    ],
    [
      'a record outside',
      (svm) => {
        svm.frames.setState(asGfn(3), FrameState.PseudoShared)
      },
      ['frame-in-slot'],
    ],
    [
      'a call that ended half-way',
      (svm) => svm.frames.setState(GFN, FrameState.HvSharing),
      ['transient-at-rest'],
    ],
    [
      'paged out without seal',
      (svm) => svm.frames.setState(GFN, FrameState.PagedOut),
      ['paged-out'],
    ],
    ['shared, not mapped', (svm) => svm.frames.setState(GFN, FrameState.Shared), ['shared']],
    [
      'implicit, mapped for the guest',
      (svm) => {
        svm.frames.setState(GFN, FrameState.SharedImplicit)
        svm.pages.set(GFN, hvEntry(RA, Pte.SoftShared | Pte.Present))
      },
      ['not-present'],
    ],
    [
      'implicit, on its own page',
      (svm) => {
        svm.frames.setState(GFN, FrameState.SharedImplicit)
        svm.pages.set(GFN, OWN_PRESENT - Pte.Present)
      },
      ['shared'],
    ],
    [
      "secure on the HV's frame",
      (svm) => svm.pages.set(GFN, hvEntry(RA, Pte.Present)),
      ['secure-page'],
    ],
    ['no page table', (svm) => svm.pages.freeRoot(), ['secure-page']],
    ['tracking after ESM', (svm, uv) => void startTracking(uv, svm), ['tracking']],
  ]
  for (const [why, harm, rules] of cases) {
    const { uv, svm } = settle()
    harm(svm, uv)
    const found = violationsOf(uv)
    t.same(
      found.map(({ rule }) => rule),
      rules,
      why,
    )
  }
})

t.test('an SVM that is stopped is not looked at', async (t) => {
  const { uv, svm } = settle()
  svm.frames.setState(GFN, FrameState.HvSharing)
  svm.fault = { kind: 'OOPS', message: 'for this test' }
  t.same(violationsOf(uv), [])
})

t.test('a snapshot carries keys, seals and contents', async (t) => {
  const { uv, svm } = settle()
  startTracking(uv, svm)
  svm.tracking?.add(9)
  svm.contents.set(GFN, filled(5))
  svm.contents.set(asGfn(67), filled(6))
  svm.contents.set(asGfn(68), 0xabcn)
  serve(uv, { call: 'UV_WRITE_PATE', lpid: asLpid(9), dw0: 1n, dw1: 2n ** 63n })
  const cipher = pageOut(uv, GFN).page ?? null
  const text = JSON.stringify(snapshotOf(uv))
  const options = { profile: uv.profile, cipher: uv.cipher }
  const copy = restoreUltravisor(options, JSON.parse(text))
  t.equal(JSON.stringify(snapshotOf(copy)), text)
  t.same(copy.pates.get(asLpid(9)), { dw0: 1n, dw1: 2n ** 63n })
  const again = copy.svms.get(svm.lpid)
  t.equal(again?.state, SvmState.Secure)
  t.ok(again?.tracking?.has(9))
  t.notOk(again?.tracking?.has(8))
  t.ok(isSamePage(again?.contents.get(asGfn(67)), filled(6)))
  t.equal(again?.contents.get(asGfn(68)), 0xabcn)
  t.equal(pageIn(copy, GFN, filled(5)).ret, -56, 'still only its own ciphertext')
  t.equal(pageIn(copy, GFN, cipher).ret, 0, 'which the copy can open')
  t.ok(isSamePage(again?.contents.get(GFN), filled(5)))
  t.equal(svm.frames.note(GFN), Note.Seal, 'the original is not touched')
})

t.test('no snapshot while a call is under way', async (t) => {
  const { uv, svm } = settle()
  svm.callsInFlight = 1
  t.throws(() => snapshotOf(uv), 'a snapshot is taken between calls')
})
