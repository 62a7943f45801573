import t from 'tap'
import type { DownCall, Message, Outcome, UpCall } from '../../schemas/messages.ts'
import { asLpid, asRa } from '../../src/abi/page.ts'
import { hvBinaryCodec, uvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import type { FromHv, FromUv } from './pair.ts'
import { inval, pageIn, pair, uvPageIn } from './pair.ts'

const codecs = { hv: hvBinaryCodec(), uv: uvBinaryCodec() }
const LPID = asLpid(1)

const call = <Body>(id: number, body: Body): Message<Body> => ({
  kind: 'call',
  id,
  parent: 0,
  body,
})
const bytesOf = (data: string | Uint8Array): Buffer => {
  if (typeof data === 'string') throw new Error('a text message on a binary protocol')
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}
const pages = (count: number): Message<DownCall>[] =>
  Array.from({ length: count }, (_, at) =>
    call(at + 1, uvPageIn(at * 65_536, Buffer.alloc(65_536, at + 1))),
  )

t.test('calls nest fifty deep over frames, and every answer finds its caller', async (t) => {
  const depth = 50
  let deepest = 0
  const told: string[] = []
  const { uv, hv, settle, uvLine } = pair({
    codecs,
    hvServes: (incoming, peer) => {
      deepest = Math.max(deepest, incoming.ancestors().length)
      const { body } = incoming
      const gpa = 'gpa' in body ? Number(body.gpa) : 0
      peer.call(inval(gpa), incoming.id, (outcome) => {
        told.push(outcome.kind)
        incoming.answer(-gpa)
      })
    },
    uvServes: (incoming, peer) => {
      const { body } = incoming
      const gpa = 'gpa' in body ? Number(body.gpa) : 0
      if (gpa === depth) return incoming.answer(0)
      return peer.call(pageIn(gpa + 1), incoming.id, (outcome) => {
        told.push(outcome.kind)
        incoming.answer(0)
      })
    },
  })
  const ends: Outcome[] = []
  uv.call(pageIn(0), 0, (outcome) => ends.push(outcome))
  settle()
  t.same(ends, [{ kind: 'answer', id: 1, call: 'H_SVM_PAGE_IN', ret: 0 }])
  t.equal(deepest, depth * 2)
  t.same(new Set(told), new Set(['answer']))
  t.equal(told.length, 2 * depth + 1)
  t.equal(uv.callsOpen + hv.callsOpen + uv.callsServed + hv.callsServed, 0)
  t.same(uvLine.closed, [])
})

t.test('a frame that does not say where it ends is told about, then the end', async (t) => {
  const served: FromUv[] = []
  const { hv, hvLine, reports } = pair({ codecs, hvServes: (incoming) => served.push(incoming) })
  const { data } = codecs.uv.encode([call(1, pageIn(0)), call(2, pageIn(1))], 0)
  const bytes = bytesOf(data)
  bytes[56] = 9
  hv.receive(bytes)
  t.equal(served.length, 1, 'the frame before it was served')
  t.same(hvLine.closed, [{ code: 4005, reason: 'A frame does not say where it ends.' }])
  const [error, ...rest] = codecs.uv.decode(hvLine.sent[0] ?? '', () => undefined)
  t.match(error, {
    kind: 'error',
    id: 0,
    code: -32013,
    data: { path: 'kind', offset: 56, reason: 'invalid', value: 9 },
  })
  t.same(rest, [])
  t.equal(reports.length, 2, 'and both are reported')
})

t.test('a frame that does not fit is refused alone: the session goes on', async (t) => {
  const served: number[] = []
  const { hv, uv, hvLine, turn, settle } = pair({
    codecs,
    hvServes: (incoming) => {
      served.push(incoming.id)
      incoming.answer(0)
    },
  })
  const items = [call(1, pageIn(0)), call(2, pageIn(1)), call(3, pageIn(2))]
  const bytes = bytesOf(codecs.uv.encode(items, 0).data)
  bytes.writeUInt16LE(0, 56 + 2)
  hv.receive(bytes)
  turn.end()
  t.same(served, [1, 3])
  t.same(hvLine.closed, [])
  const replies = codecs.uv.decode(hvLine.sent[0] ?? '', () => pageIn(0))
  t.match(replies, [
    { kind: 'answer', id: 1 },
    { kind: 'error', id: 2, code: -32602, data: { path: 'lpid', offset: 58 } },
    { kind: 'answer', id: 3 },
  ])
  const told: Outcome[] = []
  uv.call(pageIn(3), 0, (outcome) => told.push(outcome))
  hvLine.sent.length = 0
  settle()
  t.match(told, [{ kind: 'answer', ret: 0 }])
})

t.test('text on the binary subprotocol, and text that is not UTF-8, end it', async (t) => {
  const wrong = pair({ codecs })
  wrong.hv.receive('[]')
  t.match(wrong.hvLine.closed, [{ code: 1003 }])
  const { hv, hvLine } = pair({ codecs, hvServes: () => t.fail('nothing is served') })
  const open = call(1, { call: 'SESSION_OPEN', name: 'abc' } as UpCall)
  const bytes = bytesOf(codecs.uv.encode([open], 0).data)
  bytes[65] = 0xc0
  hv.receive(bytes)
  t.match(hvLine.closed, [{ code: 1007 }])
  t.same(hvLine.sent, [])
})

t.test('a message has at most 4,096 frames; one more, and none of them is served', async (t) => {
  const many = Array.from({ length: 4_097 }, (_, at) => call(at + 1, pageIn(at)))
  const { data, next } = codecs.uv.encode(many, 0)
  t.equal(next, 4_096, 'we send no more')
  t.equal(codecs.hv.decode(data, () => undefined).length, 4_096)
  const rest = codecs.uv.encode(many, next)
  t.equal(rest.next, 4_097)
  const tooMany = Buffer.concat([bytesOf(data), bytesOf(rest.data)])
  t.same(
    codecs.hv.decode(tooMany, () => undefined),
    [{ kind: 'breakage', close: 'TOO_BIG' }],
  )
})

t.test('a message is filled with four pages, and no further', async (t) => {
  const items = pages(6)
  const first = codecs.hv.encode(items, 0)
  t.equal(first.next, 4)
  t.equal(bytesOf(first.data).length, 4 * 65_592)
  const second = codecs.hv.encode(items, first.next)
  t.equal(second.next, 6)
  t.equal(bytesOf(second.data).length, 2 * 65_592)
})

t.test(
  'the memory of a message with pages is used again once it is sent, not before',
  async (t) => {
    const memoryOf = ({ data }: { data: string | Uint8Array }) => bytesOf(data).buffer
    const first = codecs.hv.encode(pages(4), 0)
    const second = codecs.hv.encode(pages(4), 0)
    t.not(memoryOf(second), memoryOf(first), 'neither is sent yet')
    first.sent?.()
    first.sent?.()
    const third = codecs.hv.encode(pages(1), 0)
    t.equal(memoryOf(third), memoryOf(first))
    t.equal(bytesOf(third.data).length, 65_592)
    const fourth = codecs.hv.encode(pages(4), 0)
    t.not(memoryOf(fourth), memoryOf(first), 'what is told twice is given back once')
    const tags = codecs.hv.encode([call(1, uvPageIn(0, 5n))], 0)
    t.equal(tags.sent, undefined, 'a short message has memory of its own')
  },
)

t.test('a page is a view on its message, unless that would keep much else alive', async (t) => {
  const buffersOf = (data: Uint8Array): ArrayBufferLike[] =>
    codecs.uv
      .decode(data, () => undefined)
      .map((item) => {
        if (item.kind !== 'call' || item.body.call !== 'UV_PAGE_IN') throw new Error('no page')
        const { page } = item.body
        if (!(page instanceof Uint8Array)) throw new Error('no bytes')
        t.equal(page[0], Number(item.body.gpa) / 65_536 + 1, 'the right page')
        t.equal(page.length, 65_536)
        return page.buffer
      })
  const whole = bytesOf(codecs.hv.encode(pages(4), 0).data)
  const views = buffersOf(whole)
  t.ok(
    views.every((buffer) => buffer === whole.buffer),
    'four pages: views, no copy',
  )
  const parts = [pages(4), pages(4), pages(4)].map((four) =>
    bytesOf(codecs.hv.encode(four, 0).data),
  )
  const long = Buffer.concat(parts)
  const copies = buffersOf(long)
  t.equal(copies.length, 12)
  t.ok(
    copies.every((buffer) => buffer !== long.buffer && buffer.byteLength === 65_536),
    'twelve pages: each is copied once, and keeps nothing else alive',
  )
})

t.test('bytes of another memory come through: a view of a view, at odd places', async (t) => {
  const store = {
    call: 'MEM_WRITE',
    lpid: LPID,
    ra: asRa(0x20000),
    offset: 3,
    bytes: Buffer.from('xyz123').subarray(3),
  } as const
  const frame = bytesOf(codecs.uv.encode([call(1, store)], 0).data)
  const odd = Buffer.concat([Buffer.from('.'), frame, Buffer.from('...')]).subarray(1, -3)
  const [item] = codecs.hv.decode(odd, () => undefined)
  t.same(item, call(1, { ...store, bytes: new Uint8Array(Buffer.from('123')) }))
})

t.test('nothing is left over from one message in the next', async (t) => {
  const codec = hvBinaryCodec()
  const good = bytesOf(uvBinaryCodec().encode([call(1, pageIn(0))], 0).data)
  t.match(
    codec.decode(good.subarray(0, 20), () => undefined),
    [{ kind: 'fault', error: 'BAD_FRAME' }, { kind: 'breakage' }],
  )
  t.same(
    codec.decode(good, () => undefined),
    [call(1, pageIn(0))],
  )
})

t.test('an answer that does not fit ends the call that waited for it, and no other', async (t) => {
  const held: FromHv[] = []
  const { hv, uv, uvLine, turn } = pair({ codecs, uvServes: (incoming) => held.push(incoming) })
  const told: Outcome[] = []
  hv.call(inval(0), 0, (outcome) => told.push(outcome))
  hv.call(inval(1), 0, (outcome) => told.push(outcome))
  turn.end()
  const answers = [1, 2].map(
    (id): Message<UpCall> => ({ kind: 'answer', id, call: 'UV_PAGE_INVAL', ret: 0 }),
  )
  const bytes = bytesOf(codecs.uv.encode(answers, 0).data)
  bytes[24] = 1
  hv.receive(bytes)
  t.match(told, [
    { kind: 'error', id: 1, code: -32011, data: { path: 'output', offset: 24, value: 1 } },
    { kind: 'answer', id: 2, ret: 0 },
  ])
  t.same(uvLine.sent, [])
  t.equal(uv.callsOpen, 0)
})
