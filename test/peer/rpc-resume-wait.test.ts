/** While a resume waits for the calls that it announced: what counts as come, and what is said then. */
import t from 'tap'
import type { FromUv } from './pair.ts'
import { inval } from './pair.ts'
import { answered, done, hypervisor, open, read, type SpokenOptions } from './spoken-to.ts'

/** Whose calls are held until they are answered by hand, and who is told when it waits. */
function holding(options: SpokenOptions = {}) {
  const held: FromUv[] = []
  const waits: boolean[] = []
  const world = hypervisor({
    serve: (call) => held.push(call),
    waits: (isWaiting) => waits.push(isWaiting),
    ...options,
  })
  return { ...world, held, waits }
}

/** Answers loads with as many bytes as they ask for, and everything else with 0. */
const load = (call: FromUv): void => {
  const { body } = call
  if (body.call === 'MEM_READ') call.answer(0, { bytes: new Uint8Array(body.length) })
  else call.answer(0)
}

t.test('who has a clock is told when it begins to wait, and when that is over', async (t) => {
  const { connect, say, waits, peer } = holding()
  const told = (): boolean[] => waits.splice(0)
  connect()
  say(done(1), done(2))
  peer.detach()
  t.same(told(), [], 'nobody was waited for')
  connect(2)
  t.same(told(), [true])
  say(done(1))
  t.same(told(), [])
  say(done(2))
  t.same(told(), [false])
  say(done(3))
  t.same(told(), [])
  peer.detach()
  connect(1)
  t.same(told(), [true])
  connect(1)
  t.same(told(), [false, true], 'the next one is waited for as long')
  peer.detach()
  t.same(told(), [false])
})

t.test('only what is a call counts as one that has come', async (t) => {
  const { connect, say, peer } = holding()
  connect()
  peer.call(inval(0), 0, () => undefined)
  say(done(1), done(2))
  peer.detach()
  t.same(connect(2), [])
  t.match(say('nothing', answered(77)), [{ id: null, error: { code: -32_700 } }])
  t.same(say(done(1)), [])
  const said = say(done(2, 0))
  t.match(said, [
    { id: null, error: { code: -32_602 } },
    { id: 1, method: 'UV_PAGE_INVAL' },
  ])
  t.equal(said.length, 2, 'one that does not fit has come all the same')
})

t.test('who ends a peer for a call that came does not hear of what it would say', async (t) => {
  const world = hypervisor({ report: () => world.peer.end() })
  world.connect()
  world.say(done(1))
  world.peer.detach()
  world.connect(1)
  t.doesNotThrow(() => world.peer.receive(done(2, 0)))
  t.same(world.say(), [])
})

t.test('a call that comes again as another one has come, and is answered once', async (t) => {
  const { connect, say, served, peer } = holding({ serve: load })
  connect()
  say(done(1), done(2))
  peer.detach()
  connect(2)
  t.match(say(done(1, 9)), [{ id: 1, error: { code: -32_014 } }])
  const said = say(done(2))
  t.match(said, [{ id: 2, result: { ret: 0 } }])
  t.equal(said.length, 1, 'the answer to the call that it was not is not given')
  t.same(served, [1, 2])
})

t.test('a call that comes twice while others are waited for is answered once', async (t) => {
  const { connect, say, peer } = holding({ serve: load })
  connect()
  say(done(1))
  peer.detach()
  connect(2)
  t.same(say(done(1)), [])
  const said = say(done(1))
  t.match(said, [{ id: 1, result: { ret: 0 } }])
  t.equal(said.length, 1)
  t.equal(peer.counters.callsRepeated, 2)
})

t.test('bytes that are let go while calls come again: who asked is told so', async (t) => {
  const { connect, say, served, peer } = holding({
    serve: load,
    limits: { answerBytesKeptMax: 100 },
  })
  connect()
  say(read(1, 60), read(2, 40), done(3))
  peer.detach()
  connect(5)
  // The last two had not come before: there is no room for the first two answers beside theirs.
  t.same(say(read(1, 60), read(2, 40), done(3), read(4, 70)), [])
  const said = say(read(5, 10))
  const data = (id: number) => ({ id, limit: 'answerBytesKeptMax', max: 100 })
  t.match(said, [
    { id: 1, error: { code: -32_015, data: data(1) } },
    { id: 2, error: { code: -32_015, data: data(2) } },
    { id: 3, result: { ret: 0 } },
    { id: 4, result: { ret: 0 } },
    { id: 5, result: { ret: 0 } },
  ])
  t.equal(said.length, 5, 'every call has one outcome')
  t.same(served, [1, 2, 3, 4, 5], 'nothing was executed twice')
})

t.test('answers that leave the ring while calls come again: who asked is told so', async (t) => {
  const { connect, say, peer } = holding({ serve: load, limits: { answersKeptMax: 2 } })
  connect()
  peer.call(inval(0), 0, () => undefined)
  say(done(1), done(2))
  peer.detach()
  connect(3)
  const said = say(done(1), done(2), done(3))
  const data = { id: 1, limit: 'answersKeptMax', max: 2 }
  t.match(said, [
    { id: 1, error: { code: -32_015, data } },
    { id: 1, method: 'UV_PAGE_INVAL' },
    { id: 2, result: { ret: 0 } },
    { id: 3, result: { ret: 0 } },
  ])
  t.equal(said.length, 4)
})

t.test('a call that is open, or counts as never come, is told nothing at the end', async (t) => {
  const { connect, say, held, peer } = holding()
  connect()
  say(done(1))
  peer.detach()
  connect(3)
  say(done(1), done(2))
  held[1]?.forget()
  const said = say(done(3))
  t.same(said, [])
  for (const call of [held[0], held[2]]) call?.answer(5)
  t.match(say(), [
    { id: 1, result: { ret: 5 } },
    { id: 3, result: { ret: 5 } },
  ])
})

t.test('what is said again is counted, calls and answers apart', async (t) => {
  const { connect, say, peer } = holding({ serve: load })
  connect()
  t.equal(peer.counters.resumes, 1)
  say(done(1), done(2))
  peer.call(inval(0), 0, () => undefined)
  peer.detach()
  connect(2)
  t.equal(say(done(1), done(2)).length, 3)
  const { resumes, callsResent, callsRepeated, answersRepeated } = peer.counters
  t.same([resumes, callsResent, callsRepeated, answersRepeated], [2, 1, 2, 2])
  t.match(peer.counters, { callsSent: 1, callsReceived: 2, answersSent: 2, errorsSent: 0 })
})

t.test('a SESSION_OPEN on it that is refused counts as come', async (t) => {
  const { connect, say, held, peer } = holding()
  connect()
  peer.call(inval(0), 0, () => undefined)
  connect(1)
  say(open(9))
  held[0]?.fail('SESSION_IS_OPEN')
  t.match(say(), [{ id: 9, error: { code: -32_012 } }])
})
