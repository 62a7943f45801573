import fc from 'fast-check'
import t from 'tap'
import type { Message, WireCall } from '../../schemas/messages.ts'
import type { Method } from '../../schemas/method.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { hvBinaryCodec, uvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import type { Codec, Received } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import { bytesOf, REFUSALS, VECTORS } from '../schemas/binary-vectors.ts'
import type { Twins } from './rpc-binary-twins.ts'
import { answerTwins, callTwins, openTwins } from './rpc-binary-twins.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}`)
const options = { seed: SEED, numRuns: 400 }

interface Direction {
  readonly methods: Readonly<Record<string, Method<never>>>
  readonly sender: {
    readonly bin: Codec<WireCall, WireCall>
    readonly json: Codec<WireCall, WireCall>
  }
  readonly receiver: Direction['sender']
}
const UV = { bin: uvBinaryCodec(), json: uvJsonCodec() } as unknown as Direction['sender']
const HV = { bin: hvBinaryCodec(), json: hvJsonCodec() } as unknown as Direction['sender']
const UP: Direction = { methods: UP_METHODS as never, sender: UV, receiver: HV }
const DOWN: Direction = { methods: DOWN_METHODS as never, sender: HV, receiver: UV }

const same = (left: unknown, right: unknown): boolean => {
  if (left instanceof Uint8Array && right instanceof Uint8Array)
    return Buffer.compare(left, right) === 0
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right)
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => same(Reflect.get(left, key), Reflect.get(right, key)))
  )
}

/** Faults say where they are, each in its own way: what counts is that both refuse the same call. */
const gist = (item: Received<WireCall> | undefined): unknown => {
  // JSON has no word for a frame without an id but this one.
  if (item?.kind === 'fault')
    return [item.id, item.error === 'BAD_FRAME' ? 'NOT_A_REQUEST' : item.error]
  if (item?.kind === 'error') return [item.id, item.code]
  return item
}

/** Both codecs read the same, and what they read comes back the same from either. */
function agree({ sender, receiver }: Direction, { json, frame }: Twins, asked?: WireCall): boolean {
  const open = () => asked
  const [fromJson, ...more] = receiver.json.decode(json, open)
  const [fromFrame, ...others] = receiver.bin.decode(frame, open)
  if (more.length + others.length > 0 || !same(gist(fromFrame), gist(fromJson))) return false
  if (fromFrame?.kind !== 'call' && fromFrame?.kind !== 'answer') return true
  const message = fromFrame as Message<WireCall>
  return (['json', 'bin'] as const).every((protocol) => {
    const { data } = sender[protocol].encode([message], 0)
    return same(receiver[protocol].decode(data, open), [message])
  })
}

t.test('a frame is taken exactly when its JSON twin is, and means the same', async (t) => {
  for (const direction of [UP, DOWN])
    for (const call of Object.keys(direction.methods)) {
      const twins = call === 'SESSION_OPEN' ? openTwins : callTwins(call)
      const taken = { yes: 0, no: 0 }
      const holds = fc.property(twins, (pair) => {
        const [item] = direction.receiver.bin.decode(pair.frame, () => undefined)
        taken[item?.kind === 'call' ? 'yes' : 'no'] += 1
        return agree(direction, pair)
      })
      t.doesNotThrow(() => fc.assert(holds, options), call)
      t.ok(taken.yes > 0 && taken.no > 0, `${call}: ${taken.yes} taken, ${taken.no} refused`)
    }
})

t.test('an answer is taken exactly when its JSON twin is, and means the same', async (t) => {
  for (const direction of [UP, DOWN])
    for (const call of Object.keys(direction.methods)) {
      if (call === 'SESSION_OPEN') continue
      const asked = { call, length: 3 } as unknown as WireCall
      const back = { ...direction, sender: direction.receiver, receiver: direction.sender }
      const holds = fc.property(answerTwins(call), (pair) => agree(back, pair, asked))
      t.doesNotThrow(() => fc.assert(holds, options), call)
    }
})

t.test('errors come back as they were sent', async (t) => {
  const value = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
  )
  const key = fc.string().filter((name) => name !== '__proto__')
  const error = fc.record(
    {
      kind: fc.constant('error' as const),
      id: fc.integer({ min: 0, max: 0xffff_ffff }),
      code: fc.integer(),
      message: fc.string({ unit: 'grapheme', maxLength: 100 }),
      data: fc.dictionary(key, value, { noNullPrototype: true }),
    },
    { requiredKeys: ['kind', 'id', 'code', 'message'], noNullPrototype: true },
  )
  const asked = { call: 'HDSI' } as unknown as WireCall
  const holds = fc.property(error, (sent) => {
    const message = sent as Message<WireCall>
    const [back] = UV.bin.decode(HV.bin.encode([message], 0).data, () => asked)
    // JSON has no -0: data is JSON in both subprotocols.
    return same(back, JSON.parse(JSON.stringify(message)))
  })
  t.doesNotThrow(() => fc.assert(holds, options))
})

/** Everything that was read fits the schema of its JSON twin. */
function fits(direction: Direction, items: readonly Received<WireCall>[]): boolean {
  return items.every((item) => {
    if (item.kind !== 'call') return true
    const { data } = direction.sender.json.encode([item as Message<WireCall>], 0)
    const method = direction.methods[item.body.call]
    return method?.request.safeParse(JSON.parse(String(data))).success === true
  })
}

t.test('whatever bytes come, nothing throws and what is taken fits the schema', async (t) => {
  const valid = [...VECTORS, ...REFUSALS].map(({ hex }) => bytesOf(hex))
  const short = valid.filter(({ length }) => length < 1_000)
  const mutated = fc
    .tuple(
      fc.array(fc.constantFrom(...short), { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
      fc.nat({ max: 20 }),
    )
    .map(([frames, changes, cut]) => {
      const bytes = Buffer.concat(frames)
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
      return bytes.subarray(0, Math.max(0, bytes.length - (cut > 10 ? cut - 10 : 0)))
    })
  const any = fc.oneof(mutated, fc.uint8Array({ maxLength: 300 }))
  const asked = [
    undefined,
    { call: 'SESSION_OPEN', name: 'x' },
    { call: 'MEM_READ', length: 3 },
    { call: 'UV_PAGE_OUT' },
    { call: 'HDSI' },
  ] as unknown as WireCall[]
  let calls = 0
  for (const direction of [UP, DOWN]) {
    const holds = fc.property(any, fc.constantFrom(...asked), (bytes, open) => {
      const items = direction.receiver.bin.decode(bytes, () => open)
      calls += items.filter(({ kind }) => kind === 'call').length
      return items.length > 0 && fits(direction, items)
    })
    t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 5_000 }))
  }
  t.ok(calls > 300, `${calls} calls were among it`)
})

t.test('a message of many frames is read as its frames one by one', async (t) => {
  const frames = VECTORS.filter(({ from, asked }) => from === 'ultravisor' && asked === undefined)
  const holds = fc.property(fc.array(fc.constantFrom(...frames), { minLength: 1 }), (picked) => {
    const all = picked.map(({ hex }) => bytesOf(hex))
    const codec = hvBinaryCodec()
    const together = codec.decode(Buffer.concat(all), () => undefined)
    const apart = all.flatMap((one) => codec.decode(one, () => undefined))
    return same(together, apart)
  })
  t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 200 }))
})
