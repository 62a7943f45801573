/** The budget of secure memory, the life of an SVM, and the frames that it remembers meanwhile. */
import t from 'tap'
import { asGfn, asLpid, asRa } from '../../src/abi/page.ts'
import { PageInTracking } from '../../src/ultravisor/page-in-tracking.ts'
import { hvEntry, Pte } from '../../src/ultravisor/page-table.ts'
import { ask, askAll, guarded, runSteps, type UvSteps } from '../../src/ultravisor/steps.ts'
import { type Svm, SvmState, wrapGfn } from '../../src/ultravisor/svm.ts'
import { Trap } from '../../src/ultravisor/trap.ts'
import {
  abortSvm,
  commitSvm,
  createSvm,
  destroySvm,
  reserveUnits,
  startTracking,
  stopTracking,
} from '../../src/ultravisor/ultravisor.ts'
import { LPID, newUv, pageOut, settle } from './uv-for-test.ts'

t.test('a new ultravisor has its whole budget, and no SVM', async (t) => {
  const uv = newUv({ secureUnits: 3 })
  t.match(uv, { secureUnits: 3, availableUnits: 3, badFrees: 0, ivCounterStart: 0n })
  t.equal(uv.contentMode, 'bytes')
  t.same([uv.svms.size, uv.pates.size], [0, 0])
  t.ok(reserveUnits(uv, 3), 'all of it may be taken')
  t.notOk(reserveUnits(uv, 1))
  t.equal(uv.availableUnits, 0)
})

t.test('an LPID has one SVM', async (t) => {
  const uv = newUv({ contentMode: 'tag' })
  const svm = createSvm(uv, LPID)
  t.match(svm, { lpid: 7, state: SvmState.Active, contentMode: 'tag', reservedUnits: 0 })
  t.equal(createSvm(uv, LPID), undefined)
  t.equal(uv.svms.get(LPID), svm, 'the first one stays')
  t.not(createSvm(uv, asLpid(8)), undefined)
})

t.test('tracking takes one unit while it lasts, and never two', async (t) => {
  const { uv, svm } = settle({ secureUnits: 2 })
  t.equal(uv.availableUnits, 1)
  t.ok(startTracking(uv, svm))
  const { tracking } = svm
  t.ok(startTracking(uv, svm), 'again')
  t.equal(svm.tracking, tracking, 'it is the same one')
  t.equal(uv.availableUnits, 0)
  stopTracking(uv, svm)
  stopTracking(uv, svm)
  t.equal(uv.availableUnits, 1)
  t.equal(svm.tracking, undefined)
  t.ok(reserveUnits(uv, 1))
  t.notOk(startTracking(uv, svm), 'without a unit there is none')
  t.equal(svm.tracking, undefined)
})

t.test('an SVM that ends gives all of it back, and forgets its key', async (t) => {
  for (const state of [SvmState.Secure, SvmState.Active, SvmState.Abort]) {
    const { uv, svm } = settle()
    pageOut(uv, 64)
    t.not(svm.key, undefined)
    uv.pates.set(LPID, { dw0: 1n, dw1: 2n })
    startTracking(uv, svm)
    if (state === SvmState.Abort) abortSvm(svm)
    else if (state === SvmState.Active) svm.state = state
    else commitSvm(svm)
    t.equal(svm.state, state)
    destroySvm(uv, svm)
    t.equal(uv.availableUnits, 64)
    t.equal(svm.reservedUnits, 0)
    t.equal(svm.key, undefined)
    t.ok(svm.gone)
    t.notOk(uv.svms.has(LPID))
    const zeroed = state === SvmState.Secure ? 0n : 1n
    t.equal(uv.pates.get(LPID)?.dw0, zeroed, 'the entry of a secure one is cleared')
  }
})

t.test('of an SVM that is stopped the page table is not walked any more', async (t) => {
  for (const stopped of [false, true]) {
    const { uv, svm } = settle()
    svm.pages.set(asGfn(64), hvEntry(asRa(0x99_0000), Pte.Present))
    if (stopped) svm.fault = { kind: 'OOPS', message: 'for this test' }
    destroySvm(uv, svm)
    t.equal(uv.badFrees, stopped ? 0 : 1)
    t.equal(uv.availableUnits, 64, 'its budget comes back all the same')
  }
})

t.test('a GFN of 48 bits and more loses what a GPA cannot hold', async (t) => {
  t.equal(wrapGfn(2 ** 48 - 1), 2 ** 48 - 1)
  t.equal(wrapGfn(2 ** 48), 0)
  t.equal(wrapGfn(2 ** 48 + 5), 5)
})

t.test('each frame is remembered by itself, in every part of the bitmap', async (t) => {
  const tracking = new PageInTracking()
  const gfns = [0, 7, 8, 15, 32_767, 32_768, 65_541]
  t.same([...tracking.all()], [])
  for (const gfn of [...gfns].reverse()) tracking.add(gfn)
  tracking.add(8)
  t.same([...tracking.all()], gfns)
  for (const gfn of gfns) t.ok(tracking.has(gfn), `${gfn}`)
  for (const gfn of [1, 6, 9, 14, 16, 32_766, 32_769, 65_540, 98_304]) {
    t.notOk(tracking.has(gfn), `${gfn}`)
  }
})

const isGone = { kind: 'GONE' }

t.test('an SVM that ends while it is asked for something is gone', async (t) => {
  const one = function* (svm: Svm): UvSteps<string> {
    yield* ask(svm, { call: 'H_SVM_INIT_START', lpid: svm.lpid })
    return 'went on'
  }
  const many = function* (svm: Svm): UvSteps<string> {
    yield* askAll(svm, [{ call: 'H_SVM_INIT_START', lpid: svm.lpid }])
    return 'went on'
  }
  for (const steps of [one, many]) {
    for (const ends of [false, true]) {
      const { svm } = settle()
      const result = runSteps(guarded(svm, steps(svm)), () => {
        t.equal(svm.callsInFlight, 1)
        svm.gone = ends
        return { ret: 0 }
      })
      t.same(result, ends ? isGone : 'went on')
      t.equal(svm.callsInFlight, 0)
      t.equal(svm.fault, undefined)
    }
  }
})

/** Asks, and throws then. */
function* failing(svm: Svm, error: Error): UvSteps<string> {
  yield* ask(svm, { call: 'H_SVM_INIT_START', lpid: svm.lpid })
  throw error
}

t.test('the first reason for an abort is the one that counts', async (t) => {
  const { svm } = settle()
  for (const why of ['one', 'two']) {
    const steps = guarded(svm, failing(svm, new Trap('ABORT', why)))
    const result = runSteps(steps, () => ({ ret: 0 }))
    t.same(result, { kind: 'ABORT', why })
  }
  t.equal(svm.abortReason, 'one')
  t.equal(svm.fault, undefined)
})

t.test('a mistake of ours is no trap', async (t) => {
  const { svm } = settle()
  const steps = guarded(svm, failing(svm, new Error('our own')))
  t.throws(() => runSteps(steps, () => ({ ret: 0 })), { message: 'our own' })
  t.equal(svm.callsInFlight, 0)
  t.match(new Trap('OOPS', 'why'), { name: 'Trap', kind: 'OOPS', message: 'why' })
})
