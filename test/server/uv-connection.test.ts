/** One connection: when it is closed, when it is not read from, and whose end it is. */
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Durable } from '../../src/hv/durable.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'
import { ANYBODY } from '../../src/server/principal.ts'
import { UvConnection } from '../../src/server/uv-connection.ts'
import { FakeSocket } from '../hostile/fake-socket.ts'
import { type ConversationOptions, Conversations } from './conversation-world.ts'
import type { Item } from './line.ts'

const OPEN = { method: 'SESSION_OPEN', params: { name: 'test' } }
const DONE = { method: 'H_SVM_INIT_DONE', params: { lpid: 1 } }

/** A socket that answers no ping by itself, and whose client takes what the test says it takes. */
class Socket extends FakeSocket {
  readonly said: WireData[]
  pings = 0
  readonly pongs: string[] = []
  terminated = 0
  /** Bytes that wait in the kernel's stead. */
  waiting = 0

  constructor() {
    const said: WireData[] = []
    super((data) => said.push(data))
    this.said = said
    Object.defineProperty(this.wire, 'writableLength', { get: () => this.waiting })
  }

  override ping(): void {
    this.pings++
  }

  override pong(payload?: unknown): void {
    this.pongs.push(String(payload))
  }

  override terminate(): void {
    this.terminated++
    super.terminate()
  }

  say(id: number, call: object): void {
    this.takes(JSON.stringify({ jsonrpc: '2.0', id, ...call }))
  }

  heard(): readonly Item[] {
    return this.said.splice(0).flatMap((data) => [JSON.parse(String(data))].flat() as Item[])
  }
}

/** Connections of one server, on which the test speaks by hand. */
function server(t: Test, options: ConversationOptions = {}, durable?: Partial<Durable>) {
  const world = new Conversations(options)
  const ended: (string | number)[] = []
  const connect = () => {
    const socket = new Socket()
    t.teardown(() => socket.ends(1_006))
    const connection = new UvConnection(socket.asWebSocket, socket.wire, hvJsonCodec(), ANYBODY, {
      ...world.ports,
      ...(durable === undefined ? {} : { durable: durable as Durable }),
      now: () => world.now,
      opened: (conversation) => {
        const { session } = conversation
        if (session !== undefined) world.of.set(session, conversation)
      },
      ended: (which, code) => ended.push(which === connection ? code : 'another one'),
    })
    const say = (id: number, call: object): readonly Item[] => {
      socket.say(id, call)
      world.turn()
      return socket.heard()
    }
    return { socket, connection, say }
  }
  const open = (more: object = {}) => {
    const made = connect()
    made.say(1, { ...OPEN, params: { ...OPEN.params, ...more } })
    world.told.length = 0
    return made
  }
  return { world, ended, connect, open }
}

t.test('what is said to it is answered, and it knows its session', async (t) => {
  const { connect, world } = server(t)
  const { connection, say, socket } = connect()
  t.equal(connection.session, undefined)
  t.match(say(1, OPEN), [{ id: 1, result: { session: 's1' } }])
  t.equal(connection.session?.id, 's1')
  t.equal(connection.peer, connection.conversation.peer)
  t.equal(world.of.get(connection.session ?? (undefined as never)), connection.conversation)
  t.match(say(2, DONE), [{ id: 2, result: { ret: -67 } }])
  socket.bufferedAmount = 77
  t.equal(connection.buffered, 77)
  t.equal(connection.paused, false)
  socket.isPaused = true
  t.equal(connection.paused, true)
  connection.terminate()
  t.equal(socket.terminated, 1)
})

t.test('a binary message is none of this subprotocol', async (t) => {
  const { open } = server(t)
  const { socket } = open()
  socket.takes(Buffer.from('{}'))
  t.equal(socket.closedWith, 1003)
})

