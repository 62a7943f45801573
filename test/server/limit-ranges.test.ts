/** The least that a limit may be set to. */
import t from 'tap'
import type { DownCall, Message } from '../../schemas/messages.ts'
import { hvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'
import { highestOf, lowestOf, SETTABLE_LIMITS } from '../../src/server/limit-ranges.ts'

t.test(
  'there is one of most things, no time is a time, and a message always has room',
  async (t) => {
    const others = SETTABLE_LIMITS.filter((name) => lowestOf(name) !== 1)
    t.same(others.sort(), ['sendBufferBytesMax', 'sessionGraceMs'])
    t.equal(lowestOf('sendBufferBytesMax'), 2_097_152)
    t.equal(lowestOf('sessionGraceMs'), 0)
    for (const name of SETTABLE_LIMITS) t.ok(lowestOf(name) < highestOf(name), name)
  },
)

t.test('no message of either form is bigger than batchBytesMax and its brackets', async (t) => {
  const pages: Message<DownCall>[] = Array.from({ length: 64 }, (_, at) => ({
    kind: 'answer',
    id: at + 1,
    call: 'MEM_READ',
    ret: 0,
    bytes: new Uint8Array(65_536).fill(255),
  }))
  const json = hvJsonCodec()
  json.decode('[]', () => undefined)
  for (const codec of [json, hvBinaryCodec()]) {
    const sizes: number[] = []
    for (let at = 0; at < pages.length; ) {
      const { data, next } = codec.encode(pages, at)
      sizes.push(data.length)
      at = next
    }
    t.ok(sizes.length > 2, `${codec.subprotocol}: ${sizes.length} messages`)
    t.ok(Math.max(...sizes) <= 1_048_576 + 64, `${codec.subprotocol}: ${Math.max(...sizes)} bytes`)
  }
})
