/** NumberPool and SummaryBits against sets. */
import fc from 'fast-check'
import t from 'tap'
import { InvariantError } from '../../src/lib/assert.ts'
import { NumberPool } from '../../src/lib/number-pool.ts'
import { SummaryBits } from '../../src/lib/summary-bits.ts'
import { seedFor } from '../formats/seed.ts'

/** Numbers in a chunk of the pool. */
const CHUNK = 32_768

t.test('the lowest free number comes first', async (t) => {
  const pool = new NumberPool(3)
  t.same([pool.take(), pool.take(), pool.take()], [0, 1, 2])
  t.equal(pool.take(), -1, 'one past the end there is none')
  t.equal(pool.taken, 3)
  pool.give(1)
  t.notOk(pool.has(1))
  t.equal(pool.take(), 1)
})

t.test('an empty pool', async (t) => {
  const pool = new NumberPool(0)
  t.equal(pool.take(), -1)
  t.same(pool.takeRun(5), { start: 0, count: 0 })
  t.same([...pool.takenRuns()], [])
  t.notOk(pool.has(0))
  t.notOk(pool.claimRun(0, 1))
})

t.test('a number that is not taken cannot be given back', async (t) => {
  const pool = new NumberPool(10)
  t.throws(() => pool.give(3), InvariantError)
  t.equal(pool.take(), 0)
  t.throws(() => pool.give(3), InvariantError)
})

t.test('runs cross chunks', async (t) => {
  const pool = new NumberPool(3 * CHUNK + 5)
  t.same(pool.takeRun(2 * CHUNK + 7), { start: 0, count: 2 * CHUNK + 7 })
  pool.give(CHUNK)
  t.same(
    [...pool.takenRuns()],
    [
      { start: 0, count: CHUNK },
      { start: CHUNK + 1, count: CHUNK + 6 },
    ],
  )
  t.same(pool.takeRun(5), { start: CHUNK, count: 1 }, 'a run ends where a number is taken')
  t.same(pool.takeRun(CHUNK * 9), { start: 2 * CHUNK + 7, count: CHUNK - 2 })
  t.equal(pool.taken, pool.size)
  pool.giveRun(0, pool.size)
  t.equal(pool.taken, 0)
})

t.test('taken numbers far apart in a chunk are found as runs', async (t) => {
  const pool = new NumberPool(2 * CHUNK + 3)
  for (const [start, count] of [
    [5, 1],
    [63, 2],
    [CHUNK - 1, 3],
    [2 * CHUNK + 2, 1],
  ] as const) {
    t.ok(pool.claimRun(start, count))
  }
  t.same(
    [...pool.takenRuns()],
    [
      { start: 5, count: 1 },
      { start: 63, count: 2 },
      { start: CHUNK - 1, count: 3 },
      { start: 2 * CHUNK + 2, count: 1 },
    ],
  )
})

t.test('a claim takes all or nothing', async (t) => {
  const pool = new NumberPool(2 * CHUNK)
  t.ok(pool.claimRun(CHUNK - 2, 4))
  t.notOk(pool.claimRun(CHUNK + 1, 5), 'the first of them is taken')
  t.notOk(pool.claimRun(CHUNK - 5, 4), 'the last of them is taken')
  t.equal(pool.taken, 4)
  t.notOk(pool.claimRun(2 * CHUNK - 1, 2), 'one past the end')
  t.ok(pool.claimRun(2 * CHUNK - 1, 1), 'at the end')
})

t.test('a run can be looked for from a number on', async (t) => {
  const pool = new NumberPool(2 * CHUNK)
  t.ok(pool.claimRun(CHUNK - 3, 1))
  t.same(pool.takeRun(9, CHUNK - 4), { start: CHUNK - 4, count: 1 }, 'up to a taken number')
  t.same(pool.takeRun(9, CHUNK - 4), { start: CHUNK - 2, count: 9 }, 'behind it')
  t.same(pool.takeRun(9, 2 * CHUNK - 1), { start: 2 * CHUNK - 1, count: 1 }, 'up to the end')
  t.same(pool.takeRun(9, 2 * CHUNK), { start: 0, count: 0 }, 'past the end there is none')
  t.same(pool.takeRun(2), { start: 0, count: 2 }, 'what lies below is still free')
})

t.test('a run with a free number in it cannot be given back', async (t) => {
  const pool = new NumberPool(2 * CHUNK)
  t.ok(pool.claimRun(0, 100))
  pool.give(70)
  t.throws(() => pool.giveRun(10, 61), InvariantError)
  pool.giveRun(10, 60)
  t.same(
    [...pool.takenRuns()],
    [
      { start: 0, count: 10 },
      { start: 71, count: 29 },
    ],
  )
})

