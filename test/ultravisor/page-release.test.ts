/** What is released with a slot, exactly and as the firmware's walk has it; entries written by hand. */
import t from 'tap'
import { asGfn, asRa } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { hvEntry, isMapped, Pte } from '../../src/ultravisor/page-table.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import { LPID, type Setup, settle, unregister } from './uv-for-test.ts'

/** Pages of 1 GiB and of 512 GiB. */
const GROUP = 16_384
const ROOT = 8_388_608
const HV_FRAME = hvEntry(asRa(0x99_0000), Pte.Present)

const mapped = (svm: Svm, ...gfns: readonly number[]): readonly number[] =>
  gfns.filter((gfn) => isMapped(svm.pages.entry(asGfn(gfn))))

const firmware = (slots: Setup['slots']) =>
  settle({ profile: 'firmware', slots: slots ?? [], secureUnits: 1_000 })

/** Frames of the HV that count as freed when slot 1 goes and the given entries name them. */
function badFrees(slots: NonNullable<Setup['slots']>, at: readonly number[], unmapped = [0]) {
  const { uv, svm } = firmware(slots)
  for (const gfn of unmapped) svm.pages.set(asGfn(gfn), 0)
  for (const gfn of at) svm.pages.set(asGfn(gfn), HV_FRAME)
  unregister(uv, 1)
  return uv.badFrees
}

t.test('spec: of a chunk that two slots share each has its own frames', async (t) => {
  const slots = [
    [1, 40, 8],
    [2, 48, 8],
    [3, 32, 8],
  ] as const
  const { uv, svm } = settle({ slots })
  unregister(uv, 1)
  t.same(mapped(svm, 32, 39, 40, 41, 47, 48, 55, 56), [32, 39, 48, 55])
})

t.test('spec: a slot of whole chunks, of parts, and of both', async (t) => {
  const rows: readonly (readonly [number, number, number])[] = [
    [32, 64, 0],
    [40, 56, 1],
    [32, 70, 1],
    [40, 100, 2],
  ]
  for (const [base, count, tables] of rows) {
    const { uv, svm } = settle({ slots: [[1, base, count]] })
    t.equal(unregister(uv, 1).ret, 0)
    const frames = Array.from({ length: 160 }, (_, gfn) => gfn)
    t.same(mapped(svm, ...frames), [], `${base}+${count}: nothing is mapped`)
    t.equal(svm.pages.tables.size, tables, `${base}+${count}: parts alone have tables`)
  }
})

t.test('what an SVM held is gone when it ends', async (t) => {
  for (const profile of ['firmware', 'spec'] as const) {
    const { uv, svm } = settle({ profile })
    for (const gfn of [64, 71]) svm.contents.set(asGfn(gfn), 5n)
    serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
    t.same([...svm.contents.pages()], [], profile)
    t.notOk(svm.pages.hasRoot)
  }
})

t.test('all tables below the end of the last 512 GiB are freed, and no others', async (t) => {
  for (const [gfn, count] of [
    [0, 1],
    [ROOT - 32, 1],
    [ROOT, 0],
    [2 * ROOT, 0],
  ] as const) {
    const { uv, svm } = firmware([[1, 32, 4]])
    svm.pages.set(asGfn(gfn), HV_FRAME)
    serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
    t.equal(uv.badFrees, count, `GFN ${gfn}`)
  }
})

t.test('firmware: a share that the guest keeps its page of stays mapped to it', async (t) => {
  for (const state of [FrameState.PseudoShared, FrameState.PseudoSharedInv]) {
    const { uv, svm } = firmware([[1, 32, 4]])
    svm.frames.setState(asGfn(32), state)
    svm.frames.setNote(asGfn(32), 0x99_0000)
    serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
    t.equal(uv.badFrees, 0, "and no frame of the HV's is freed")
    t.equal(svm.frames.count, 0)
  }
})

t.test('firmware: whole chunks from the start of 512 GiB, then the rest', async (t) => {
  const { uv, svm } = firmware([
    [1, 0, 68],
    [2, 128, 32],
  ])
  unregister(uv, 1)
  t.same(mapped(svm, 0, 31, 32, 63, 64, 67, 128), [128])
  const next = firmware([
    [1, 0, 64],
    [2, 64, 64],
  ])
  unregister(next.uv, 1)
  t.same(mapped(next.svm, 0, 63, 64, 127), [64, 127], 'the chunk behind it stays')
  const high = firmware([
    [1, ROOT, 64],
    [2, 64, 64],
  ])
  unregister(high.uv, 1)
  t.same(mapped(high.svm, 64, 127, ROOT, ROOT + 32, ROOT + 63), [64, 127])
})

