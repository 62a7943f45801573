/** When what a peer has to say leaves: at the end of the turn, or earlier when there is much of it. */
import t from 'tap'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { Connection } from '../../src/peer/rpc-connection.ts'
import { newCounters } from '../../src/peer/rpc-counters.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { type FromUv, hvBatchCodec, inval, Line, Turn, uvPageIn } from './pair.ts'

function newPeer(itemsPerSend?: number, serve: (call: FromUv) => void = () => undefined) {
  const line = new Line()
  const turn = new Turn()
  const peer: Peer<DownCall, UpCall> = new Peer({
    codec: hvBatchCodec(),
    transport: line,
    defer: turn.defer,
    serve,
    ...(itemsPerSend === undefined ? {} : { itemsPerSend }),
  })
  const sizes = (): number[] => line.sent.map((data) => [JSON.parse(String(data))].flat().length)
  return { peer, turn, sizes }
}

t.test('without a number everything of one turn leaves in one message', async (t) => {
  const { peer, turn, sizes } = newPeer()
  for (let n = 0; n < 500; n++) peer.call(inval(n), 0, () => undefined)
  t.same(sizes(), [], 'nothing leaves before the end of the turn')
  turn.end()
  t.same(sizes(), [500])
})

t.test('with a number that many leave at once, the rest at the end of the turn', async (t) => {
  const { peer, turn, sizes } = newPeer(4)
  for (let n = 0; n < 3; n++) peer.call(inval(n), 0, () => undefined)
  t.same(sizes(), [], 'three wait')
  peer.call(inval(3), 0, () => undefined)
  t.same(sizes(), [4], 'the fourth takes them along')
  for (let n = 4; n < 10; n++) peer.call(inval(n), 0, () => undefined)
  t.same(sizes(), [4, 4])
  turn.end()
  t.same(sizes(), [4, 4, 2])
  turn.end()
  t.same(sizes(), [4, 4, 2], 'nothing is said twice')
})

t.test('a call leaves before an answer with its id is taken', async (t) => {
  for (const item of [
    { jsonrpc: '2.0', id: 1, result: { ret: 0 } },
    { jsonrpc: '2.0', id: 1, error: { code: -32_000, message: 'no' } },
  ]) {
    const { peer, turn, sizes } = newPeer()
    const seen: number[][] = []
    peer.call(inval(7), 0, () => seen.push(sizes()))
    peer.receive(JSON.stringify(item))
    t.same(seen, [[1]], 'it was there to be sent when it was answered with a guessed id')
    turn.end()
    t.same(sizes(), [1], 'and is not sent again')
  }
})

t.test('an answer sends the calls that wait only if it could be to one of them', async (t) => {
  const answerTo = (id: number): string =>
    JSON.stringify({ jsonrpc: '2.0', id, result: { ret: 0, name: 'U_SUCCESS' } })
  for (const [guessed, sent] of [
    [2, []],
    [3, [2]],
    [4, [2]],
    [9, []],
  ] as const) {
    const { peer, turn, sizes } = newPeer()
    for (let n = 0; n < 2; n++) peer.call(inval(n), 0, () => undefined)
    turn.end()
    for (let n = 2; n < 4; n++) peer.call(inval(n), 0, () => undefined)
    peer.receive(answerTo(guessed))
    t.same(sizes(), [2, ...sent], `calls 3 and 4 wait, ${guessed} is answered`)
    peer.receive(answerTo(1))
    turn.end()
    t.same(sizes(), [2, 2], 'each of them was sent once')
  }
})

t.test('answers that wait are not sent for an answer that comes', async (t) => {
  const { peer, turn, sizes } = newPeer(undefined, (call) => call.answer(0))
  peer.call(inval(7), 0, () => undefined)
  turn.end()
  const said = { jsonrpc: '2.0', id: 1, method: 'H_SVM_INIT_DONE', params: { lpid: 1 } }
  peer.receive(JSON.stringify(said))
  peer.receive(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { ret: 0, name: 'U_SUCCESS' } }))
  t.same(sizes(), [1], 'whose id is that of a call of theirs')
  turn.end()
  t.same(sizes(), [1, 1])
})

t.test('calls and answers without bytes wait for the end of the turn, however many', async (t) => {
  const { peer, turn, sizes } = newPeer(undefined, (call) => call.answer(0))
  for (let n = 0; n < 40; n++) peer.call(uvPageIn(0, new Uint8Array(65_536)), 0, () => undefined)
  for (let id = 1; id <= 40; id++) {
    const params = { lpid: 1 }
    peer.receive(JSON.stringify({ jsonrpc: '2.0', id, method: 'H_SVM_INIT_DONE', params }))
  }
  t.same(sizes(), [], 'only answers with pages are sent in the middle of a turn')
  turn.end()
  t.ok(sizes().length > 0)
})

