/** How a session ends, or waits, when its connection does. */
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { Conversations, owning, resumed, ultracall, type Wire } from './conversation-world.ts'

const UNKNOWN = { code: -32_002, message: 'No such session.' }

t.test('a lost connection leaves the session to wait, and in the end it is given up', async (t) => {
  const world = new Conversations({ limits: { sessionGraceMs: 100 } })
  const wire = owning(world)
  const { conversation } = wire
  const told = ultracall(world)
  wire.lost()
  t.same([world.told, world.hv.sessions.size], [['s1 detached'], 1])
  t.equal(conversation.peer.ended, false)
  world.pass(99)
  t.equal(world.hv.sessions.size, 1)
  world.pass(1)
  t.same(world.told, ['s1 detached', 's1 closed', 's1 left 1'])
  t.equal(world.hv.sessions.size, 0)
  t.equal(conversation.peer.ended, true)
  t.match(told, [{ kind: 'error', code: -32_010 }], 'its calls fail')
  t.match(resumed(world).said, [{ id: 1, error: UNKNOWN }])
})

t.test('only the end of the connection that it has is the end of it', async (t) => {
  const world = new Conversations()
  const wire = world.open()
  wire.conversation.lose(world.connect(), true)
  t.equal(world.hv.sessions.size, 1)
  t.equal(wire.conversation.connection, wire)
})

t.test('a session ends with its connection when nobody may or will come back', async (t) => {
  const ends: Record<string, (world: Conversations, wire: Wire) => void> = {
    'a goodbye': (_world, wire) => wire.lost(true),
    'the peer has ended': (_world, wire) => {
      wire.conversation.peer.end()
      wire.lost()
    },
    'the server stops': (world, wire) => {
      world.hv.stop()
      wire.lost()
    },
  }
  for (const [why, end] of Object.entries(ends)) {
    const world = new Conversations()
    end(world, owning(world))
    t.same(world.told, ['s1 closed', 's1 left 1'], why)
    t.equal(world.hv.sessions.size + world.hv.grace.size, 0, why)
  }
  const world = new Conversations({ limits: { sessionGraceMs: 0 } })
  const wire = owning(world)
  wire.lost()
  t.same(world.told, ['s1 closed', 's1 left 1'], 'without a grace time')
  t.equal(wire.conversation.peer.ended, true)
})

t.test(
  'without a grace time nothing is kept of calls: an id is free after its answer',
  async (t) => {
    for (const sessionGraceMs of [0, 1]) {
      const world = new Conversations({ limits: { sessionGraceMs } })
      const wire = world.open()
      wire.call(5, 'H_SVM_INIT_DONE', { lpid: 1 })
      wire.call(5, 'H_SVM_INIT_ABORT', { lpid: 1 })
      const [, second] = wire.heard()
      if (sessionGraceMs === 0) t.match(second, { id: 5, result: {} })
      else t.match(second, { id: 5, error: { code: -32_014 } })
    }
  },
)

t.test('a session that is away ends even if who waits for its answers throws', async (t) => {
  const world = new Conversations()
  const wire = owning(world)
  const mistake = new Error('ours')
  wire.conversation.call({ call: 'UV_SVM_TERMINATE', lpid: asLpid(1) }, 0, () => {
    throw mistake
  })
  wire.lost()
  t.doesNotThrow(() => wire.conversation.abandon())
  t.same(world.told, ['s1 detached', 's1 closed', 's1 left 1'])
  t.equal(wire.terminated, 0)
})

t.test('who goes before a session is open leaves none', async (t) => {
  const world = new Conversations()
  const wire = world.connect()
  wire.lost()
  t.same(world.told, ['nobody left '])
  t.equal(wire.conversation.peer.ended, true)
})

t.test('a reset says goodbye to who is connected, and gives up who is not', async (t) => {
  const world = new Conversations()
  const wire = owning(world)
  wire.conversation.end('HOST_RESET')
  t.same(wire.line.closed, [{ code: 4006, reason: 'The host was reset.' }])
  t.equal(wire.conversation.peer.ended, true)
  t.same(world.told, [], 'the session ends with the connection')
  wire.lost()
  t.same(world.told, ['s1 closed', 's1 left 1'])
  const gone = new Conversations()
  const other = owning(gone)
  other.lost()
  other.conversation.end('HOST_RESET')
  t.same(gone.told, ['s1 detached', 's1 closed', 's1 left 1'])
  t.equal(gone.timers, 0)
})

t.test('a cut ends the connection without a word, and the session may go on', async (t) => {
  const world = new Conversations()
  const wire = owning(world)
  const told = ultracall(world)
  wire.heard()
  wire.conversation.end('cut')
  t.same([wire.terminated, wire.line.closed, wire.line.sent], [1, [], []])
  t.equal(wire.conversation.peer.connection, undefined, 'nothing is said on it any more')
  wire.lost()
  t.same([told, world.told], [[], ['s1 detached']])
  t.doesNotThrow(() => wire.conversation.end('cut'), 'there is none to cut')
  t.equal(wire.terminated, 1)
  const { wire: next } = resumed(world)
  t.match(next.heard(), [], 'said already')
  t.equal(next.conversation.peer.callsOpen, 1)
  const brief = new Conversations({ limits: { sessionGraceMs: 0 } })
  const last = owning(brief)
  const failed = ultracall(brief)
  last.conversation.end('cut')
  t.same([last.terminated, failed], [1, []], 'without a grace time calls end after the session')
  last.lost()
  t.match(failed, [{ kind: 'error', code: -32_010 }])
})

t.test('a mistake of ours ends the session: told, if that can be told at all', async (t) => {
  const world = new Conversations()
  const wire = owning(world)
  const mistake = new Error('ours')
  wire.conversation.guard(() => {
    throw mistake
  })
  t.same(world.failures, [mistake])
  const reason = 'This side is at fault: a rule of its own did not hold.'
  t.same(wire.line.closed, [{ code: 1011, reason }])
  t.equal(wire.terminated, 0)
  t.equal(wire.conversation.peer.ended, true)
  t.same(world.told, [], 'it ends with the connection')
  wire.lost()
  t.same(world.told, ['s1 closed', 's1 left 1'])
  const dumb = owning(new Conversations())
  dumb.line.close = () => {
    throw new Error('no')
  }
  dumb.conversation.abandon()
  t.equal(dumb.terminated, 1, 'cut, as nothing can be said')
  const gone = new Conversations()
  const away = owning(gone)
  away.lost()
  away.conversation.abandon()
  t.same(gone.told, ['s1 detached', 's1 closed', 's1 left 1'])
  t.equal(away.terminated, 0)
})
