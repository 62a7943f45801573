import t from 'tap'
import { drive } from '../../src/peer/rpc-drive.ts'

function* sum(calls: number): Generator<number, number, number> {
  let total = 0
  for (let n = 1; n <= calls; n += 1) total += yield n
  return total
}

t.test('each call gets its answer, and the end is told once', async (t) => {
  const asked: number[] = []
  const told: number[] = []
  drive(
    sum(3),
    (call, answer) => {
      asked.push(call)
      answer(call * 100)
    },
    (result) => told.push(result),
  )
  t.same(asked, [1, 2, 3])
  t.same(told, [600])
})

t.test('answers that come later, or now and then at once, are the same to it', async (t) => {
  const waiting: (() => void)[] = []
  const told: number[] = []
  drive(
    sum(6),
    (call, answer) => {
      if (call % 2 === 0) answer(call)
      else waiting.push(() => answer(call))
    },
    (result) => told.push(result),
  )
  t.equal(waiting.length, 1, 'it waits for the first answer')
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    t.same(told, [])
    next()
  }
  t.same(told, [21])
})

t.test('a million answers given at once do not grow the stack', async (t) => {
  let told = 0
  drive(
    sum(1_000_000),
    (_, answer) => answer(1),
    (result) => {
      told = result
    },
  )
  t.equal(told, 1_000_000)
})

t.test('no call at all: the end is told before drive returns', async (t) => {
  const told: number[] = []
  drive(
    sum(0),
    () => t.fail('nothing is asked'),
    (result) => told.push(result),
  )
  t.same(told, [0])
})

t.test('a second answer to one call is a mistake of this program', async (t) => {
  const waiting: ((given: number) => void)[] = []
  const told: number[] = []
  drive(
    sum(1),
    (_, answer) => waiting.push(answer),
    (result) => told.push(result),
  )
  waiting[0]?.(5)
  t.throws(() => waiting[0]?.(6), { name: 'InvariantError' })
  t.same(told, [5])
})

t.test('what the steps throw comes out of whoever answered', async (t) => {
  function* broken(): Generator<number, number, number> {
    const given = yield 1
    throw new Error(`got ${given}`)
  }
  const waiting: ((given: number) => void)[] = []
  drive(
    broken(),
    (_, answer) => waiting.push(answer),
    () => t.fail('it did not end'),
  )
  t.throws(() => waiting[0]?.(7), { message: 'got 7' })
})
