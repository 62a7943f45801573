import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import type { FromHv, FromUv } from './pair.ts'
import { inval, pageIn, pair, uvPageIn } from './pair.ts'

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

t.test('a message is filled to its limit of items and bytes, and no further', async (t) => {
  const limits = {
    callsInFlightMax: 10_000,
    nestedCallsInFlightMax: 1,
    sendBufferBytesMax: 2 ** 30,
  }
  const { uv, uvLine, turn } = pair({ limits })
  const sizes = () => uvLine.sent.map((data) => [JSON.parse(String(data))].flat().length)
  for (let n = 0; n < 4_096; n += 1) uv.call(pageIn(n), 0, () => undefined)
  turn.end()
  t.same(sizes(), [4_096])
  uvLine.sent.length = 0
  for (let n = 0; n < 4_097; n += 1) uv.call(pageIn(n), 0, () => undefined)
  turn.end()
  t.same(sizes(), [4_096, 1])
  const { hv, hvLine, turn: hvTurn } = pair()
  const page = new Uint8Array(65_536)
  for (let n = 0; n < 30; n += 1) hv.call(uvPageIn(0, page), 0, () => undefined)
  hvTurn.end()
  t.same(
    hvLine.sent.map((data) => [JSON.parse(String(data))].flat().length),
    [11, 11, 8],
    'twelve pages of 87,384 characters are more than 1 MiB',
  )
  for (const data of hvLine.sent) t.ok(data.length <= 1_048_576 + 4_096)
})

t.test('too many calls: the one past the limit fails, and the ones before go on', async (t) => {
  const limits = { callsInFlightMax: 3, nestedCallsInFlightMax: 2, sendBufferBytesMax: 1_000 }
  const held: FromUv[] = []
  const { uv, hv, uvLine, hvLine, turn, settle } = pair({ limits, hvServes: (c) => held.push(c) })
  const told: (number | string)[] = []
  const tell = (outcome: Outcome) =>
    told.push(outcome.kind === 'answer' ? outcome.ret : outcome.code)
  for (let n = 0; n < 3; n += 1) uv.call(pageIn(n), 0, tell)
  t.equal(uv.room, 0)
  uv.call(pageIn(3), 0, tell)
  t.same(told, [], 'never told before call returns')
  turn.end()
  t.same(told, [-32003])
  t.equal(JSON.parse(String(uvLine.sent[0])).length, 3, 'the fourth was not sent')
  settle()
  t.equal(held.length, 3)
  hv.receive('{"jsonrpc":"2.0","id":99,"method":"H_SVM_INIT_DONE","params":{"lpid":1}}')
  turn.end()
  t.same(JSON.parse(String(hvLine.sent[0])), {
    jsonrpc: '2.0',
    id: 99,
    error: {
      code: -32003,
      message: 'Too many calls in flight.',
      data: { limit: 'callsInFlightMax', max: 3 },
    },
  })
  t.equal(held.length, 3, 'the handler never saw it')
  hvLine.sent.length = 0
  const outer = held[0]?.id ?? 0
  t.equal(outer, 1)
  for (let n = 0; n < 2; n += 1) hv.call(inval(n), outer, () => undefined)
  const nested: number[] = []
  hv.call(inval(3), outer, (outcome) => {
    if (outcome.kind === 'error') nested.push(outcome.code)
  })
  settle()
  t.same(nested, [-32003], 'nested calls have a limit of their own')
  for (const call of held) call.answer(0)
  settle()
  t.same(told, [-32003, 0, 0, 0])
  t.equal(uv.room, 3)
})

t.test('an id that is open is refused without touching the call that has it', async (t) => {
  const held: FromUv[] = []
  const { uv, hv, hvLine, turn, settle } = pair({ hvServes: (call) => held.push(call) })
  const told: Outcome[] = []
  uv.call(pageIn(0x10000), 0, (outcome) => told.push(outcome))
  settle()
  const again = '{"jsonrpc":"2.0","id":1,"method":"H_SVM_INIT_DONE","params":{"lpid":1}}'
  hv.receive(again)
  hv.receive('{"jsonrpc":"2.0","id":1,"method":"H_SVM_INIT_DONE","params":{}}')
  turn.end()
  const [first, second] = JSON.parse(String(hvLine.sent[0]))
  t.same([first.id, first.error.code, first.error.data], [null, -32007, { id: 1 }])
  t.same([second.id, second.error.code], [null, -32602], 'nor does any other error take its id')
  t.equal(held.length, 1)
  settle()
  t.same(told, [])
  held[0]?.answer(0)
  settle()
  t.equal(told.length, 1)
  hv.receive(again)
  t.equal(held.length, 2, 'after its answer the id is free')
})

t.test('a parent that is not open is refused', async (t) => {
  const served: FromUv[] = []
  const { uv, hv, hvLine, turn } = pair({ hvServes: (call) => served.push(call) })
  uv.call(pageIn(0), 0, () => undefined)
  hv.receive('{"jsonrpc":"2.0","id":2,"method":"H_SVM_INIT_DONE","params":{"lpid":1,"parent":1}}')
  turn.end()
  t.same(JSON.parse(String(hvLine.sent[0])).error, {
    code: -32008,
    message: 'The parent is no open call of this side.',
    data: { parent: 1 },
  })
  t.same(served, [])
})

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

