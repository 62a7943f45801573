import t from 'tap'
import { asGfn, asGpa, asLpid } from '../../src/abi/page.ts'
import { FrameHistory, historyPerFrameMax, historyRunsMax } from '../../src/hv/history.ts'
import { JournalNames } from '../../src/hv/journal-names.ts'
import { LPID, World } from './inspected-world.ts'

const GFN = asGfn(3)
const NORMAL = 0
const SECURE = 1
const change = { name: 0, code: 0, cause: 0, time: 0 }

const move = (call: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT', gfn: number, flags = 0) =>
  ({ call, lpid: LPID, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const

const newHistory = (capacity?: number): FrameHistory => {
  const names = new JournalNames()
  names.indexOf('touch')
  return new FrameHistory(names, capacity)
}

t.test('a frame tells what became of it, the last thing first', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  await world.run(move('H_SVM_PAGE_IN', 3))
  await world.run(move('H_SVM_PAGE_OUT', 3))
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  await world.run(move('H_SVM_PAGE_IN', 3, 1))
  const { history, journal } = world.inspected
  const told = history.of(LPID, GFN)
  t.same(
    told.map(({ from, to, call }) => `${from}>${to} by ${call}`),
    [
      'paged_out>shared by H_SVM_PAGE_IN',
      'secure>paged_out by H_SVM_PAGE_OUT',
      'normal>secure by H_SVM_PAGE_IN',
      'none>normal by add_slot',
    ],
  )
  t.equal(journal.event(told[0]?.cause ?? 0)?.call, 'H_SVM_PAGE_IN', 'the cause is in the journal')
  t.same(
    history.of(LPID, asGfn(5)).map(({ from, to, call }) => `${from}>${to} by ${call}`),
    ['normal>secure by H_SVM_INIT_DONE', 'none>normal by add_slot'],
    'what happens to many frames at once is told of each',
  )
  t.same(history.of(LPID, asGfn(8)), [], 'a frame that is in no slot has no history')
  t.same(history.of(asLpid(2), GFN), [], 'nor has one of another VM')
})

t.test('a call that was refused changes no history', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  await world.run(move('H_SVM_PAGE_IN', 3))
  const before = world.inspected.history.of(LPID, GFN)
  t.equal(await world.run(move('H_SVM_PAGE_IN', 3)), -4)
  t.same(world.inspected.history.of(LPID, GFN), before)
})

t.test('a VM begins with no history, whoever had its LPID before', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  await world.run(move('H_SVM_PAGE_IN', 3))
  await world.settle(world.vmm.destroy(LPID))
  t.same(world.inspected.history.of(LPID, GFN), [])
  await world.vm(8)
  t.same(
    world.inspected.history.of(LPID, GFN).map(({ call }) => call),
    ['add_slot'],
  )
})

t.test('so many transitions of a frame are told, and no more', async (t) => {
  const history = newHistory()
  for (let i = 0; i <= historyPerFrameMax; i++) {
    history.add(LPID, GFN, i % 2, (i + 1) % 2, { ...change, cause: i })
  }
  const told = history.of(LPID, GFN)
  t.equal(told.length, historyPerFrameMax)
  t.equal(told[0]?.cause, historyPerFrameMax, 'the newest is the first')
  t.equal(told.at(-1)?.cause, 1, 'the oldest is left out')
})

t.test('what all frames have together is bounded: the oldest go first', async (t) => {
  const history = newHistory(4)
  for (let gfn = 0; gfn < 5; gfn++) history.add(LPID, asGfn(gfn), NORMAL, SECURE, change)
  t.same(history.of(LPID, asGfn(0)), [])
  for (let gfn = 1; gfn < 5; gfn++) t.equal(history.of(LPID, asGfn(gfn)).length, 1, `GFN ${gfn}`)
})

t.test('frames that share a hash keep their own histories', async (t) => {
  const history = newHistory(8)
  for (const gfn of [1, 9, 17])
    history.add(LPID, asGfn(gfn), NORMAL, SECURE, { ...change, cause: gfn })
  for (const gfn of [1, 9, 17]) {
    t.same(
      history.of(LPID, asGfn(gfn)).map(({ cause }) => cause),
      [gfn],
    )
  }
})

t.test('changes of many frames at once are bounded for each VM', async (t) => {
  const history = newHistory()
  for (let i = 0; i <= historyRunsMax; i++) {
    history.addRun(LPID, asGfn(i * 100), 100, NORMAL, SECURE, { ...change, cause: i })
  }
  t.same(history.of(LPID, asGfn(0)), [], 'one past the limit')
  t.equal(history.of(LPID, asGfn(100)).length, 1)
  history.addRun(LPID, asGfn(1_000), 50, SECURE, NORMAL, change)
  t.equal(history.of(LPID, asGfn(1_049)).length, 2, 'the last frame of a run')
  t.equal(history.of(LPID, asGfn(1_050)).length, 1, 'one past it')
})

t.test('short runs are kept frame by frame and drive no long ones out', async (t) => {
  const history = newHistory()
  history.addRun(LPID, asGfn(0), 100, NORMAL, SECURE, change)
  for (let i = 0; i <= historyRunsMax; i++) {
    history.addRun(LPID, asGfn(1_000 + i * 8), 8, NORMAL, SECURE, change)
  }
  t.equal(history.of(LPID, asGfn(99)).length, 1)
  t.equal(history.of(LPID, asGfn(1_000)).length, 1)
  t.equal(history.of(LPID, asGfn(1_007)).length, 1)
})
