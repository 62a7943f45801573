/** When what a peer has to say leaves: at the end of the turn, or earlier when there is much of it. */
import t from 'tap'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { hvBatchCodec, inval, Line, Turn, uvPageIn } from './pair.ts'

function newPeer(itemsPerSend?: number) {
  const line = new Line()
  const turn = new Turn()
  const peer: Peer<DownCall, UpCall> = new Peer({
    codec: hvBatchCodec(),
    transport: line,
    defer: turn.defer,
    serve: () => undefined,
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