t.test(
  'when the connection ends, every open call fails once and late answers go nowhere',
  async (t) => {
    const held: FromUv[] = []
    const { uv, hv, settle, turn, uvLine, hvLine } = pair({ hvServes: (call) => held.push(call) })
    const told: Outcome[] = []
    uv.call(pageIn(0x10000), 0, (outcome) => told.push(outcome))
    uv.call(pageIn(0x20000), 0, (outcome) => told.push(outcome))
    settle()
    uv.end()
    uv.end()
    t.same(
      told.map((outcome) => [outcome.id, outcome.kind === 'error' ? outcome.code : 0]),
      [
        [1, -32010],
        [2, -32010],
      ],
    )
    uv.call(pageIn(0x30000), 0, (outcome) => told.push(outcome))
    t.equal(told.length, 2)
    turn.end()
    t.equal(told.length, 3, 'a call after the end fails too, at the end of the turn')
    t.same(uvLine.sent, [])
    uv.receive('{"jsonrpc":"2.0","id":1,"result":{"ret":0}}')
    t.equal(told.length, 3)
    hv.close('SHUTTING_DOWN')
    t.same(hvLine.closed, [{ code: 1001, reason: 'The server is shutting down.' }])
    held[0]?.answer(0)
    turn.end()
    t.same(hvLine.sent, [])
    t.equal(hv.counters.itemsDropped, 1)
    t.equal(hv.ended, true)
  },
)

t.test('every caller is told of the end, also when one of them throws', async (t) => {
  const { uv } = pair()
  let told = 0
  uv.call(pageIn(0), 0, () => {
    throw new Error('mine')
  })
  uv.call(pageIn(0), 0, () => {
    told += 1
  })
  t.throws(() => uv.end(), { message: 'mine' })
  t.equal(told, 1)
})

t.test('a close sends what was said before it', async (t) => {
  const { hv, hvLine } = pair({ hvServes: (call) => call.answer(0) })
  hv.receive('{"jsonrpc":"2.0","id":4,"method":"H_SVM_INIT_DONE","params":{"lpid":1}}')
  hv.close('NORMAL')
  t.same(hvLine.sent, ['{"jsonrpc":"2.0","id":4,"result":{"ret":0,"name":"H_SUCCESS"}}'])
  t.same(hvLine.closed, [{ code: 1000, reason: 'Done.' }])
})

t.test('a peer that does not read is cut above the limit, and not at it', async (t) => {
  const limits = { callsInFlightMax: 9, nestedCallsInFlightMax: 9, sendBufferBytesMax: 1_000 }
  const { uv, uvLine } = pair({ limits })
  uvLine.bufferedAmount = 1_000
  uv.call(pageIn(0), 0, () => undefined)
  uv.flush()
  t.same(uvLine.closed, [])
  uvLine.bufferedAmount = 1_001
  let code = 0
  uv.call(pageIn(0), 0, (outcome) => {
    if (outcome.kind === 'error') code = outcome.code
  })
  uv.flush()
  t.same(uvLine.closed, [{ code: 4002, reason: 'The peer reads too slowly.' }])
  t.equal(code, -32010)
})

t.test('answers to calls that are not open are counted and reported, never answered', async (t) => {
  const { uv, uvLine, reports, settle } = pair({ hvServes: (call) => call.answer(0) })
  let told = 0
  uv.call(pageIn(0), 0, () => {
    told += 1
  })
  settle()
  for (const text of [
    '{"jsonrpc":"2.0","id":1,"result":{"ret":0}}',
    '{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"x"}}',
    '{"jsonrpc":"2.0","id":null,"result":{"ret":0}}',
    '{"jsonrpc":"2.0","result":{"ret":0}}',
    '{"error":5}',
  ])
    uv.receive(text)
  settle()
  t.equal(told, 1)
  t.equal(uv.counters.straysReceived, 5)
  t.same(
    reports.map(({ kind }) => kind),
    ['stray', 'stray', 'stray', 'stray', 'stray'],
  )
  t.same(uvLine.sent, [])
})

t.test('the same answer twice in one message is delivered once', async (t) => {
  const { uv, turn } = pair()
  let told = 0
  uv.call(pageIn(0), 0, () => {
    told += 1
  })
  turn.end()
  const answer = '{"jsonrpc":"2.0","id":1,"result":{"ret":0}}'
  uv.receive(`[${answer},${answer}]`)
  t.equal(told, 1)
  t.equal(uv.counters.straysReceived, 1)
})

t.test('an error without an id is a complaint: reported, and no call ends by it', async (t) => {
  const { uv, reports, turn, uvLine } = pair()
  uv.call(pageIn(0), 0, () => t.fail('the call is still open'))
  turn.end()
  uvLine.sent.length = 0
  uv.receive('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad"}}')
  turn.end()
  t.same(reports, [{ kind: 'complaint', text: '-32700 bad' }])
  t.equal(uv.callsOpen, 1)
  t.same(uvLine.sent, [])
})

t.test('ids go round after 4294967295 and pass over those that are open', async (t) => {
  const { uv, uvLine, turn } = pair()
  const { Peer } = await import('../../src/peer/rpc-peer.ts')
  const { uvJsonCodec } = await import('../../src/peer/rpc-json.ts')
  const peer = new Peer({
    codec: uvJsonCodec(),
    transport: uvLine,
    defer: turn.defer,
    serve: () => undefined,
    firstId: 4_294_967_295,
  })
  for (let n = 0; n < 3; n += 1) peer.call(pageIn(n), 0, () => undefined)
  turn.end()
  const ids = JSON.parse(String(uvLine.sent[0])).map((item: { id: number }) => item.id)
  t.same(ids, [4_294_967_295, 1, 2])
  t.equal(uv.callsOpen, 0)
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
  t.equal(uv.counters.bytesSent, hv.counters.bytesReceived)
  t.equal(hv.counters.bytesSent, uv.counters.bytesReceived)
  t.ok(uv.counters.bytesSent > 100)
})
