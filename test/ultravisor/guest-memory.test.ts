/** Loads and stores of a guest: where they go, and what a page fault leads to. */
import t from 'tap'
import { asGfn, asGpa } from '../../src/abi/page.ts'
import { realModeGpa, serveCodeFault, serveDataFault } from '../../src/ultravisor/access.ts'
import { FRAME_STATES, ShareType } from '../../src/ultravisor/frame-state.ts'
import { sharePages } from '../../src/ultravisor/guest-calls.ts'
import { load, store } from '../../src/ultravisor/guest-memory.ts'
import { UV_LIMITS } from '../../src/ultravisor/limits.ts'
import { PageContents } from '../../src/ultravisor/page-contents.ts'
import { Pte } from '../../src/ultravisor/page-table.ts'
import { shareRange } from '../../src/ultravisor/share.ts'
import { guarded, runSteps, type UvSteps } from '../../src/ultravisor/steps.ts'
import { filled, HonestHv, isSamePage, LPID, pageInval, type Setup, settle } from './uv-for-test.ts'

const PAGE = 65_536
const BASE = 64 * PAGE

function setup(options: Setup = {}) {
  const { uv, svm } = settle(options)
  const hv = new HonestHv(uv)
  const run = <R>(steps: UvSteps<R>): R => runSteps(steps, hv.answer)
  return {
    uv,
    svm,
    hv,
    run,
    load: (gpa: number, length: number) => run(load(uv, svm, asGpa(gpa), length)),
    store: (gpa: number, bytes: Uint8Array) => run(store(uv, svm, asGpa(gpa), bytes)),
  }
}
const OK = (...bytes: number[]) => ({ kind: 'OK', bytes: Uint8Array.from(bytes) })

t.test('a store over the border of two pages is read back, and nothing beside it', async (t) => {
  const { load, store, svm, hv } = setup()
  t.same(load(BASE + PAGE - 2, 4), OK(0, 0, 0, 0), 'fresh memory is zeros')
  t.same(store(BASE + PAGE - 2, Uint8Array.of(1, 2, 3)), { kind: 'OK' })
  t.same(load(BASE + PAGE - 3, 5), OK(0, 1, 2, 3, 0))
  t.equal(svm.contents.get(asGfn(66)), null)
  t.same(hv.asked, [], 'the HV is not asked')
})

t.test('a page that was handed over is never written to', async (t) => {
  const { load, store, svm } = setup()
  const page = filled(7)
  svm.contents.set(asGfn(64), page)
  store(BASE + 5, Uint8Array.of(9))
  t.ok(isSamePage(page, filled(7)))
  t.same(load(BASE + 4, 3), OK(7, 9, 7))
  const whole = filled(3)
  store(BASE, whole)
  whole[0] = 99
  t.same(load(BASE, 1), OK(3), 'nor is the bytes of a store kept')
})

t.test('a paged-out page comes in, then the access goes on', async (t) => {
  const { load, store, svm, hv, uv } = setup()
  store(BASE + 10, Uint8Array.of(42))
  hv.takeOut(asGfn(64))
  t.same(load(BASE + 10, 1), OK(42))
  t.same(hv.asked, ['H_SVM_PAGE_IN 64 0'])
  hv.takeOut(asGfn(64))
  hv.refusals.set('H_SVM_PAGE_IN 64 0', -4)
  t.same(load(BASE + 10, 1), { kind: 'REFUSED', gpa: BASE + 10, ret: -4 })
  t.equal(FRAME_STATES[svm.frames.state(asGfn(64))].name, 'PAGEDOUT')
  t.equal(uv.svms.size, 1)
})

t.test('shared pages lie with the HV, both ways', async (t) => {
  const { uv, load, store, hv, run } = setup()
  run(sharePages(uv, LPID, 64, 1))
  const page = hv.frame(asGfn(64))
  t.same(store(BASE + 100, Uint8Array.of(1, 2)), { kind: 'OK' })
  t.same(page.page instanceof Uint8Array && [...page.page.subarray(99, 103)], [0, 1, 2, 0])
  page.page = filled(0x55)
  t.same(load(BASE + 100, 2), OK(0x55, 0x55))
  pageInval(uv, 64)
  hv.asked.length = 0
  t.same(load(BASE, 1), OK(0x55), 'taken back: the fault is reflected, the HV gives it again')
  t.same(hv.asked, ['HDSI 64', `MEM_READ ${page.ra}`])
  pageInval(uv, 64)
  hv.refusals.set('HDSI 64', -14)
  t.same(load(BASE, 1), { kind: 'REFUSED', gpa: BASE, ret: -14 })
  hv.refusals.clear()
  hv.refusals.set(`MEM_WRITE ${page.ra}`, -1)
  t.same(store(BASE, Uint8Array.of(1)), { kind: 'REFUSED', gpa: BASE, ret: -1 })
  hv.refusals.set(`MEM_READ ${page.ra}`, 0)
  t.same(load(BASE, 1), { kind: 'REFUSED', gpa: BASE, ret: 0 }, 'an answer without bytes')
})

