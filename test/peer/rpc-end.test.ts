import t from 'tap'
import { CLOSE, type CloseName } from '../../schemas/errors.ts'
import type { Outcome } from '../../schemas/messages.ts'
import type { FromUv } from './pair.ts'
import { pageIn, pair } from './pair.ts'
import { done, hypervisor } from './spoken-to.ts'

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
    t.equal(uv.callsOpen, 0, 'and nobody waits any more')
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

t.test('a session survives the ends of a connection that are nobody’s will', async (t) => {
  const survived = []
  for (const reason of Object.keys(CLOSE) as CloseName[]) {
    const { peer, connect, line } = hypervisor()
    connect()
    const { connection } = peer
    peer.close(reason)
    t.equal(line().closed.length, 1, reason)
    t.equal(peer.connection, undefined, 'it has none any more')
    t.not(connection, undefined)
    if (!peer.ended) survived.push(reason)
  }
  t.same(survived, [
    'RESTARTING',
    'SLOW_READER',
    'PONG_MISSING',
    'FENCED',
    'DISK_FAILED',
    'RESUME_LATE',
  ])
})

t.test('what comes behind the end in one message is not taken', async (t) => {
  const served: number[] = []
  const { hv, settle } = pair({
    hvServes: (call) => {
      served.push(call.id)
      if (call.id === 2) hv.end()
    },
  })
  hv.receive(`[${[done(1), done(2), done(3)].join()}]`)
  settle()
  t.same(served, [1, 2])
  t.equal(hv.callsServed, 0, 'and nothing waits for an answer any more')
})

t.test('who waits for a connection can be shut down, and told of it by nobody', async (t) => {
  const { peer, connect, say } = hypervisor()
  connect()
  say(done(1), done(2))
  peer.detach()
  t.equal(peer.callsServed, 2)
  peer.close('SHUTTING_DOWN')
  t.equal(peer.ended, true)
  t.equal(peer.callsServed, 0)
})

t.test('errors that say goodbye are counted', async (t) => {
  const { peer, connect, say, line } = hypervisor()
  connect()
  say(done(1), done(2))
  peer.close('SHUTTING_DOWN')
  t.equal(peer.counters.errorsSent, 2)
  t.equal(line().sent.length, 2)
  peer.close('SHUTTING_DOWN')
  t.equal(peer.counters.errorsSent, 2)
})

t.test('who ends a peer for what is reported of it is told nothing more', async (t) => {
  const world = hypervisor({ report: () => world.peer.end() })
  world.connect()
  t.doesNotThrow(() => world.peer.receive('nothing'))
  t.same(world.say(), [])
  t.equal(world.peer.ended, true)
})

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
