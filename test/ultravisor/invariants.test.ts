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

t.test('a violation says where it is and what was found', async (t) => {
  const at = (rule: string, gfn: number, detail: string) => ({ rule, lpid: 7, gfn, detail })
  const cases: [(svm: Svm, uv: Ultravisor) => void, object[]][] = [
    [(_svm, uv) => void uv.availableUnits--, [{ rule: 'budget', detail: '63 units of 64' }]],
    [
      (svm) => svm.slots.put({ id: asSlotId(2), base: asGfn(60), count: 5, units: 0 }),
      [{ rule: 'slots', lpid: 7, detail: 'slots 2 and 1' }],
    ],
    [(svm) => svm.slots.put({ id: asSlotId(2), base: asGfn(60), count: 4, units: 0 }), []],
    [
      (svm) => svm.slots.put({ id: asSlotId(2), base: asGfn(200), count: 5, units: 1 }),
      [{ rule: 'slot-units', lpid: 7, detail: '2, reserved 1' }],
    ],
    [
      (svm) => svm.frames.setState(asGfn(3), FrameState.PseudoShared),
      [at('frame-in-slot', 3, 'PSEUDO_SHARED')],
    ],
    [
      (svm) => svm.frames.setState(GFN, FrameState.HvUnshared),
      [at('transient-at-rest', 66, 'HV_UNSHARED')],
    ],
    [
      (svm, uv) => void startTracking(uv, svm),
      [{ rule: 'tracking', lpid: 7, detail: 'SVM state 1' }],
    ],
    [
      (svm) => svm.pages.freeRoot(),
      [{ rule: 'secure-page', lpid: 7, detail: 'the page table is gone' }],
    ],
    [(svm) => svm.pages.set(GFN, 0), [at('secure-page', 66, 'SECURE')]],
    [(svm) => svm.pages.set(GFN, Pte.Valid | Pte.Wild), [at('secure-page', 66, 'SECURE')]],
    [(svm) => svm.pages.set(asGfn(72), hvEntry(RA, Pte.Present)), []],
  ]
  for (const [harm, want] of cases) {
    const { uv, svm } = settle()
    harm(svm, uv)
    t.same(violationsOf(uv), want)
  }
  const turning = settle({ state: SvmState.Active })
  startTracking(turning.uv, turning.svm)
  t.same(violationsOf(turning.uv), [], 'a guest that turns secure may track')
  const { uv } = settle({ slots: [] })
  uv.svms.get(asLpid(7))?.pages.freeRoot()
  t.same(violationsOf(uv), [], 'without slots no page table is missed')
})

t.test('a frame must be mapped as its state says', async (t) => {
  const soft = Pte.SoftShared
  const rows: [keyof typeof FrameState, number, string[]][] = [
    ['Shared', hvEntry(RA, soft | Pte.Present), []],
    ['Shared', hvEntry(RA, Pte.Present), ['shared']],
    ['Shared', hvEntry(RA, soft), ['shared']],
    ['Shared', OWN_PRESENT, ['shared']],
    ['Shared', OWN_PRESENT | soft, ['shared']],
    ['SharedInv', hvEntry(RA, soft), []],
    ['SharedInv', hvEntry(RA, soft | Pte.Present), ['not-present']],
    ['SharedImplicit', hvEntry(RA, soft), []],
    ['SharedImplicit', hvEntry(RA, 0), ['shared']],
    ['SharedImplicitInv', hvEntry(RA, soft | Pte.Present), ['not-present']],
    ['PseudoShared', OWN_PRESENT, []],
    ['PseudoSharedInv', OWN_PRESENT, []],
    ['PseudoShared', hvEntry(RA, soft | Pte.Present), ['secure-page']],
  ]
  for (const [state, entry, rules] of rows) {
    const { uv, svm } = settle()
    svm.frames.setState(GFN, FrameState[state])
    svm.pages.set(GFN, entry)
    const found = violationsOf(uv).map(({ rule }) => rule)
    t.same(found, rules, `${state}, entry ${entry}`)
  }
})

