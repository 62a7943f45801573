/** Ids that go round, and meet calls of the last round whose answers are still kept. */
import t from 'tap'
import type { FromUv } from './pair.ts'
import { done, hypervisor } from './spoken-to.ts'

/** From any low id to the highest one, by way of the middle. */
const ROUND = [done(2 ** 31), done(2 ** 32 - 1)]

/** Each call is answered with how many were begun, but those with a held id. */
function counting(answersKeptMax: number, heldId = 0) {
  const held: FromUv[] = []
  let begun = 0
  const serve = (call: FromUv): void => {
    begun++
    if (call.id === heldId) held.push(call)
    else call.answer(begun)
  }
  const world = hypervisor({ serve, limits: { answersKeptMax } })
  world.connect()
  return { ...world, held }
}

t.test('an id that comes round to a call whose answer is kept stands for that call', async (t) => {
  const { say, served } = counting(4)
  // The second one is not above all others: ids are looked for after it, but not for long.
  say(done(10), done(9), done(100), ...ROUND, done(98))
  t.equal(served.length, 6)
  t.match(say(done(100)), [{ id: 100, result: { ret: 3 } }], 'the same call')
  t.match(say(done(100, 2)), [{ id: 100, error: { code: -32014, data: { id: 100 } } }])
  t.equal(served.length, 6, 'nothing was begun')
})

t.test('an id that was refused because it stands for another call is used', async (t) => {
  const { say, served } = counting(4)
  say(done(100), ...ROUND)
  t.match(say(done(100, 2)), [{ id: 100, error: { code: -32014 } }])
  t.match(say(done(98), done(99)), [{ id: 98 }, { id: 99 }], 'now the first answer is forgotten')
  t.match(say(done(100, 2)), [{ id: 100, error: { code: -32015 } }], 'it takes a new id')
  t.match(say(done(101, 2)), [{ id: 101, result: { ret: 6 } }])
  t.same(served, [100, 2 ** 31, 2 ** 32 - 1, 98, 99, 101])
})

t.test('an id that comes round to a call that was open all the time stands for it', async (t) => {
  const { say, served, connect, held } = counting(2, 5)
  say(done(5), ...ROUND, done(1), done(2), done(3), done(4))
  t.equal(served.length, 7)
  held[0]?.answer(-9)
  t.match(say(), [{ id: 5, result: { ret: -9 } }])
  t.match(say(done(5)), [{ id: 5, result: { ret: -9 } }], 'the same call')
  connect()
  t.match(say(done(5)), [{ id: 5, result: { ret: -9 } }], 'also on another connection')
  t.match(say(done(6)), [{ id: 6, result: { ret: 8 } }], 'to have its answer again uses no id')
  t.same(served, [5, 2 ** 31, 2 ** 32 - 1, 1, 2, 3, 4, 6], 'each was begun once')
  t.equal(held.length, 1)
})
