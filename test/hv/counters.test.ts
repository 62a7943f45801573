import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { CallCounts, CodeNumbers, codesMax } from '../../src/hv/counters-calls.ts'
import { LATENCY_BOUNDS_US, LatencyHistogram } from '../../src/hv/counters-histogram.ts'
import { JournalNames } from '../../src/hv/journal-names.ts'
import { LPID, World } from './inspected-world.ts'

const OTHER = asLpid(2)
const move = (call: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT', gfn: number, flags = 0, lpid = LPID) =>
  ({ call, lpid, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const

const played = async (): Promise<World> => {
  const world = new World()
  for (const lpid of [LPID, OTHER]) {
    await world.vm(8, lpid)
    await world.run({ call: 'H_SVM_INIT_START', lpid })
    await world.run(move('H_SVM_PAGE_IN', 1, 0, lpid))
  }
  await world.run(move('H_SVM_PAGE_IN', 2))
  await world.run(move('H_SVM_PAGE_OUT', 2))
  await world.run(move('H_SVM_PAGE_IN', 3, 1))
  await world.run(move('H_SVM_PAGE_IN', 1))
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  return world
}

t.test('calls are counted by name and code, for each VM and for the host', async (t) => {
  const { inspected } = await played()
  const counted = (call: string): string[] =>
    inspected.counters
      .host()
      .calls.filter((each) => each.call === call)
      .map(({ code, count }) => `${code}: ${count}`)
  t.same(counted('H_SVM_PAGE_IN'), ['0: 4', '-4: 1'])
  t.same(counted('UV_PAGE_IN'), ['0: 4'])
  t.equal(inspected.counters.callCount('H_SVM_PAGE_IN', LPID), 4)
  t.equal(inspected.counters.callCount('H_SVM_PAGE_IN', OTHER), 1)
  t.equal(inspected.counters.callCount('H_SVM_PAGE_IN'), 5)
  t.equal(inspected.counters.callCount('NO_SUCH_CALL'), 0)
})

t.test('pages are counted by where they went', async (t) => {
  const { inspected } = await played()
  const { pages } = inspected.counters.of(LPID)
  t.equal(pages.pagesIn, 2, 'a share brings nothing in')
  t.equal(pages.pagesOut, 1)
  t.equal(pages.pagesShared, 1)
  t.equal(pages.framesSecured, 5, 'of 8 frames: 1 is secure, 1 paged out, 1 shared already')
  t.equal(inspected.counters.pageCount('pagesIn'), 3, 'the host counts both VMs')
})

t.test('an ultracall that is refused moves no page', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  world.script.set('UV_PAGE_IN', [-4])
  await world.run(move('H_SVM_PAGE_IN', 1))
  t.equal(world.inspected.counters.pageCount('pagesIn'), 0)
  t.equal(world.inspected.counters.callCount('UV_PAGE_IN'), 1)
})

t.test(
  'the host keeps the counts of VMs that are gone, and a new VM begins at nothing',
  async (t) => {
    const world = await played()
    await world.settle(world.vmm.destroy(LPID))
    const { counters } = world.inspected
    t.equal(counters.pageCount('pagesIn'), 3)
    t.equal(counters.callCount('H_SVM_PAGE_IN'), 5)
    t.equal(counters.callCount('destroy'), 1)
    t.equal(counters.pageCount('pagesIn', LPID), 0)
    await world.vm(4)
    t.equal(counters.callCount('H_SVM_PAGE_IN', LPID), 0)
  },
)

t.test('high-water marks: of the pool, and of the queue', async (t) => {
  const world = await played()
  const { counters } = world.inspected
  t.equal(counters.poolMax, 7, '6 of the first VM, 1 of the other')
  await world.settle(world.vmm.reset(LPID))
  t.equal(counters.poolMax, 7, 'a mark does not fall')
  t.equal(counters.of(OTHER).queueMax, 1)
  for (const gfn of [4, 5, 6]) world.call(move('H_SVM_PAGE_IN', gfn, 0, OTHER))
  await world.settle()
  t.equal(counters.of(OTHER).queueMax, 3)
})

t.test('latencies are those between question and answer', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  world.answers = false
  world.call(move('H_SVM_PAGE_IN', 1))
  await world.settle()
  world.now += 3
  world.turn()
  world.answer()
  const latency = world.inspected.counters.latency('UV_PAGE_IN')?.read()
  t.equal(latency?.count, 1)
  t.equal(latency?.sumUs, 3_000)
  t.equal(latency?.maxUs, 3_000)
  t.equal(latency?.buckets[12], 1, 'between 2048 and 4096 us')
  t.equal(world.inspected.counters.latency('NO_SUCH_CALL'), undefined)
})

t.test('a histogram puts a duration under the first bound that it keeps', async (t) => {
  const cases = [
    { ms: 0, bucket: 0, why: 'nothing' },
    { ms: 0.001, bucket: 0, why: 'the first bound' },
    { ms: 0.0011, bucket: 1, why: 'one past it' },
    { ms: 0.002, bucket: 1, why: 'the second bound' },
    { ms: 0.0041, bucket: 3, why: 'past the third' },
    { ms: 2 ** 29 / 1_000, bucket: 29, why: 'the last bound' },
    { ms: 2 ** 29 / 1_000 + 1, bucket: 30, why: 'one past it' },
    { ms: 1e12, bucket: 30, why: 'beyond 32 bits' },
  ]
  for (const { ms, bucket, why } of cases) {
    const histogram = new LatencyHistogram()
    histogram.add(ms)
    const { buckets } = histogram.read()
    t.equal(buckets.indexOf(1), bucket, why)
    t.equal(buckets.length, LATENCY_BOUNDS_US.length + 1)
  }
})

t.test('a share of all durations keeps a bound', async (t) => {
  const histogram = new LatencyHistogram()
  t.equal(histogram.quantileUs(0.5), 0, 'of none')
  for (let i = 0; i < 99; i++) histogram.add(0.003)
  histogram.add(10)
  t.equal(histogram.quantileUs(0.5), 4)
  t.equal(histogram.quantileUs(0.99), 4)
  t.equal(histogram.quantileUs(1), 10_000, 'never more than the longest')
})

t.test('so many codes are told apart; the rest count together', async (t) => {
  const names = new JournalNames()
  const counts = new CallCounts(names, new CodeNumbers())
  const name = names.indexOf('touch')
  for (let code = 0; code <= codesMax; code++) counts.add(name, code)
  const read = [...counts.read()]
  t.equal(read.length, codesMax)
  t.same(read.at(-2), { call: 'touch', code: codesMax - 2, count: 1 })
  t.same(read.at(-1), { call: 'touch', code: 'other', count: 2 })
  t.equal(counts.total('touch'), codesMax + 1)
})
