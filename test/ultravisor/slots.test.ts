/** Registering and unregistering memory, the budget, and the two calls without a slot. */
import t from 'tap'
import { uCodeName } from '../../src/abi/codes.ts'
import { asGfn, asGpa, asLpid, asRa, asSlotId, PAGE_SIZE } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { Note } from '../../src/ultravisor/frame-table.ts'
import { hvEntry, isMapped, OWN_PRESENT, Pte } from '../../src/ultravisor/page-table.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import { unitsOf } from '../../src/ultravisor/ultravisor.ts'
import { LPID, PROFILES, pageOut, register, settle, unregister } from './uv-for-test.ts'

interface Raw {
  readonly startGpa?: number
  readonly size?: number
  readonly flags?: number
  readonly slotId?: number
  readonly lpid?: number
}

function raw(uv: Parameters<typeof serve>[0], given: Raw) {
  return serve(uv, {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: asLpid(given.lpid ?? LPID),
    startGpa: asGpa(given.startGpa ?? 0),
    size: given.size ?? PAGE_SIZE,
    flags: given.flags ?? 0,
    slotId: asSlotId(given.slotId ?? 2),
  })
}

/** Shares a frame by hand, as a commit leaves it. */
function share(svm: Svm, n: number): void {
  const gfn = asGfn(n)
  svm.frames.setState(gfn, FrameState.Shared)
  svm.frames.setNote(gfn, Note.OwnPage)
  svm.pages.set(gfn, hvEntry(asRa(0x99_0000), Pte.SoftShared | Pte.Present))
}

t.test('UV_REGISTER_MEM_SLOT refuses what it must', async (t) => {
  const cases: { why: string; given: Raw; firmware: string; spec: string }[] = [
    { why: 'unaligned', given: { startGpa: 4096 }, firmware: 'U_PARAMETER', spec: 'U_P2' },
    {
      why: 'wraps',
      given: { startGpa: 2 ** 64 - PAGE_SIZE, size: PAGE_SIZE * 2 },
      firmware: 'U_PARAMETER',
      spec: 'U_P3',
    },
    { why: 'flags', given: { flags: 1 }, firmware: 'U_SUCCESS', spec: 'U_P4' },
    { why: 'size in pages', given: { size: 100 }, firmware: 'U_SUCCESS', spec: 'U_P3' },
    { why: 'no size', given: { size: 0 }, firmware: 'U_SUCCESS', spec: 'U_P3' },
    { why: 'id 511', given: { slotId: 511 }, firmware: 'U_SUCCESS', spec: 'U_SUCCESS' },
    { why: 'id 512', given: { slotId: 512 }, firmware: 'U_PARAMETER', spec: 'U_P5' },
    { why: 'id 65535', given: { slotId: 65_535 }, firmware: 'U_PARAMETER', spec: 'U_P5' },
    {
      why: 'overlap',
      given: { startGpa: 71 * PAGE_SIZE },
      firmware: 'U_PARAMETER',
      spec: 'U_P2',
    },
    {
      why: 'right before it',
      given: { startGpa: 63 * PAGE_SIZE },
      firmware: 'U_SUCCESS',
      spec: 'U_SUCCESS',
    },
    {
      why: 'next to it',
      given: { startGpa: 72 * PAGE_SIZE },
      firmware: 'U_SUCCESS',
      spec: 'U_SUCCESS',
    },
    {
      why: 'budget',
      given: { startGpa: 2 ** 40, size: 2 ** 40 },
      firmware: 'U_PARAMETER',
      spec: 'U_P3',
    },
  ]
  for (const { why, given, ...codes } of cases) {
    for (const profile of PROFILES) {
      const { uv, svm } = settle({ profile })
      const before = uv.availableUnits
      const { ret, fault } = raw(uv, given)
      t.equal(uCodeName(ret), codes[profile], `${profile}: ${why}`)
      t.equal(fault, undefined)
      if (ret === 0) continue
      t.equal(svm.slots.size, 1, `${profile}: ${why}: no slot was added`)
      t.equal(uv.availableUnits, before, `${profile}: ${why}: nothing was reserved`)
    }
  }
})

