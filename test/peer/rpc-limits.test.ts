import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import { uvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { FromUv } from './pair.ts'
import { hvBatchCodec, inval, pageIn, pair, saidOn, uvPageIn } from './pair.ts'
import { answered, done, hypervisor } from './spoken-to.ts'

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
  const codecs = { hv: hvBatchCodec(), uv: uvJsonCodec() }
  const { hv, hvLine, turn: hvTurn } = pair({ codecs })
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
  t.equal(hv.counters.callsSent, 2, 'the third is refused here')
  settle()
  t.same(nested, [-32003], 'nested calls have a limit of their own')
  for (const call of held) call.answer(0)
  settle()
  t.same(told, [-32003, 0, 0, 0])
  t.equal(uv.room, 3)
})

t.test('nested calls of the other side are counted apart, and go free one by one', async (t) => {
  const limits = { callsInFlightMax: 1, nestedCallsInFlightMax: 2 }
  const held: FromUv[] = []
  const { peer, connect, say } = hypervisor({ limits, serve: (call) => held.push(call) })
  connect()
  peer.call(inval(0), 0, () => undefined)
  say()
  const nested = (id: number): string => done(id, 1, { parent: 1 })
  const full = (id: number, limit: string, max: number) => [
    { id, error: { code: -32003, data: { limit, max } } },
  ]
  t.same(say(nested(1), nested(2)), [])
  t.match(say(nested(3)), full(3, 'nestedCallsInFlightMax', 2))
  t.same(say(done(4)), [], 'one at the top has room')
  t.match(say(done(5)), full(5, 'callsInFlightMax', 1))
  for (let id = 6; id < 10; id++) {
    held.find((call) => call.parent === 1)?.answer(0)
    held.splice(
      held.findIndex((call) => call.parent === 1),
      1,
    )
    const said = say(nested(id))
    t.equal(said.length, 1, `${id} takes the room of the one before`)
    t.match(said, [{ result: { ret: 0 } }])
  }
  t.match(say(nested(10)), full(10, 'nestedCallsInFlightMax', 2))
  t.match(say(done(11)), full(11, 'callsInFlightMax', 1))
})

t.test('nested calls of ours are counted apart, and go free one by one', async (t) => {
  const limits = { callsInFlightMax: 2, nestedCallsInFlightMax: 1 }
  const { peer, connect, say } = hypervisor({ limits })
  connect()
  say(done(7))
  const told: (string | number)[] = []
  const ask = (): void =>
    peer.call(inval(0), 7, (outcome) =>
      told.push(outcome.kind === 'answer' ? outcome.ret : outcome.code),
    )
  for (let id = 1; id <= 4; id++) {
    ask()
    t.equal(say().length, 1)
    t.equal(peer.room, 2, 'at the top there is room as ever')
    say(answered(id))
  }
  t.same(told, [0, 0, 0, 0])
  ask()
  ask()
  t.equal(say().length, 1)
  t.same(told, [0, 0, 0, 0, -32003])
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
  const [first, second] = saidOn(hvLine)
  t.same([first?.id, first?.error.code, first?.error.data], [null, -32007, { id: 1 }])
  t.same([second?.id, second?.error.code], [null, -32602], 'nor does any other error take its id')
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
  const { uv, turn, reports } = pair()
  let told = 0
  uv.call(pageIn(0), 0, () => {
    told += 1
  })
  turn.end()
  const answer = '{"jsonrpc":"2.0","id":1,"result":{"ret":0}}'
  uv.receive(`[${answer},${answer}]`)
  t.equal(told, 1)
  t.equal(uv.counters.straysReceived, 1)
  t.same(reports, [{ kind: 'stray', text: 'call 1 is not open' }])
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