t.test('who opens no session in time is closed, who does is not', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { connect, open } = server(t, { limits: { handshakeMsMax: 500 } })
    const late = connect()
    const gone = connect()
    const { socket } = open()
    gone.socket.ends(1_006)
    mock.timers.tick(499)
    t.equal(late.socket.closedWith, undefined)
    mock.timers.tick(1)
    t.equal(late.socket.closedWith, 4004)
    t.equal(socket.closedWith, undefined)
    t.equal(gone.socket.closedWith, undefined, 'nobody closes what is closed')
  } finally {
    mock.timers.reset()
  }
})

t.test('who gives no sign of life for too long is closed; any sign will do', async (t) => {
  const { open, world } = server(t, { limits: { pongWaitMsMax: 100 } })
  const signs: Record<string, (socket: Socket) => void> = {
    'a pong': (socket) => socket.emit('pong', Buffer.alloc(0)),
    'a ping': (socket) => socket.emit('ping', Buffer.alloc(0)),
    'a message': (socket) => socket.say(2, DONE),
  }
  for (const [why, give] of Object.entries(signs)) {
    const { socket, connection } = open()
    world.now += 100
    connection.check()
    t.same([socket.pings, socket.closedWith], [1, undefined], `${why}: at the limit it is asked`)
    give(socket)
    world.now += 100
    connection.check()
    t.same([socket.pings, socket.closedWith], [2, undefined], `${why} counts`)
    world.now += 1
    connection.check()
    t.same([socket.pings, socket.closedWith], [2, 4003], `${why}: and no longer`)
    connection.check()
    t.equal(socket.pings, 2, 'who is closed is not asked')
  }
})

t.test('who is not read from lives as long as it takes what waits for it', async (t) => {
  const { open, world } = server(t, { limits: { pongWaitMsMax: 100 } })
  const { socket, connection } = open()
  // What was said in this turn leaves first.
  await turn()
  socket.isPaused = true
  socket.waiting = 5_000
  connection.check()
  for (const waiting of [4_999, 4_000, 1]) {
    world.now += 100
    socket.waiting = waiting
    connection.check()
    t.equal(socket.closedWith, undefined, `${waiting} left`)
  }
  world.now += 100
  connection.check()
  t.equal(socket.closedWith, undefined, 'nothing taken, up to the limit')
  world.now += 1
  socket.waiting = 2
  connection.check()
  t.equal(socket.closedWith, 4002, 'it has not lost its way: it does not read')
})

t.test('who is read from gives no sign by taking what waits for it', async (t) => {
  const { open, world } = server(t, { limits: { pongWaitMsMax: 100 } })
  const { socket, connection } = open()
  // What was said in this turn leaves first.
  await turn()
  socket.waiting = 5_000
  connection.check()
  world.now += 101
  socket.waiting = 4_000
  connection.check()
  t.equal(socket.closedWith, 4003)
})

t.test('a connection on its way out is not asked for signs of life', async (t) => {
  const { open } = server(t)
  const { socket, connection } = open()
  socket.readyState = 2
  connection.check()
  t.same([socket.pings, socket.closedWith], [0, undefined])
})

t.test('pings are answered with what they hold', async (t) => {
  const { open } = server(t)
  const { socket } = open()
  socket.emit('ping', Buffer.from('abc'))
  await new Promise((resolve) => setImmediate(resolve))
  t.same(socket.pongs, ['abc'])
})

t.test('who does not take answers is not read from until it has', async (t) => {
  const { open, world } = server(t, { limits: { sendBufferHighBytes: 1_000 } })
  const { socket, say } = open()
  socket.waiting = 1_000
  await new Promise((resolve) => process.nextTick(resolve))
  t.equal(say(2, DONE).length, 1)
  await new Promise((resolve) => process.nextTick(resolve))
  t.equal(socket.isPaused, false, 'at the limit')
  socket.waiting = 1_001
  t.equal(say(3, DONE).length, 1)
  t.equal(socket.isPaused, true)
  t.same(world.told, ['slow: it does not take its answers: it is not read from'])
  t.same(say(4, DONE), [], 'what had come already waits')
  socket.waiting = 0
  await new Promise((resolve) => process.nextTick(resolve))
  socket.wire.emit('drain')
  world.turn()
  t.equal(socket.isPaused, false)
  t.match(socket.heard(), [{ id: 4, result: { ret: -67 } }])
})