t.test('what stops an access', async (t) => {
  const { uv, svm, load, store, run, hv } = setup()
  t.same(load(63 * PAGE, 1), { kind: 'MMIO', gpa: 63 * PAGE })
  t.same(store(72 * PAGE - 1, Uint8Array.of(1, 2)), { kind: 'MMIO', gpa: 72 * PAGE })
  t.same(load(72 * PAGE - 1, 1), OK(1), 'what came before the border was written')
  t.same(load(BASE, UV_LIMITS.accessBytesMax + 1), { kind: 'TOO_LONG' })
  t.same(load(BASE, UV_LIMITS.accessBytesMax).kind, 'MMIO', 'at the limit it is tried')
  t.same(store(BASE, new Uint8Array(UV_LIMITS.accessBytesMax + 1)), { kind: 'TOO_LONG' })
  t.same(store(BASE, new Uint8Array(UV_LIMITS.accessBytesMax)).kind, 'MMIO', 'a store likewise')
  const sharing = sharePages(uv, LPID, 66, 1)
  sharing.next({ ret: 0 })
  t.same(load(66 * PAGE, 1), OK(0), 'while it is being shared the old page is there')
  svm.pages.invalidate(asGfn(66))
  t.same(load(66 * PAGE, 1), { kind: 'BUSY', gpa: 66 * PAGE })
  run(guarded(svm, shareRange(uv, svm, asGfn(65), 1, ShareType.Implicit)))
  t.equal(load(65 * PAGE, 1).kind, 'ABORT', 'a frame that the guest must not know of')
  t.ok(svm.abortReason)
  t.notOk(hv.asked.includes('HDSI 66'))
})

t.test('a page that comes in and goes out again for ever', async (t) => {
  const { load, hv } = setup()
  hv.takeOut(asGfn(64))
  hv.meddle = () => void hv.takeOut(asGfn(64))
  t.same(load(BASE, 1), { kind: 'BUSY', gpa: BASE })
  t.equal(hv.asked.length, UV_LIMITS.accessFaultsMax)
})

t.test('where the firmware would fault for ever, the SVM is stopped', async (t) => {
  const { uv, svm, load } = setup({ profile: 'firmware' })
  svm.pages.invalidate(asGfn(64))
  const result = load(BASE, 1)
  const message = 'the guest faults on a secure frame for ever'
  t.same(result, { kind: 'FAULT', fault: { kind: 'LIVELOCK', message } })
  t.equal(load(BASE + PAGE, 1).kind, 'FAULT', 'nothing works any more')
  t.equal(runSteps(sharePages(uv, LPID, 65, 1), () => ({ ret: 0 })).kind, 'FAULT')
})

t.test("a secure frame on one of the HV's frames can be read by the HV", async (t) => {
  const { uv, store, hv, run } = setup({ profile: 'firmware' })
  hv.refusals.set('H_SVM_PAGE_IN 65 1', -4)
  run(sharePages(uv, LPID, 64, 2))
  const { ra } = hv.frame(asGfn(64))
  t.same(store(BASE, Uint8Array.of(1, 2, 3)), { kind: 'OK' })
  t.ok(hv.asked.includes(`MEM_WRITE ${ra}`), 'the secret goes over the bus: the defect at work')
})

t.test('a page that maps nothing known stops the SVM, loaded or stored', async (t) => {
  const fault = { kind: 'OOPS', message: 'the page table maps no page' }
  for (const stores of [false, true]) {
    const { svm, hv, load, store } = setup({ profile: 'firmware' })
    svm.pages.set(asGfn(64), Pte.Valid | Pte.Present | Pte.Wild)
    const result = stores ? store(BASE, Uint8Array.of(1)) : load(BASE, 1)
    t.same(result, { kind: 'FAULT', fault })
    t.same(svm.fault, fault)
    t.same(hv.asked, [], 'the HV is not asked')
  }
})

t.test('bytes that come with a refusal are not taken', async (t) => {
  const { uv, svm, run } = setup()
  run(sharePages(uv, LPID, 64, 1))
  const refused = runSteps(load(uv, svm, asGpa(BASE), 1), () => ({
    ...{ ret: -1, bytes: Uint8Array.of(5) },
  }))
  t.same(refused, { kind: 'REFUSED', gpa: BASE, ret: -1 })
})