type Step = readonly ['take' | 'from' | 'run' | 'run-from' | 'give' | 'claim', number, number]

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('take', 'from', 'run', 'run-from', 'give', 'claim'),
  fc.nat(99),
  fc.integer({ min: 1, max: 12 }),
)

/** The model: a plain set. */
function lowestFree(taken: ReadonlySet<number>, size: number, from: number): number {
  for (let n = from; n < size; n++) if (!taken.has(n)) return n
  return -1
}

t.test('a pool does what a set does', async (t) => {
  const seed = seedFor(t)
  let steps = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.array(step, { size: 'max', maxLength: 80 }),
      (size, all) => {
        const pool = new NumberPool(size)
        const taken = new Set<number>()
        for (const [what, n, count] of all) {
          steps++
          const from = what === 'from' || what === 'run-from' ? n % size : 0
          const low = lowestFree(taken, size, from)
          if (what === 'take' || what === 'from') {
            if (pool.take(from) !== low) throw new Error(`take(${from})`)
            if (low >= 0) taken.add(low)
          } else if (what === 'run' || what === 'run-from') {
            let free = 0
            while (low >= 0 && free < count && low + free < size && !taken.has(low + free)) free++
            for (let i = 0; i < free; i++) taken.add(low + i)
            const got = pool.takeRun(count, from)
            if (got.count !== free || (free > 0 && got.start !== low)) throw new Error('takeRun')
          } else if (what === 'claim') {
            const wish = Array.from({ length: count }, (_, i) => (n % size) + i)
            const fits = wish.every((each) => each < size && !taken.has(each))
            if (pool.claimRun(n % size, count) !== fits) throw new Error('claimRun')
            if (fits) for (const each of wish) taken.add(each)
          } else if (taken.has(n)) {
            let run = 0
            while (run < count && taken.delete(n + run)) run++
            pool.giveRun(n, run)
          }
          const runs = [...pool.takenRuns()]
          const listed = runs.flatMap((run) =>
            Array.from({ length: run.count }, (_, i) => run.start + i),
          )
          if (String(listed) !== String([...taken].sort((a, b) => a - b)))
            throw new Error('contents')
          if (pool.taken !== taken.size) throw new Error('count')
        }
      },
    ),
    { seed, numRuns: 300 },
  )
  t.ok(steps > 3_000, `${steps} steps`)
})

t.test('summary bits find the next member as a set does', async (t) => {
  const seed = seedFor(t)
  let looked = 0
  const member = fc.nat(2_999)
  const length = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1_500 }))
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.tuple(fc.boolean(), member, length), { size: 'max', maxLength: 200 }),
      (full, all) => {
        const bits = new SummaryBits(3_000, full)
        const set = new Set(full ? Array.from({ length: 3_000 }, (_, i) => i) : [])
        for (const [adds, n, most] of all) {
          const count = Math.min(most, 3_000 - n)
          for (let i = n; i < n + count; i++) {
            if (adds) set.add(i)
            else set.delete(i)
          }
          const isRun = count > 1 || n % 2 === 0
          if (adds && isRun) bits.addRun(n, count)
          else if (adds) bits.add(n)
          else if (isRun) bits.deleteRun(n, count)
          else bits.delete(n)
          if (bits.has(n) !== adds) throw new Error(`has(${n})`)
          for (const from of [0, n, n + 1, n + count]) {
            let want = from
            while (want < 3_000 && !set.has(want)) want++
            if (bits.first(from) !== (want < 3_000 ? want : -1)) throw new Error(`first(${from})`)
            let out = from
            while (set.has(out)) out++
            if (bits.firstOut(from) !== out) throw new Error(`firstOut(${from})`)
            looked++
          }
        }
      },
    ),
    { seed, numRuns: 50 },
  )
  t.ok(looked > 1_000, `${looked} look-ups`)
})

t.test('summary bits at their edges', async (t) => {
  for (const n of [1, 31, 32, 33, 1_023, 1_024, 1_025, 32_768]) {
    const bits = new SummaryBits(n, true)
    t.equal(bits.first(n - 1), n - 1, `${n}: the last one is in`)
    t.equal(bits.first(n), -1, `${n}: one past it is not`)
    t.ok([-1, n].includes(bits.firstOut(0)), `${n}: nothing below is out`)
  }
  t.equal(new SummaryBits(0, true).first(), -1, 'nothing is in none')
})
