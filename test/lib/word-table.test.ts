/** WordTable against an array. */
import fc from 'fast-check'
import t from 'tap'
import { WordTable } from '../../src/lib/word-table.ts'
import { seedFor } from '../formats/seed.ts'

const CHUNK = 1_024

t.test('a table is zeros at first', async (t) => {
  const table = new WordTable(2_500)
  t.same(table.runAt(0, 2_500), { start: 0, count: 2_500, word: 0, step: 0 })
})

t.test('a table of the longest kind holds what is set at its end', async (t) => {
  const length = 2 ** 28
  const table = new WordTable(length)
  const clock = { now: 10 }
  table.follow(clock)
  t.same(table.runAt(length - 5, length), { start: length - 5, count: 5, word: 0, step: 0 })
  t.same(table.spanAt(length - 5, length), {
    ...{ start: length - 5, count: 5, word: 0, step: 0, words: undefined },
  })
  table.set(length - 2, 7)
  table.fill(2_000_000, 3 * CHUNK, 9, 1)
  t.same([table.get(length - 3), table.get(length - 2), table.get(length - 1)], [0, 7, 0])
  t.same([table.get(1_999_999), table.get(2_000_001), table.get(2_000_000 + 3 * CHUNK)], [0, 10, 0])
  t.same(table.runAt(0, length), { start: 0, count: 2_000_000, word: 0, step: 0 })
  t.ok(table.changedAfter(length - 1, 10), 'its chunk changed')
  t.notOk(table.changedAfter(length / 2, 10), 'one between did not')
  t.ok(table.changedAfter(length / 2, 9), 'it is of the time at which it was followed')
})

t.test('words of 32 bits come back as they went in', async (t) => {
  const table = new WordTable(3)
  for (const word of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    table.set(1, word)
    t.equal(table.get(1), word)
    t.same([table.get(0), table.get(2)], [0, 0], 'the neighbours stay')
  }
})

t.test('a run ends where the words change, and where it is told to', async (t) => {
  const table = new WordTable(3 * CHUNK)
  table.fill(10, 2 * CHUNK, 0x8000_0000, 1)
  t.same(table.runAt(0, 3 * CHUNK), { start: 0, count: 10, word: 0, step: 0 })
  const rising = { start: 10, count: 2 * CHUNK, word: 0x8000_0000, step: 1 }
  t.same(table.runAt(10, 3 * CHUNK), rising)
  t.same(table.runAt(10, 12), { ...rising, count: 2 })
  t.same(table.runAt(10, 11), { ...rising, count: 1, step: 0 }, 'one word rises nowhere')
  t.equal(table.get(10 + 2 * CHUNK - 1), 0x8000_0000 + 2 * CHUNK - 1)
  t.equal(table.get(10 + 2 * CHUNK), 0)
})

type Write = readonly [fill: boolean, at: number, count: number, word: number, step: 0 | 1]

const write: fc.Arbitrary<Write> = fc.tuple(
  fc.boolean(),
  fc.nat(2_999),
  fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 2_200 })),
  fc.constantFrom(0, 1, 2, 7, 0x8000_0000, 0x8000_0400),
  fc.constantFrom(0, 1),
)

function checkRun(table: WordTable, model: readonly number[], from: number): void {
  const { word, step, count } = table.runAt(from, model.length)
  if (count < 1 || model[from] !== word) throw new Error(`runAt(${from}): ${count} of ${word}`)
  for (let i = 0; i < count; i++) {
    if (model[from + i] !== word + i * step) throw new Error(`runAt(${from}) lies at ${i}`)
  }
  const goesOn = model[from + count] === word + count * step && count > 1
  if (goesOn) throw new Error(`runAt(${from}) ends early, after ${count}`)
}

t.test('a table does what an array does', async (t) => {
  const seed = seedFor(t)
  let writes = 0
  const length = 3_000
  fc.assert(
    fc.property(fc.array(write, { size: 'max', maxLength: 30 }), (all) => {
      const table = new WordTable(length)
      const model = new Array<number>(length).fill(0)
      for (const [fills, at, most, word, step] of all) {
        writes++
        const count = fills ? Math.min(most, length - at) : 1
        if (fills) table.fill(at, count, word, step)
        else table.set(at, word)
        for (let i = 0; i < count; i++) model[at + i] = word + i * step
        for (const i of [at, at + count - 1, Math.max(0, at - 1)]) checkRun(table, model, i)
      }
      const wrong = model.findIndex((word, i) => table.get(i) !== word)
      if (wrong >= 0) throw new Error(`word ${wrong} differs`)
    }),
    { seed, numRuns: 200 },
  )
  t.ok(writes > 1_000, `${writes} writes`)
})

t.test(
  'a span ends with its chunk, and shows words that are not in line as they lie',
  async (t) => {
    const table = new WordTable(2 * CHUNK + 5)
    table.fill(CHUNK, CHUNK, 7, 1)
    table.set(3, 9)
    const mixed = table.spanAt(1, 6)
    t.same([mixed.start, mixed.count, mixed.word], [1, 5, 0])
    t.same([...(mixed.words ?? [])], [0, 0, 9, 0, 0])
    const rising = { start: CHUNK + 2, count: CHUNK - 2, word: 9, step: 1, words: undefined }
    t.same(table.spanAt(CHUNK + 2, 2 * CHUNK + 5), rising)
    const last = { start: 2 * CHUNK, count: 5, word: 0, step: 0, words: undefined }
    t.same(table.spanAt(2 * CHUNK, 3 * CHUNK), last, 'and with the table')
  },
)

t.test('a clock that is followed tells which chunks changed, and no others', async (t) => {
  const table = new WordTable(3 * CHUNK)
  t.ok(table.changedAfter(0, 99), 'without a clock everything may have changed')
  const clock = { now: 10 }
  table.follow(clock)
  const changed = (time: number) => [0, CHUNK, 2 * CHUNK].map((i) => table.changedAfter(i, time))
  t.same(changed(10), [false, false, false])
  table.set(CHUNK + 1, 5)
  t.equal(clock.now, 11)
  t.same(changed(10), [false, true, false])
  t.same(changed(11), [false, false, false])
  table.set(0, 0)
  t.equal(clock.now, 11, 'a word that stays in a flat chunk is no change')
  table.fill(CHUNK, 2 * CHUNK, 1, 1)
  t.same(changed(11), [false, true, true])
  t.equal(clock.now, 13)
})
