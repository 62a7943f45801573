import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import type { FromHv, FromUv } from './pair.ts'
import { inval, pageIn, pair } from './pair.ts'

t.test('a call is answered once, with the code that was given', async (t) => {
  const { uv, hv, settle } = pair({ hvServes: (call) => call.answer(-4) })
  const told: Outcome[] = []
  uv.call(pageIn(0x10000), 0, (outcome) => told.push(outcome))
  t.same(told, [], 'not before the answer')
  settle()
  t.same(told, [{ kind: 'answer', id: 1, call: 'H_SVM_PAGE_IN', ret: -4 }])
  t.equal(uv.callsOpen, 0)
  t.equal(hv.callsServed, 0)
})

t.test('calls nest fifty deep, and every one knows its ancestors', async (t) => {
  const depths: number[] = []
  const DEPTH = 50
  const { uv, settle, hv } = pair({
    hvServes: (call, hv) => {
      depths.push(call.ancestors().length)
      hv.call(inval(call.ancestors().length + 1), call.id, (outcome) => {
        call.answer(outcome.kind === 'answer' ? outcome.ret + 1 : -1)
      })
    },
    uvServes: (call, uv) => {
      const depth = call.ancestors().length
      depths.push(depth)
      t.equal(call.ancestors()[0]?.by, 'us')
      t.equal(call.parent, call.ancestors()[0]?.id)
      if (depth === DEPTH - 1) return call.answer(100)
      uv.call(pageIn(depth + 1), call.id, (outcome) => {
        call.answer(outcome.kind === 'answer' ? outcome.ret + 1 : -1)
      })
    },
  })
  let ret: number | undefined
  uv.call(pageIn(0), 0, (outcome) => {
    ret = outcome.kind === 'answer' ? outcome.ret : undefined
  })
  settle()
  t.equal(ret, 100 + 49, 'each of the 49 calls around the innermost added one')
  t.same(
    depths,
    Array.from({ length: DEPTH }, (_, index) => index),
  )
  t.equal(uv.callsOpen + uv.callsServed + hv.callsOpen + hv.callsServed, 0, 'nothing stays open')
})

t.test('ancestors are the bodies of the calls, the innermost first', async (t) => {
  let seen: unknown
  const { uv, settle } = pair({
    hvServes: (call, hv) => {
      if (call.parent !== 0) {
        seen = call.ancestors()
        return call.answer(0)
      }
      hv.call(inval(0x20000), call.id, () => call.answer(0))
    },
    uvServes: (call, uv) => {
      uv.call(pageIn(0x30000), call.id, () => call.answer(0))
    },
  })
  uv.call(pageIn(0x10000), 0, () => undefined)
  settle()
  t.same(seen, [
    { by: 'us', id: 1, body: { call: 'UV_PAGE_INVAL', lpid: 1, gpa: 0x20000, order: 16 } },
    {
      by: 'them',
      id: 1,
      body: { call: 'H_SVM_PAGE_IN', lpid: 1, gpa: 0x10000, flags: 0, order: 16 },
    },
  ])
})

t.test('answers may come in any order', async (t) => {
  const waiting: FromUv[] = []
  const { uv, settle } = pair({ hvServes: (call) => waiting.push(call) })
  const told: number[] = []
  for (const gpa of [0x10000, 0x20000, 0x30000])
    uv.call(pageIn(gpa), 0, (outcome) =>
      told.push(outcome.kind === 'answer' ? outcome.ret : Number.NaN),
    )
  settle()
  t.equal(waiting.length, 3)
  for (const call of waiting.toReversed()) call.answer(call.id * 10)
  settle()
  t.same(told, [30, 20, 10])
})