t.test('an unknown LPID', async (t) => {
  const firmware = settle({ profile: 'firmware' }).uv
  const fault = raw(firmware, { lpid: 9 }).fault
  t.equal(fault?.kind, 'OOPS', 'the firmware dereferences NULL')
  t.equal(fault?.message, 'UV_REGISTER_MEM_SLOT for LPID 9, which has no SVM')
  t.ok(firmware.svms.has(LPID), 'another SVM is not touched')
  t.equal(firmware.svms.get(LPID)?.fault, undefined)
  const spec = settle({ profile: 'spec' }).uv
  t.same(raw(spec, { lpid: 9 }), { ret: -4 })
  const call = { call: 'UV_UNREGISTER_MEM_SLOT', lpid: asLpid(9), slotId: asSlotId(1) } as const
  t.same(serve(spec, call), { ret: -4 })
  t.equal(serve(firmware, call).fault?.kind, 'OOPS')
})

t.test('a slot takes the 2 MiB units that it touches', async (t) => {
  const rows: [number, number, number][] = [
    [0, 0, 0],
    [40, 0, 0],
    [0, 1, 1],
    [0, 32, 1],
    [0, 33, 2],
    [31, 2, 2],
    [40, 3, 1],
    [32, 64, 2],
  ]
  for (const [base, count, units] of rows) t.equal(unitsOf(base, count), units, `${base}+${count}`)
  const { uv, svm } = settle({ slots: [], secureUnits: 2 })
  t.equal(register(uv, 0, 0, 64).ret, 0, 'just fits')
  t.equal(uv.availableUnits, 0)
  t.equal(svm.reservedUnits, 2)
  t.not(register(uv, 1, 64, 1).ret, 0, 'one more does not')
})

t.test('a slot of 1 TiB costs no more than one of a page', async (t) => {
  const { uv, svm } = settle({ slots: [], secureUnits: 2 ** 20 })
  const start = performance.now()
  t.equal(register(uv, 0, 0, 2 ** 24).ret, 0)
  t.ok(performance.now() - start < 50, 'it is registered at once')
  t.equal(svm.pages.tables.size, 0, 'no table was made')
  t.equal(svm.frames.count, 0)
  t.equal(svm.pages.entry(asGfn(2 ** 24 - 1)), OWN_PRESENT)
  t.notOk(isMapped(svm.pages.entry(asGfn(2 ** 24))))
  t.equal(unregister(uv, 0).ret, 0)
  t.notOk(isMapped(svm.pages.peek(asGfn(5))))
})

t.test('spec: unregister gives everything of the slot back, and only that', async (t) => {
  const { uv, svm } = settle({
    slots: [
      [1, 0, 8],
      [2, 8, 40],
    ],
    secureUnits: 10,
  })
  for (const gfn of [0, 3, 8, 47]) share(svm, gfn)
  svm.contents.set(asGfn(1), 77n)
  t.equal(uv.availableUnits, 7)
  t.equal(unregister(uv, 1).ret, 0)
  t.equal(uv.availableUnits, 8)
  t.same([...svm.frames.tracked()], [8, 47], 'GFN 0 too, and not the frame behind the slot')
  t.notOk(isMapped(svm.pages.entry(asGfn(3))))
  t.equal(svm.pages.entry(asGfn(9)), OWN_PRESENT)
  t.equal(svm.contents.get(asGfn(1)), null)
  t.equal(unregister(uv, 1).ret, 0, 'an unknown id: 0')
  t.equal(unregister(uv, 2).ret, 0, 'the last slot')
  t.equal(uv.availableUnits, 10)
  t.equal(register(uv, 3, 0, 4).ret, 0, 'and the SVM goes on')
  t.equal(svm.pages.entry(asGfn(0)), OWN_PRESENT)
})

t.test('spec: an id that exists is replaced', async (t) => {
  const { uv, svm } = settle({ slots: [[1, 0, 32]], secureUnits: 2 })
  share(svm, 5)
  t.equal(register(uv, 1, 64, 64).ret, 0, 'the budget of the old slot counts for the new one')
  t.equal(uv.availableUnits, 0)
  t.same(
    svm.slots.all().map((slot) => [slot.id, slot.base, slot.count]),
    [[1, 64, 64]],
  )
  t.equal(svm.frames.count, 0)
  t.not(register(uv, 1, 0, 96).ret, 0, 'too big')
  t.equal(svm.slots.get(asSlotId(1))?.base, 64, 'the old one stays then')
})