/** A connection whose messages have these lengths. */
function newConnection(...lengths: number[]) {
  const line = new Line()
  const counters = newCounters()
  const connection = new Connection<DownCall, UpCall>(
    {
      ...{ subprotocol: '', itemsPerSend: Number.POSITIVE_INFINITY, decode: () => [] },
      encode: (items) => ({ data: new Uint8Array(lengths.shift() ?? 1), next: items.length }),
    },
    line,
    { counters, bodyOf: () => inval(0), take: () => undefined },
  )
  const say = (id: number): void => {
    connection.push({ kind: 'call', id, parent: 0, body: inval(0) })
  }
  return { connection, line, counters, say }
}

t.test('what waits goes before a goodbye, unless nobody would read it', async (t) => {
  for (const [reason, sent] of [
    ['NORMAL', 1],
    ['SHUTTING_DOWN', 1],
    ['PONG_MISSING', 1],
    ['SLOW_READER', 0],
    ['FENCED', 0],
  ] as const) {
    const { connection, line, counters, say } = newConnection()
    say(1)
    say(2)
    connection.close(reason)
    t.same([line.sent.length, line.closed.length], [sent, 1], reason)
    t.equal(counters.itemsDropped, sent === 1 ? 0 : 2, reason)
  }
})

t.test('after the end nothing is sent, and nothing ends twice', async (t) => {
  const { connection, line, counters, say } = newConnection()
  say(1)
  connection.drop()
  t.equal(counters.itemsDropped, 1)
  say(2)
  connection.send()
  connection.close('NORMAL')
  connection.drop()
  connection.receive('x')
  connection.resume()
  t.same([line.sent, line.closed], [[], []])
  t.match(counters, { itemsDropped: 1, messagesSent: 0, messagesReceived: 0 })
})

const call = (id: number) => ({ kind: 'call', id, parent: 0, body: inval(0) }) as const

t.test('parts wait for what is on its way if they are told when it has left', async (t) => {
  for (const [buffered, tells, sent] of [
    [128, true, 3],
    [129, true, 0],
    [129, false, 3],
  ] as const) {
    const { connection, line } = newConnection()
    const drained: (() => void)[] = []
    if (tells) Object.assign(line, { whenDrained: (run: () => void) => drained.push(run) })
    line.bufferedAmount = buffered
    connection.pushInParts([call(1), call(2), call(3)], 128)
    connection.send()
    connection.send()
    t.equal(line.sent.length, sent, `${buffered} bytes are on their way`)
    t.equal(drained.length, sent === 0 ? 1 : 0, 'it asks once to be told')
    line.bufferedAmount = 0
    for (const run of drained) run()
    t.equal(line.sent.length, 3)
  }
})

t.test('parts that were not sent at the end are counted as dropped', async (t) => {
  const { connection, counters, say } = newConnection()
  say(1)
  connection.pushInParts([call(2), call(3)], 128)
  connection.drop()
  t.equal(counters.itemsDropped, 3)
})

t.test('a message has pages when it is longer than one', async (t) => {
  for (const [length, isBrisk] of [
    [65_536, false],
    [65_537, true],
  ] as const) {
    const { connection, line, say } = newConnection(length, 10)
    say(1)
    connection.send()
    say(2)
    connection.receive('')
    t.equal(line.sent.length, isBrisk ? 2 : 1, String(length))
    say(3)
    connection.receive('')
    t.equal(line.sent.length, isBrisk ? 3 : 1, `${length}: not for one message only`)
  }
})

t.test('after a page of bytes an answer leaves as soon as what it answers was taken', async (t) => {
  const { peer, turn, sizes } = newPeer()
  const again = (): void => peer.call(inval(9), 0, () => undefined)
  const answerTo = (id: number): string =>
    JSON.stringify({ jsonrpc: '2.0', id, result: { ret: 0, name: 'U_SUCCESS' } })
  peer.call(inval(7), 0, again)
  turn.end()
  peer.receive(answerTo(1))
  t.same(sizes(), [1], 'without pages what is said next waits for the end of the turn')
  turn.end()
  t.same(sizes(), [1, 1])
  peer.call(uvPageIn(0, new Uint8Array(65_536)), 0, again)
  turn.end()
  peer.receive(answerTo(3))
  t.same(sizes(), [1, 1, 1, 1], 'with them it does not')
  for (let n = 0; n < 64; n++) {
    peer.call(inval(n), 0, () => undefined)
    turn.end()
  }
  const { length } = sizes()
  peer.receive(answerTo(4))
  t.equal(sizes().length, length, 'and not for ever')
})
