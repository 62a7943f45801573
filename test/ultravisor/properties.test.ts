/** Random sequences: rules that hold whatever the HV and the guest do. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { asGfn, asGpa, PAGE_SIZE } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { FrameTable, Note } from '../../src/ultravisor/frame-table.ts'
import { load, store } from '../../src/ultravisor/guest-memory.ts'
import { violationsOf } from '../../src/ultravisor/invariants.ts'
import { OWN_PRESENT, PageTable } from '../../src/ultravisor/page-table.ts'
import { RunSet } from '../../src/ultravisor/run-set.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { restoreUltravisor, snapshotOf } from '../../src/ultravisor/snapshot.ts'
import { runSteps } from '../../src/ultravisor/steps.ts'
import { brokenRules, history, perform, wildHv } from './random-history.ts'
import { HonestHv, LPID, PROFILES, settle } from './uv-for-test.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}: SEED=${SEED} repeats this run`)
function check<T>(t: Test, runs: number, property: fc.IProperty<T>): void {
  const details = fc.check(property, { seed: SEED, numRuns: runs })
  t.equal(fc.defaultReportMessage(details), undefined, 'no counterexample')
  t.equal(details.numRuns, runs, `${runs} runs`)
}

t.test('spec: no hypervisor can break a rule', async (t) => {
  check(
    t,
    3000,
    fc.property(history, ([ops, script]) => {
      const { uv } = settle({ slots: [[1, 0, 33]], secureUnits: 6, contentMode: 'tag' })
      const hv = wildHv(uv, script)
      for (const one of ops) {
        perform(uv, hv, one)
        const found = brokenRules(uv)
        if (found.length > 0) throw new Error(`${JSON.stringify(one)}: ${JSON.stringify(found)}`)
      }
    }),
  )
})

t.test('firmware: whatever happens is an answer or a fault, and the budget is kept', async (t) => {
  check(
    t,
    3000,
    fc.property(history, ([ops, script]) => {
      const { uv } = settle({
        profile: 'firmware',
        slots: [[1, 0, 33]],
        secureUnits: 6,
        contentMode: 'tag',
      })
      const hv = wildHv(uv, script)
      for (const one of ops) {
        perform(uv, hv, one)
        const found = violationsOf(uv).filter(({ rule }) => rule === 'budget' || rule === 'slots')
        if (found.length > 0) throw new Error(`${JSON.stringify(one)}: ${JSON.stringify(found)}`)
      }
      serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
      serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
      if (uv.availableUnits !== 6) throw new Error('the budget is not whole after terminate')
    }),
  )
})

t.test('a snapshot is the whole state: both go on alike', async (t) => {
  for (const profile of PROFILES) {
    check(
      t,
      200,
      fc.property(history, history, ([ops, script], [more]) => {
        const { uv } = settle({ profile, slots: [[1, 0, 33]], secureUnits: 6, contentMode: 'tag' })
        for (const one of ops) perform(uv, wildHv(uv, script), one)
        const text = JSON.stringify(snapshotOf(uv))
        const { cipher } = uv
        const options = { profile: uv.profile, cipher, contentMode: 'tag' } as const
        const copy = restoreUltravisor(options, JSON.parse(text))
        if (JSON.stringify(snapshotOf(copy)) !== text) throw new Error('the copy differs')
        const random = { ...cipher, randomBytes: (count: number) => new Uint8Array(count) }
        const pair = [uv, copy].map((one) => Object.assign(one, { cipher: random }))
        for (const one of more) for (const each of pair) perform(each, wildHv(each, script), one)
        const [a, b] = pair.map((one) => JSON.stringify(snapshotOf(one)))
        if (a !== b) throw new Error('the copy goes another way')
      }),
    )
  }
})

t.test('what a guest stored is what it loads, whatever an honest HV takes out', async (t) => {
  const action = fc.oneof(
    fc.record({
      at: fc.integer({ min: 0, max: 3 * PAGE_SIZE - 20 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    }),
    fc.record({ out: fc.integer({ min: 64, max: 66 }) }),
  )
  check(
    t,
    60,
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const { uv, svm } = settle()
      const hv = new HonestHv(uv)
      const model = new Uint8Array(3 * PAGE_SIZE)
      const base = 64 * PAGE_SIZE
      for (const one of actions) {
        if ('out' in one) hv.takeOut(asGfn(one.out))
        else {
          model.set(one.bytes, one.at)
          runSteps(store(uv, svm, asGpa(base + one.at), one.bytes), hv.answer)
        }
      }
      const got = runSteps(load(uv, svm, asGpa(base), model.length), hv.answer)
      if (got.kind !== 'OK' || Buffer.compare(got.bytes, model) !== 0) {
        throw new Error('the guest reads something else')
      }
    }),
  )
})

t.test('a run set is a set', async (t) => {
  const span = fc.tuple(
    fc.boolean(),
    fc.integer({ min: 0, max: 30 }),
    fc.integer({ min: 0, max: 9 }),
  )
  check(
    t,
    500,
    fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
      const runs = new RunSet()
      const model = new Set<number>()
      for (const [adds, first, length] of spans) {
        if (adds) runs.add(first, first + length)
        else runs.delete(first, first + length)
        for (let n = first; n < first + length; n++) {
          if (adds) model.add(n)
          else model.delete(n)
        }
      }
      for (let n = -1; n < 45; n++) {
        if (runs.has(n) !== model.has(n)) throw new Error(`${n} is wrong`)
      }
      const ends = runs.runs()
      for (const [i, [first, end]] of ends.entries()) {
        if (first >= end || (ends[i - 1]?.[1] ?? -1) >= first) throw new Error('runs touch')
      }
    }),
  )
})

t.test('a frame table keeps records, ascending, however they come', async (t) => {
  const table = new FrameTable()
  for (const n of [70_000, 3, 255, 256, 0]) table.setState(asGfn(n), FrameState.Shared)
  t.same([...table.tracked()], [0, 3, 255, 256, 70_000])
  t.equal(table.after(256), 70_000)
  t.equal(table.after(70_000), undefined)
  table.setNote(asGfn(3), 0x1_0000)
  t.equal(table.noteRa(asGfn(3)), 0x1_0000)
  table.forget(asGfn(3))
  table.forget(asGfn(3))
  t.equal(table.count, 4, 'a frame is forgotten once')
  table.setState(asGfn(3), FrameState.HvSharing)
  t.equal(table.note(asGfn(3)), Note.None, 'a new record has no old note')
  t.throws(() => table.setNote(asGfn(4), 5), 'only a record has a note')
  t.throws(() => table.setState(asGfn(4), FrameState.Secure))
  t.equal(table.seal(asGfn(3)), undefined)
})

t.test('a page table maps ranges of any shape', async (t) => {
  for (const [base, count] of [
    [0, 1],
    [40, 3],
    [40, 24],
    [40, 30],
    [0, 32],
    [31, 66],
  ] as const) {
    const table = new PageTable()
    table.mapRange(asGfn(base), count)
    const mapped = []
    for (let n = 0; n < 120; n++) if (table.entry(asGfn(n)) === OWN_PRESENT) mapped.push(n)
    t.same(
      mapped,
      Array.from({ length: count }, (_, i) => base + i),
      `${base}+${count}`,
    )
  }
})
