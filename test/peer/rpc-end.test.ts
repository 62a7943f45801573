import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import type { FromUv } from './pair.ts'
import { pageIn, pair } from './pair.ts'

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
    const gone = '"error":{"code":-32004,"message":"The server is shutting down."}}'
    const goodbye = [`[{"jsonrpc":"2.0","id":1,${gone},{"jsonrpc":"2.0","id":2,${gone}]`]
    t.same(hvLine.sent, goodbye, 'open calls are told')
    held[0]?.answer(0)
    turn.end()
    t.same(hvLine.sent, goodbye)
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