t.test(
  'what is said in one turn leaves as one batch, in order; a lone message is not wrapped',
  async (t) => {
    const { uv, hv, uvLine, turn, settle, hvLine } = pair({ hvServes: (call) => call.answer(0) })
    uv.call(pageIn(0x10000), 0, () => undefined)
    uv.call(pageIn(0x20000), 0, () => undefined)
    t.same(uvLine.sent, [], 'nothing leaves before the turn ends')
    turn.end()
    t.equal(uvLine.sent.length, 1)
    t.same(
      JSON.parse(String(uvLine.sent[0])).map((item: { id: number }) => item.id),
      [1, 2],
    )
    hv.receive(uvLine.sent[0] ?? '')
    turn.end()
    t.equal(hvLine.sent.length, 1, 'both answers in one message')
    uvLine.sent.length = 0
    uv.call(pageIn(0x30000), 0, () => undefined)
    uv.flush()
    t.match(uvLine.sent[0], /^\{"jsonrpc"/)
    turn.end()
    t.equal(uvLine.sent.length, 1, 'a flush by hand leaves nothing for the end of the turn')
    settle()
  },
)

t.test('a call in the context of an answered call is a mistake of this program', async (t) => {
  const { uv, hv, settle } = pair({ hvServes: (call) => call.answer(0) })
  uv.call(pageIn(0), 0, () => undefined)
  settle()
  t.throws(() => hv.call(inval(0), 1, () => undefined), { name: 'InvariantError' })
})

t.test('answering twice is a mistake of this program', async (t) => {
  const { uv, settle, uvLine } = pair({
    hvServes: (call) => {
      call.answer(0)
      t.throws(() => call.answer(0), { name: 'InvariantError' })
      t.throws(() => call.fail('DEADLOCK'), { name: 'InvariantError' })
    },
  })
  let told = 0
  uv.call(pageIn(0), 0, () => {
    told += 1
  })
  settle()
  t.equal(told, 1)
  t.same(uvLine.sent, [])
})

t.test('who has forgotten a call can neither answer nor forget it any more', async (t) => {
  const { uv, hv, settle } = pair({
    hvServes: (call) => {
      call.forget()
      t.throws(() => call.answer(0), { name: 'InvariantError' })
      t.throws(() => call.fail('DEADLOCK'), { name: 'InvariantError' })
      t.throws(() => call.forget(), { name: 'InvariantError' })
    },
  })
  uv.call(pageIn(0), 0, () => t.fail('nobody answers'))
  settle()
  t.same([uv.callsOpen, hv.callsServed], [1, 0])
  t.same(hv.restoring.marks.forgotten, [], 'without sessions nobody has to know it again')
})

t.test('an error of the list reaches the caller with its details', async (t) => {
  const { uv, settle } = pair({ hvServes: (call) => call.fail('DEADLOCK', { lpid: 1 }) })
  let told: Outcome | undefined
  uv.call(pageIn(0), 0, (outcome) => {
    told = outcome
  })
  settle()
  t.same(told, {
    kind: 'error',
    id: 1,
    code: -32001,
    message: 'The call would wait for itself.',
    data: { lpid: 1 },
  })
})

t.test('counters say what went over the line', async (t) => {
  const { uv, hv, settle } = pair({
    hvServes: (call, hv) => {
      hv.call(inval(0), call.id, () => call.answer(0))
    },
    uvServes: (call: FromHv) => call.fail('LPID_UNKNOWN'),
  })
  uv.call(pageIn(0), 0, () => undefined)
  settle()
  t.match(uv.counters, {
    callsSent: 1,
    callsReceived: 1,
    answersSent: 0,
    answersReceived: 1,
    errorsSent: 1,
    errorsReceived: 0,
    messagesSent: 2,
    messagesReceived: 2,
  })
  t.match(hv.counters, { answersSent: 1, answersReceived: 0, errorsSent: 0, errorsReceived: 1 })
  t.equal(uv.counters.bytesSent, hv.counters.bytesReceived)
  t.equal(hv.counters.bytesSent, uv.counters.bytesReceived)
  t.ok(uv.counters.bytesSent > 100)
})