t.test('firmware: a part of a chunk goes alone, up from its first frame', async (t) => {
  const { uv, svm } = firmware([
    [1, 40, 4],
    [2, 32, 8],
    [3, 44, 4],
  ])
  unregister(uv, 1)
  t.same(mapped(svm, 37, 38, 39, 40, 41, 42, 43, 44, 45), [37, 38, 39, 44, 45])
})

t.test('firmware: the first frames of a slot are secured with it', async (t) => {
  const { uv, svm } = firmware([
    [1, 40, 4],
    [2, 512, 1],
  ])
  for (const gfn of [39, 40, 41, 43].map(asGfn)) svm.frames.setState(gfn, FrameState.Shared)
  unregister(uv, 1)
  t.same([...svm.frames.tracked()], [39], 'and not the one in front of it')
})

t.test('firmware: a walk over the border of 1 GiB goes round in the first one', async (t) => {
  const { uv, svm } = firmware([
    [1, 2 * GROUP - 32, 96],
    [2, GROUP, 96],
    [3, 0, 64],
  ])
  unregister(uv, 1)
  const at = [0, 32, GROUP, GROUP + 32, GROUP + 64, 2 * GROUP - 32, 2 * GROUP, 2 * GROUP + 32]
  t.same(mapped(svm, ...at), [0, 32, GROUP + 64, 2 * GROUP, 2 * GROUP + 32])
})

t.test('firmware: its last part takes a chunk that one entry maps as a whole', async (t) => {
  const { uv, svm } = firmware([
    [1, GROUP - 32, 70],
    [2, 0, 96],
  ])
  unregister(uv, 1)
  t.same(mapped(svm, 0, 32, 63, 64, GROUP, GROUP + 32, GROUP + 37), [
    64,
    GROUP,
    GROUP + 32,
    GROUP + 37,
  ])
})

t.test('firmware: a walk over the border of 512 GiB goes round in its last GiB', async (t) => {
  const last = 2 * ROOT - GROUP
  const { uv, svm } = firmware([
    [1, 2 * ROOT - 32, 96],
    [2, last, 96],
    [3, ROOT - GROUP, 64],
    [4, 0, 64],
  ])
  unregister(uv, 1)
  const others = [0, 32, ROOT - GROUP, ROOT - GROUP + 32]
  const at = [last, last + 32, last + 64, 2 * ROOT - 32, 2 * ROOT, 2 * ROOT + 32]
  t.same(mapped(svm, ...others, ...at), [...others, last + 64, 2 * ROOT, 2 * ROOT + 32])
})

t.test('firmware: the page that the first used entry names is freed with a table', async (t) => {
  const other = [9, 512, 1] as const
  const whole = [[1, 0, 96], other] as const
  t.equal(badFrees(whole, [32]), 1, 'the first of its chunk')
  t.equal(badFrees(whole, [33]), 0, 'the second is not looked at')
  t.equal(badFrees(whole, [33], [32]), 1, 'unless the first maps nothing')
  t.equal(badFrees(whole, [1, 32], [0]), 2, 'each chunk has one')
  const unaligned = [[1, 40, 32], other] as const
  t.equal(badFrees(unaligned, [40]), 1, 'the first is where the walk comes in')
  t.equal(badFrees(unaligned, [41], [40]), 1, 'it goes up from there')
  t.equal(badFrees(unaligned, [39]), 0, 'and not down')
  const part = [[1, 40, 4], other] as const
  t.equal(badFrees(part, [40]), 0, 'a part of a table frees no page')
})

t.test('firmware: tables beside the slot are not freed with it', async (t) => {
  const slots = [
    [1, ROOT, 64],
    [9, 512, 1],
  ] as const
  t.equal(badFrees(slots, [ROOT]), 1)
  t.equal(badFrees(slots, [ROOT + 32]), 1)
  t.equal(badFrees(slots, [512]), 0, 'below it')
  t.equal(badFrees(slots, [ROOT + 64]), 0, 'behind it')
})
