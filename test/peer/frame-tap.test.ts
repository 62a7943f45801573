/** FrameTap: whole binary messages are taken, and all else reaches ws as it came. */
import fc from 'fast-check'
import t from 'tap'
import { FrameTap } from '../../src/peer/frame-tap.ts'

const HANDSHAKE = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n')
const MESSAGE_BYTES_MAX = 400_000

/** A frame as a server sends it: `first` is its first byte. */
function frame(first: number, payload: Buffer, mask = 0): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = mask | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
const bytes = (length: number, byte: number): Buffer => Buffer.alloc(length, byte)

/** Reads `data` through a tap as a socket does, at most `most()` bytes at a time. */
function readThrough(data: Buffer, most: () => number, opensAt = HANDSHAKE.length) {
  const messages: Buffer[] = []
  const passed: Buffer[] = []
  const order: string[] = []
  const tap = new FrameTap(MESSAGE_BYTES_MAX, {
    message: (message) => {
      messages.push(Buffer.from(message))
      order.push(`m${message.length}`)
    },
    pass: (some) => {
      passed.push(some)
      order.push('p')
    },
  })
  let isOpen = false
  for (let at = 0; at < data.length; ) {
    const room = tap.buffer()
    const end = isOpen ? data.length : opensAt
    const count = data.copy(room, 0, at, Math.min(end, at + most()))
    tap.read(count)
    at += count
    if (!isOpen && at >= opensAt) {
      tap.open()
      isOpen = true
    }
  }
  return { messages, passed: Buffer.concat(passed), order }
}

const whole = () => Number.POSITIVE_INFINITY

t.test('binary messages are taken in their place among the rest', async (t) => {
  const ping = frame(0x89, bytes(3, 1))
  const data = Buffer.concat([
    ...[HANDSHAKE, frame(0x82, bytes(5, 2)), ping, frame(0x82, bytes(262_368, 3))],
    ...[frame(0x81, bytes(200, 4)), frame(0x82, bytes(65_536, 5)), frame(0x82, bytes(399_999, 6))],
  ])
  for (const most of [whole, () => 65_536, () => 7]) {
    const { messages, passed, order } = readThrough(data, most)
    t.same(
      messages.map((message) => [message.length, message[0], message.at(-1)]),
      [
        [5, 2, 2],
        [262_368, 3, 3],
        [65_536, 5, 5],
        [399_999, 6, 6],
      ],
    )
    t.ok(passed.equals(Buffer.concat([HANDSHAKE, ping, frame(0x81, bytes(200, 4))])))
    const firstPing = order.indexOf('p', order.indexOf('m5'))
    t.ok(firstPing > 0 && firstPing < order.indexOf('m262368'), 'the ping comes between them')
  }
})

t.test('what ws has to judge is left to it, with all that follows', async (t) => {
  const cases = [
    { why: 'a close frame', from: frame(0x88, bytes(2, 3)) },
    { why: 'a masked frame', from: frame(0x82, bytes(9, 1), 0x80) },
    { why: 'one byte too many', from: frame(0x82, bytes(MESSAGE_BYTES_MAX + 1, 1)) },
  ]
  for (const { why, from } of cases) {
    const rest = Buffer.concat([from, frame(0x82, bytes(4, 4))])
    const data = Buffer.concat([HANDSHAKE, frame(0x82, bytes(1, 1)), rest])
    const { messages, passed } = readThrough(data, () => 50_000)
    t.same(messages, [bytes(1, 1)], why)
    t.ok(passed.equals(Buffer.concat([HANDSHAKE, rest])), why)
  }
  const most = frame(0x82, bytes(MESSAGE_BYTES_MAX, 1))
  t.equal(readThrough(Buffer.concat([HANDSHAKE, most]), whole).messages.length, 1, 'at the limit')
})

t.test('frames that ws does not take as they are reach it', async (t) => {
  const frames = [
    ...[frame(0x02, bytes(4, 1)), frame(0x82, bytes(4, 2)), frame(0x00, bytes(4, 3))],
    ...[frame(0x8a, bytes(0, 0)), frame(0x80, bytes(4, 4)), frame(0xc2, bytes(4, 5))],
    frame(0x82, bytes(0, 0)),
  ]
  const data = Buffer.concat([HANDSHAKE, ...frames, frame(0x82, bytes(4, 9))])
  const { messages, passed } = readThrough(data, () => 3)
  t.same(messages, [bytes(4, 9)], 'behind the last fragment messages are taken again')
  t.ok(passed.equals(Buffer.concat([HANDSHAKE, ...frames])))
})

t.test('when more than the handshake has come by its end, ws reads on', async (t) => {
  const early = frame(0x82, bytes(4, 1))
  const data = Buffer.concat([HANDSHAKE, early, frame(0x82, bytes(4, 2))])
  const { messages, passed } = readThrough(data, whole, HANDSHAKE.length + 1)
  t.same(messages, [])
  t.ok(passed.equals(data))
  const short = readThrough(data, whole, HANDSHAKE.length - 1)
  t.same(short.messages, [], 'nor is anything taken when it had not come')
  t.ok(short.passed.equals(data))
})

t.test('however the bytes are cut, nothing is lost, taken twice or out of order', async (t) => {
  const sizes = fc.constantFrom(1, 125, 126, 500, 65_535, 65_536, 65_592, 131_200, 330_000)
  const one = fc.tuple(fc.constantFrom(0x82, 0x82, 0x82, 0x81, 0x89, 0x8a), sizes, fc.nat(255))
  let frames = 0
  const holds = fc.property(
    fc.array(one, { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 9 }),
    (all, cuts) => {
      frames += all.length
      let turn = 0
      const made = all.map(([first, size, byte]) => ({ first, payload: bytes(size, byte) }))
      const data = made.map(({ first, payload }) => frame(first, payload))
      const most = (): number => cuts[turn++ % cuts.length] as number
      const { messages, passed } = readThrough(Buffer.concat([HANDSHAKE, ...data]), most)
      const taken = made.filter(({ first }) => first === 0x82).map(({ payload }) => payload)
      const left = data.filter((some) => some[0] !== 0x82)
      return (
        Buffer.concat(messages).equals(Buffer.concat(taken)) &&
        messages.length === taken.length &&
        passed.equals(Buffer.concat([HANDSHAKE, ...left]))
      )
    },
  )
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 150 }))
  t.ok(frames > 300, `${frames} frames`)
})
