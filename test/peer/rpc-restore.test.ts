/** Calls that outlive the process: what is written down of a peer, and put back into a new one. */
import t from 'tap'
import type { CallMessage, DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import { asLpid } from '../../src/abi/page.ts'
import type { CallMarks, PeerWatch } from '../../src/peer/rpc-restore.ts'
import { type FromUv, inval } from './pair.ts'
import { answered, done, hypervisor, open, type SpokenOptions } from './spoken-to.ts'

const GONE = { error: { code: -32_015 } }

const call = (id: number, parent = 0): CallMessage<UpCall> => ({
  kind: 'call',
  id,
  parent,
  body: { call: 'H_SVM_INIT_DONE', lpid: asLpid(1) },
})
const MARKS: CallMarks = { nextId: 1, highestId: 0, forgotten: [], isWhole: true }

/** A peer that has been spoken to, and all that it knows. */
function spokenTo() {
  const held: FromUv[] = []
  const old = hypervisor({ serve: (each) => held.push(each) })
  old.connect()
  old.say(done(3), done(4), done(5), done(8))
  held[0]?.answer(33)
  held[2]?.forget()
  held[3]?.fail('DEADLOCK')
  old.peer.call(inval(0), 4, () => undefined)
  old.peer.call(inval(65_536), 0, () => undefined)
  const { marks } = old.peer.restoring
  const answers = [...old.peer.restoring.answers()]
  const calls = old.peer.restoring.calls()
  return { marks, answers, calls }
}

/** The same peer after a crash. */
function again(options: SpokenOptions = {}) {
  const { marks, answers, calls } = spokenTo()
  const fresh = hypervisor(options)
  const { restoring } = fresh.peer
  restoring.setMarks(marks)
  for (const { outcome, ...key } of answers) restoring.putAnswer(key, outcome)
  for (const each of calls) restoring.putCall(each)
  return fresh
}

t.test('what a peer has to be known by is its ids, its answers, and what is open', async (t) => {
  const { marks, answers, calls } = spokenTo()
  t.same(marks, { nextId: 3, highestId: 8, forgotten: [5], isWhole: true })
  t.same(calls, [call(4)])
  t.same(
    answers.map(({ id, outcome }) => [id, outcome]),
    [
      [3, { kind: 'answer', id: 3, call: 'H_SVM_INIT_DONE', ret: 33 }],
      [8, { kind: 'error', id: 8, code: -32_001, message: 'The call would wait for itself.' }],
    ],
  )
  t.ok(
    answers.every(({ low, high }) => low !== 0 || high !== 0),
    'with their fingerprints',
  )
})

t.test('who keeps no answers has none to write down, and is not whole', async (t) => {
  const { peer } = hypervisor({ outlives: false })
  t.same([...peer.restoring.answers()], [])
  t.same(peer.restoring.marks, { nextId: 1, highestId: 0, forgotten: [], isWhole: false })
  peer.restoring.setMarks({ ...MARKS, nextId: 9, isWhole: false })
  peer.restoring.putAnswer(
    { id: 1, low: 1, high: 1 },
    { kind: 'error', id: 1, code: 1, message: '' },
  )
  t.same([...peer.restoring.answers()], [], 'and takes none')
  peer.restoring.putAsk(9, inval(0), 0, () => undefined)
  t.same([peer.callsOpen, peer.restoring.marks.nextId], [1, 10])
})

t.test(
  'after a crash what was answered is answered again, and nothing is begun twice',
  async (t) => {
    const { connect, say, served } = again()
    t.same(connect(2), [], 'it waits for the calls that come again')
    t.match(say(done(3), done(8)), [
      { id: 3, result: { ret: 33 } },
      { id: 8, error: { code: -32_001 } },
    ])
    t.match(say(done(3, 2)), [{ id: 3, error: { code: -32_014 } }], 'another call of that id')
    t.same(served, [])
  },
)

t.test('a call that was open is joined, and answered when it ends', async (t) => {
  const { connect, say, served, peer } = again()
  t.equal(peer.callsServed, 1)
  connect()
  t.same(say(done(4)), [])
  t.same(served, [])
  t.equal(peer.counters.callsRepeated, 1)
  t.match(say(done(4, 2)), [{ id: null, error: { code: -32_007 } }])
  peer.restoring.call(4)?.answer(44)
  t.match(say(), [{ id: 4, result: { ret: 44 } }])
  t.equal(peer.restoring.call(4), undefined)
  t.equal(peer.callsServed, 0)
})

t.test('an answer to a call that has not come again waits for it', async (t) => {
  const { connect, say, peer } = again()
  connect()
  peer.restoring.call(4)?.answer(44)
  t.same(say(), [], 'nobody has asked on this connection')
  t.match(say(done(4)), [{ id: 4, result: { ret: 44 } }])
})

t.test('a call that counts as never come is new, once', async (t) => {
  const { connect, say, served, peer } = again({ serve: (each) => each.answer(55) })
  t.same(peer.restoring.marks.forgotten, [5])
  connect()
  t.match(say(done(5)), [{ id: 5, result: { ret: 55 } }])
  t.same(served, [5])
  t.same(peer.restoring.marks.forgotten, [])
  t.match(say(done(5)), [{ id: 5, result: { ret: 55 } }])
  t.same(served, [5])
})

t.test('an id that never came is new as long as all answers are known', async (t) => {
  for (const isWhole of [true, false]) {
    const { connect, say, served, peer } = hypervisor({ serve: (each) => each.answer(7) })
    peer.restoring.setMarks({ ...MARKS, highestId: 8, isWhole })
    t.equal(peer.restoring.marks.isWhole, isWhole)
    connect()
    t.match(say(done(6)), [isWhole ? { id: 6, result: { ret: 7 } } : { id: 6, ...GONE }])
    t.match(say(done(9)), [{ id: 9, result: { ret: 7 } }], 'above the highest it is new')
    t.same(served, isWhole ? [6, 9] : [9])
  }
})

t.test('the highest id is that of any call or answer, as ids go round', async (t) => {
  const { peer } = hypervisor()
  const { restoring } = peer
  const put = (id: number): number => {
    const outcome: Outcome = { kind: 'answer', id, call: 'H_SVM_INIT_DONE', ret: 0 }
    restoring.putAnswer({ id, low: 1, high: 1 }, outcome)
    return restoring.marks.highestId
  }
  t.equal(put(4_294_967_290), 4_294_967_290, 'the first one is')
  t.equal(put(4_294_967_289), 4_294_967_290, 'one below is not')
  t.equal(put(4_294_967_290), 4_294_967_290)
  t.equal(put(5), 5, 'round')
  t.equal(put(4_294_967_295), 5, 'that was before')
  restoring.putCall(call(6))
  t.equal(restoring.marks.highestId, 6)
  restoring.putCall(call(4))
  t.equal(restoring.marks.highestId, 6)
  t.same(
    restoring.calls().map(({ id }) => id),
    [4, 6],
  )
})

t.test('SESSION_OPEN on a restored session makes nothing forgotten', async (t) => {
  const { connect, say, served } = again({ serve: (each) => each.fail('SESSION_IS_OPEN') })
  connect()
  t.match(say(open(1)), [{ id: 1, error: { code: -32_012 } }])
  t.match(say(done(3)), [{ id: 3, result: { ret: 33 } }])
  t.same(served, [1], 'the call was not begun')
})

t.test('a call is put back into the context that it was made in', async (t) => {
  const { peer } = again()
  peer.restoring.putAsk(2, inval(65_536), 4, () => undefined)
  const put = peer.restoring.putCall(call(12, 2))
  t.equal(put.parent, 2)
  t.same(
    put.ancestors().map(({ by, id }) => [by, id]),
    [
      ['us', 2],
      ['them', 4],
    ],
  )
  t.same(peer.restoring.calls(), [call(4), call(12, 2)])
  t.equal(peer.restoring.call(4)?.parent, 0)
})

t.test('what opens a session makes nothing forgotten that was put back before', async (t) => {
  const { peer, connect, say } = again()
  peer.restoring.putCall({
    kind: 'call',
    id: 1,
    parent: 0,
    body: { call: 'SESSION_OPEN', name: 'x' },
  })
  connect()
  t.match(say(done(3)), [{ id: 3, result: { ret: 33 } }])
})

t.test('what was asked is asked again with its id, in its context', async (t) => {
  const told: Outcome[] = []
  const { peer, connect, say } = again()
  peer.restoring.putAsk(2, inval(65_536), 0, (outcome) => told.push(outcome))
  peer.restoring.putAsk(7, inval(131_072), 4, (outcome) => told.push(outcome))
  peer.restoring.putAsk(9, inval(0), 0, (outcome) => told.push(outcome))
  peer.restoring.finish(9)
  t.equal(peer.restoring.marks.nextId, 10)
  t.equal(peer.callsOpen, 2)
  const asked = connect()
  t.match(asked, [
    { id: 2, method: 'UV_PAGE_INVAL', params: { gpa: '0x10000' } },
    { id: 7, method: 'UV_PAGE_INVAL', params: { gpa: '0x20000', parent: 4 } },
  ])
  t.equal(asked.length, 2, 'what was answered is not')
  t.notOk('parent' in (asked[0]?.params ?? {}))
  t.equal(peer.counters.callsResent, 2)
  say(answered(7))
  t.same(told, [{ kind: 'answer', id: 7, call: 'UV_PAGE_INVAL', ret: 0 }])
  peer.call(inval(0), 0, () => undefined)
  t.match(say(), [{ id: 10, method: 'UV_PAGE_INVAL' }], 'ids go on')
})

t.test('answers and calls are said again in the order in which they were said', async (t) => {
  const { marks, answers } = spokenTo()
  const { peer, connect, say } = hypervisor()
  const { restoring } = peer
  restoring.setMarks(marks)
  const [first, second] = answers
  const put = (which: typeof first): void => {
    if (which !== undefined) restoring.putAnswer(which, which.outcome)
  }
  put(first)
  restoring.putAsk(1, inval(0), 0, () => undefined)
  put(second)
  connect(2)
  t.same(say(done(8)), [])
  const said = say(done(3))
  t.same(
    said.map(({ id, method }) => [id, method]),
    [
      [3, undefined],
      [1, 'UV_PAGE_INVAL'],
      [8, undefined],
    ],
  )
})

t.test(
  'everything that has to be written down is told, and what opens a session is not',
  async (t) => {
    const seen: unknown[] = []
    const watch: PeerWatch<DownCall, UpCall> = {
      came: ({ id, body }) => seen.push(['came', id, body.call]),
      replied: (outcome) =>
        seen.push(['replied', outcome.id, outcome.kind === 'answer' ? outcome.ret : outcome.code]),
      refused: ({ id, low }, outcome) =>
        seen.push(['refused', id, low !== 0, outcome.kind === 'error' ? outcome.code : 0]),
      forgot: (id) => seen.push(['forgot', id]),
      made: (id, body) => seen.push(['made', id, body.call]),
    }
    const told = (): unknown[] => seen.splice(0)
    const held: FromUv[] = []
    const limits = { callsInFlightMax: 2 }
    const { peer, connect, say } = hypervisor({ serve: (each) => held.push(each), watch, limits })
    connect()
    say(open(1))
    held[0]?.fail('SESSION_IS_OPEN')
    t.same(told(), [], 'nothing of what opens sessions: an answer to it may have a secret in it')
    say(done(2), done(3), done(4), open(5))
    t.same(told(), [
      ['came', 2, 'H_SVM_INIT_DONE'],
      ['came', 3, 'H_SVM_INIT_DONE'],
      ['refused', 4, true, -32_003],
    ])
    held[1]?.answer(-9)
    held[2]?.forget()
    t.same(told(), [
      ['replied', 2, -9],
      ['forgot', 3],
    ])
    peer.call(inval(0), 0, () => undefined)
    t.same(told(), [['made', 1, 'UV_PAGE_INVAL']])
    say(done(2))
    t.same(told(), [], 'what comes again is known')
    say(done(6))
    peer.end()
    held[3]?.forget()
    t.same(told(), [['came', 6, 'H_SVM_INIT_DONE']], 'after the end nothing is')
  },
)