t.test('what a resume has to say waits for what is on its way, and follows it', async (t) => {
  const { open, connect, world } = server(t, { limits: { sendBufferBytesMax: 2_097_152 } })
  const first = open()
  t.equal(first.say(5, DONE).length, 1)
  first.socket.ends(1_006)
  const { socket, say } = connect()
  socket.waiting = 2_000_000
  const params = { name: 'test', resume: 'token 1', unanswered: 1 }
  t.equal(say(1, { ...OPEN, params }).length, 1)
  t.same(say(5, DONE), [])
  socket.waiting = 0
  await new Promise((resolve) => process.nextTick(resolve))
  socket.wire.emit('drain')
  world.turn()
  t.match(socket.heard(), [{ id: 5, result: { ret: -67 } }])
})

t.test('what is thrown while a message, or one that waited, is taken is noted', async (t) => {
  const { open, world } = server(t, { limits: { sendBufferHighBytes: 1_000 } })
  const { socket, connection } = open()
  const mistake = new Error('ours')
  const { hv } = world
  Object.assign(hv, {
    vm: () => {
      throw mistake
    },
  })
  socket.isPaused = true
  socket.say(2, DONE)
  t.same(world.failures, [])
  socket.wire.emit('drain')
  t.same(world.failures, [mistake])
  t.equal(socket.closedWith, 1011)
  t.equal(connection.peer.ended, true)
  const { socket: next } = open()
  next.say(2, DONE)
  t.same([world.failures, next.closedWith], [[mistake, mistake], 1011])
})

t.test('a goodbye ends the session, any other end leaves it to wait', async (t) => {
  const cases: readonly (readonly [code: number, isFinal: boolean])[] = [
    [1_000, true],
    [1_001, true],
    [1_005, true],
    [1_006, false],
    [1_011, false],
    [4_002, false],
    [4_999, false],
  ]
  for (const [code, isFinal] of cases) {
    const { open, world, ended } = server(t)
    open().socket.ends(code)
    t.same(world.told, isFinal ? ['s1 closed', 's1 left '] : ['s1 detached'], String(code))
    t.same(ended, [code])
  }
})

t.test('who breaks the protocol below is told of, and its session ends', async (t) => {
  const { open, world, ended } = server(t)
  const { socket } = open()
  socket.emit('error', new Error('Invalid frame'))
  t.same(world.told, ['socket: Invalid frame'])
  socket.ends(1_006)
  t.same(world.told.slice(1), ['s1 closed', 's1 left '])
  t.same(ended, [1_006])
})

t.test('a fenced connection has no say any more', async (t) => {
  const { open, world, ended } = server(t)
  const first = open()
  const second = open({ resume: 'token 1' })
  t.equal(first.socket.closedWith, 4007)
  t.equal(second.connection.session, first.connection.session)
  first.connection.close('SHUTTING_DOWN')
  t.equal(second.socket.closedWith, undefined)
  t.equal(second.connection.peer.ended, false, 'the session goes on')
  first.socket.ends(1_000)
  t.same([world.hv.sessions.size, ended], [1, [1_000]])
  second.connection.close('SHUTTING_DOWN')
  t.equal(second.socket.closedWith, 1001)
})

t.test('with a ledger nothing leaves before it is on the disk', async (t) => {
  const safe: (() => void)[] = []
  const durable = { isSafe: false, isOver: false, whenSafe: (run: () => void) => safe.push(run) }
  const { connect, world } = server(t, {}, durable as Partial<Durable>)
  const { socket } = connect()
  socket.say(1, OPEN)
  world.turn()
  t.same(socket.heard(), [])
  for (const run of safe) run()
  t.match(socket.heard(), [{ id: 1, result: { session: 's1' } }])
})