t.test('in a VM of tags only eight bytes at the start of a page make a tag', async (t) => {
  const { svm, load, store } = setup({ contentMode: 'tag' })
  svm.contents.set(asGfn(64), 0x0102030405060708n)
  store(BASE + 8, Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9))
  t.same(load(BASE + 7, 3), OK(8, 9, 9), 'elsewhere they do not')
  t.ok(svm.contents.get(asGfn(64)) instanceof Uint8Array)
  svm.contents.set(asGfn(65), 0x0102030405060708n)
  store(BASE + PAGE, Uint8Array.of(7))
  t.same(load(BASE + PAGE, 3), OK(7, 2, 3), 'nor does one byte')
  t.ok(svm.contents.get(asGfn(65)) instanceof Uint8Array)
})

t.test('a VM of tags', async (t) => {
  const { svm, load, store } = setup({ contentMode: 'tag' })
  svm.contents.set(asGfn(64), 0x0102030405060708n)
  t.same(load(BASE, 9), OK(1, 2, 3, 4, 5, 6, 7, 8, 0), 'a tag reads as its bytes, then zeros')
  t.same(load(BASE + 6, 4), OK(7, 8, 0, 0))
  t.same(load(BASE + 100, 1), OK(0))
  store(BASE, Uint8Array.of(0, 0, 0, 0, 0, 0, 0xab, 0xcd))
  t.equal(svm.contents.get(asGfn(64)), 0xabcdn, 'eight bytes at the start set the tag')
  store(BASE + 9, Uint8Array.of(5))
  t.same(load(BASE + 6, 4), OK(0xab, 0xcd, 0, 5), 'any other store makes it bytes')
})

t.test('faults, as the processor brings them', async (t) => {
  const { uv, svm, run, hv } = setup()
  const data = (gpa: number) => run(guarded(svm, serveDataFault(uv, svm, asGpa(gpa))))
  const code = (gpa: number) => run(guarded(svm, serveCodeFault(svm, asGpa(gpa))))
  t.same(data(1), { kind: 'MMIO' })
  t.same(code(1), { kind: 'REFLECT' })
  t.same(data(BASE), { kind: 'URFID' })
  t.same(code(BASE), { kind: 'URFID' })
  hv.takeOut(asGfn(64))
  hv.takeOut(asGfn(65))
  t.same(data(BASE + 77), { kind: 'RESUME', ret: 0 })
  t.same(code(BASE + PAGE), { kind: 'RESUME', ret: 0 })
  run(sharePages(uv, LPID, 66, 1))
  pageInval(uv, 66)
  t.same(data(66 * PAGE), { kind: 'REFLECT' })
  t.same(code(66 * PAGE), { kind: 'URFID' }, 'code is never run from a shared page')
  t.equal(realModeGpa(0xc000000000010000n), 0x10000, 'real mode ignores the top two bits')
  t.equal(realModeGpa(0x1000000000000000n), 2 ** 60, 'and no other')
})

t.test('contents are forgotten by range', async (t) => {
  const contents = new PageContents()
  for (const gfn of [5, 1023, 1024, 5000]) contents.set(asGfn(gfn), BigInt(gfn))
  contents.set(asGfn(6), filled(1))
  contents.clearRange(6, 1024)
  t.same(
    [...contents.pages()].map(([gfn]) => gfn).sort((a, b) => a - b),
    [5, 1024, 5000],
  )
  contents.clearRange(0, 2 ** 40)
  t.same([...contents.pages()], [])
})

t.test('bytes are copied into memory of their own, which is used again', async (t) => {
  const contents = new PageContents()
  const [one, two] = [asGfn(1), asGfn(2)]
  const content = filled(1)
  contents.set(one, content)
  content.fill(9)
  const glanced = contents.glance(one)
  t.ok(isSamePage(glanced, filled(1)), 'who set it keeps what he has')
  contents.set(one, null)
  contents.set(two, filled(2))
  t.equal(contents.glance(two), glanced, 'what was only glanced at is used again')
  const read = contents.get(two)
  contents.set(two, filled(3))
  contents.set(one, filled(4))
  t.ok(isSamePage(read, filled(2)), 'what was read is not')
  const [[, page] = []] = contents.pages()
  contents.clearRange(0, 1_024)
  contents.set(one, filled(5))
  t.ok(page instanceof Uint8Array && page[0] !== 5, 'nor is what was listed')
})
