/** What is written in one turn leaves in one write, and what that does not change. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { Writable } from 'node:stream'
import t from 'tap'
import { TurnCork } from '../../src/peer/turn-cork.ts'

/** A stream that keeps what reaches it, write by write. */
function newWire() {
  const writes: string[] = []
  const wire = new Writable({
    highWaterMark: 1_000_000,
    write: (chunk, _encoding, done) => {
      writes.push(String(chunk))
      done()
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''))
      done()
    },
  })
  const cork = new TurnCork(wire)
  const send = (text: string): void => {
    cork.hold(text.length)
    wire.write(text)
    cork.wrote()
  }
  return { writes, cork, send, wire }
}

const turn = () => new Promise((resume) => setImmediate(resume))

t.test('the messages of a turn leave together, in order, when the turn ends', async (t) => {
  const { writes, send, cork } = newWire()
  for (const text of ['a', 'b', 'c']) send(text)
  t.same(writes, [], 'nothing has left')
  t.equal(cork.waiting, 0, 'and nobody is slow about it')
  await turn()
  t.same(writes, ['abc'])
  send('d')
  await turn()
  t.same(writes, ['abc', 'd'], 'the next turn begins anew')
})

t.test('what is sent by a microtask at the end of the turn leaves with it', async (t) => {
  const { writes, send } = newWire()
  send('a')
  queueMicrotask(() => send('b'))
  await turn()
  t.same(writes, ['ab'])
})

t.test('16 messages do not wait for the end of the turn; 15 do', async (t) => {
  const { writes, send } = newWire()
  for (let n = 0; n < 15; n++) send('x')
  t.same(writes, [], '15')
  send('x')
  t.same(writes, ['x'.repeat(16)], '16')
  send('y')
  await turn()
  t.same(writes, ['x'.repeat(16), 'y'])
})

t.test('nor does a message of 1,024 bytes, or what was held back before it', async (t) => {
  const { writes, send } = newWire()
  send('x'.repeat(1_023))
  t.equal(writes.length, 0, 'one byte less waits')
  send('y'.repeat(1_024))
  t.equal(writes.length, 1)
  send('z'.repeat(1_024))
  t.equal(writes.length, 2, 'a long message alone is not held back at all')
  await turn()
  t.equal(writes.length, 2, 'nothing was left for the end of the turn')
})

t.test('what the other side does not take is seen, also while more is held back', async (t) => {
  const { wire, cork } = newWire()
  wire.cork()
  wire.write('x'.repeat(500))
  t.equal(cork.waiting, 500)
  cork.hold(100)
  wire.write('y'.repeat(100))
  cork.wrote()
  t.equal(cork.waiting, 500, 'the 100 are not late yet')
  await turn()
  t.equal(cork.waiting, 600, 'now they are')
})

t.test('a socket that is gone is let go of without a word', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const address = server.address()
  const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1')
  await once(socket, 'connect')
  const cork = new TurnCork(socket)
  cork.hold(1)
  socket.destroy()
  cork.wrote()
  await turn()
  t.equal(socket.destroyed, true)
  server.close()
})