t.test('a paged-out frame has a seal and a key, and is not there', async (t) => {
  const harms: [(svm: Svm) => void, string[]][] = [
    [() => undefined, []],
    [(svm) => svm.pages.set(GFN, OWN_PRESENT), ['paged-out']],
    [(svm) => svm.frames.setNote(GFN, Note.OwnPage), ['paged-out']],
    [
      (svm) => {
        svm.key = undefined
      },
      ['paged-out'],
    ],
  ]
  for (const [harm, rules] of harms) {
    const { uv, svm } = settle()
    pageOut(uv, GFN)
    harm(svm)
    t.same(
      violationsOf(uv).map(({ rule }) => rule),
      rules,
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

t.test('a snapshot has every part of the state, in numbers and digits', async (t) => {
  const { uv, svm } = settle({ slots: [[1, 64, 34]], state: SvmState.Active })
  uv.badFrees = 3
  uv.pates.set(asLpid(9), { dw0: 255n, dw1: 2n ** 63n })
  startTracking(uv, svm)
  svm.tracking?.add(9)
  svm.contents.set(GFN, 0xabn)
  svm.frames.setState(asGfn(96), FrameState.Shared)
  svm.frames.setNote(asGfn(96), Note.OwnPage)
  svm.pages.set(asGfn(96), hvEntry(RA, Pte.Present))
  svm.frames.setState(asGfn(97), FrameState.PagedOut)
  svm.frames.setSeal(asGfn(97), new Uint8Array(12).fill(0x1a), new Uint8Array(16).fill(2))
  svm.frames.setState(GFN, FrameState.HvSharing)
  svm.key = { key: new Uint8Array(32).fill(7), fixed: Uint8Array.of(0, 1, 2, 255), counter: 255n }
  svm.abortReason = 'for this test'
  svm.fault = { kind: 'OOPS', message: 'likewise' }
  const want = {
    ...{ secureUnits: 64, availableUnits: 61, badFrees: 3 },
    pates: [[9, 'ff', '8000000000000000']],
    svms: [
      {
        ...{ lpid: 7, state: 0, contentMode: 'bytes', reservedUnits: 2 },
        slots: [[1, 64, 34, 2]],
        frames: [
          [66, FrameState.HvSharing, 0],
          [96, FrameState.Shared, -1],
          [97, FrameState.PagedOut, -2, '1a'.repeat(12) + '02'.repeat(16)],
        ],
        large: [[2, 3]],
        tables: [[3, [0x20_0003, 11, ...new Array(30).fill(0)]]],
        contents: [[66, 'tag', 'ab']],
        key: { key: '07'.repeat(32), fixed: '000102ff', counter: 'ff' },
        tracking: [9],
        abortReason: 'for this test',
        fault: { kind: 'OOPS', message: 'likewise' },
      },
    ],
  }
  t.same(snapshotOf(uv), want)
  const copy = restoreUltravisor({ profile: uv.profile, cipher: uv.cipher }, snapshotOf(uv))
  t.same(snapshotOf(copy), want)
  const again = copy.svms.get(asLpid(7))
  t.same(again?.key, svm.key)
  t.equal(again?.abortReason, 'for this test')
  t.equal(again?.callsInFlight, 0)
  t.equal(again?.frames.note(GFN), Note.None)
})

t.test('bytes are in a snapshot as digits', async (t) => {
  const { uv, svm } = settle()
  svm.contents.set(GFN, filled(0x5a))
  t.same(snapshotOf(uv).svms[0]?.contents, [[66, 'hex', '5a'.repeat(65_536)]])
})

t.test('what an SVM has not is null in a snapshot, and missing in its copy', async (t) => {
  const { uv, svm } = settle()
  svm.pages.freeRoot()
  const saved = snapshotOf(uv)
  const nothing = { large: null, key: null, tracking: null, abortReason: null, fault: null }
  t.match(saved.svms[0], { ...nothing, tables: [], frames: [], contents: [] })
  const copy = restoreUltravisor({ profile: uv.profile, cipher: uv.cipher }, saved)
  const again = copy.svms.get(asLpid(7))
  t.equal(again?.pages.hasRoot, false)
  for (const part of ['key', 'tracking', 'abortReason', 'fault'] as const) {
    t.equal(again?.[part], undefined, part)
  }
  const broken = { ...saved, svms: saved.svms.map((one) => ({ ...one, frames: [[1, 14, 0]] })) }
  const options = { profile: uv.profile, cipher: uv.cipher }
  t.throws(() => restoreUltravisor(options, broken as never), 'there is no state 14')
})

t.test('no snapshot while a call is under way', async (t) => {
  const { uv, svm } = settle()
  svm.callsInFlight = 1
  t.throws(() => snapshotOf(uv), 'a snapshot is taken between calls')
})