t.test('firmware: what releasing a slot gets wrong', async (t) => {
  const { uv, svm } = settle({
    profile: 'firmware',
    slots: [
      [1, 0, 8],
      [2, 8, 24],
      [3, 96, 4],
    ],
  })
  for (const gfn of [0, 3, 8, 9]) share(svm, gfn)
  const before = uv.availableUnits
  unregister(uv, 1)
  t.equal(uv.availableUnits, before, 'the budget does not come back')
  t.same([...svm.frames.tracked()], [0, 9], 'GFN 0 stays shared, the frame behind is secured')
  unregister(uv, 3)
  t.equal(unregister(uv, 9).ret, 0, 'an unknown id with one slot left')
  t.notOk(svm.pages.hasRoot, 'takes the page table away')
  t.equal(svm.slots.size, 1)
  const { fault } = pageOut(uv, 8)
  t.equal(fault?.kind, 'OOPS', 'and the next call crashes')
  t.same(pageOut(uv, 8), { ret: -75 }, 'the SVM is stopped')
  t.equal(serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID }).ret, 0, 'until it is terminated')
  t.equal(uv.availableUnits, 64)
})

t.test('firmware: the walk over the table goes round its chunk', async (t) => {
  // Slot 2 has frames 40 to 72; slot 1 has 32 to 39 in the same 2 MiB as its first ones.
  const { uv, svm } = settle({
    profile: 'firmware',
    slots: [
      [1, 32, 8],
      [2, 40, 33],
    ],
  })
  unregister(uv, 2)
  t.notOk(isMapped(svm.pages.entry(asGfn(32))), "the other slot's table went with it")
  t.equal(svm.pages.entry(asGfn(64)), OWN_PRESENT, 'frames 64 to 71 are still mapped')
  t.notOk(isMapped(svm.pages.entry(asGfn(72))))
})

t.test(
  "firmware: a frame of the HV's that comes first in its chunk is freed as secure",
  async (t) => {
    const { uv, svm } = settle({ profile: 'firmware', slots: [[1, 0, 4]] })
    share(svm, 0)
    serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
    t.equal(uv.badFrees, 1)
    const spec = settle({ profile: 'spec', slots: [[1, 0, 4]] })
    share(spec.svm, 0)
    serve(spec.uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
    t.equal(spec.uv.badFrees, 0)
  },
)

for (const profile of PROFILES) {
  t.test(`UV_SVM_TERMINATE and UV_WRITE_PATE, profile ${profile}`, async (t) => {
    const { uv, svm } = settle({ profile })
    const write = (lpid: number, dw0: bigint, dw1: bigint) =>
      serve(uv, { call: 'UV_WRITE_PATE', lpid: asLpid(lpid), dw0, dw1 })
    t.equal(write(9, 1n, 2n).ret, 0)
    t.same(uv.pates.get(asLpid(9)), { dw0: 1n, dw1: 2n }, 'no SVM: both words')
    t.equal(write(LPID, 3n, 4n).ret, 0)
    t.same(uv.pates.get(LPID), { dw0: 0n, dw1: 4n }, 'an SVM: only the second')
    t.equal(serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID }).ret, 0)
    t.ok(svm.gone)
    t.equal(uv.svms.size, 0)
    t.equal(uv.availableUnits, 64, 'the budget is whole again')
    t.same(uv.pates.get(LPID), { dw0: 0n, dw1: 0n })
    t.equal(serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID }).ret, 0, 'no such SVM: 0')
  })
}

t.test('a slot that is registered again holds zeros, its neighbours what they held', async (t) => {
  for (const profile of PROFILES) {
    const slots = [
      [1, 64, 8],
      [2, 72, 8],
    ] as const
    const { uv, svm } = settle({ profile, slots })
    for (const gfn of [64, 71, 72]) svm.contents.set(asGfn(gfn), BigInt(gfn))
    t.equal(register(uv, 1, 64, 8).ret, 0)
    const contents = [64, 71, 72].map((gfn) => svm.contents.get(asGfn(gfn)))
    t.same(contents, [null, null, 72n], profile)
  }
})

t.test('firmware: a slot of no pages is none', async (t) => {
  const { uv, svm } = settle({ profile: 'firmware' })
  t.equal(raw(uv, { slotId: 1, startGpa: 64 * PAGE_SIZE, size: 0 }).ret, 0)
  t.equal(svm.slots.get(asSlotId(1)), undefined)
  t.equal(svm.slots.size, 0)
})
