import t, { type Test } from 'tap'
import { BINARY_CALLS } from '../../schemas/binary-calls.ts'
import { CLOSE, WIRE_ERROR } from '../../schemas/errors.ts'
import type { DownCall, UpCall, WireCall } from '../../schemas/messages.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { hvBinaryCodec, uvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import type { Codec, Received } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { Got, Refusal, Vector } from './binary-vectors.ts'
import { bytesOf, jsonText, REFUSALS, VECTORS } from './binary-vectors.ts'

interface Side<Ours extends WireCall, Theirs extends WireCall> {
  readonly bin: Codec<Ours, Theirs>
  readonly json: Codec<Ours, Theirs>
}
const UV: Side<UpCall, DownCall> = { bin: uvBinaryCodec(), json: uvJsonCodec() }
const HV: Side<DownCall, UpCall> = { bin: hvBinaryCodec(), json: hvJsonCodec() }
type AnySide = Side<never, never>

const sidesOf = ({ from }: Pick<Vector, 'from'>): { sender: AnySide; receiver: AnySide } =>
  (from === 'ultravisor' ? { sender: UV, receiver: HV } : { sender: HV, receiver: UV }) as never

/** The body of the call that waits for the answer, read from its JSON form. */
function openCall({ asked, from }: Pick<Vector, 'asked' | 'from'>): (id: number) => never {
  if (asked === undefined) return () => undefined as never
  const { sender } = sidesOf({ from })
  const text = jsonText({ jsonrpc: '2.0', id: 1, ...asked })
  const [call] = sender.json.decode(text, () => undefined)
  if (call?.kind !== 'call') throw new Error(`a vector asks what is no call: ${text}`)
  const { body } = call
  return () => body
}

t.test('every vector means what it says, and is what would be sent', async (t) => {
  for (const vector of VECTORS) {
    const { sender, receiver } = sidesOf(vector)
    const bytes = bytesOf(vector.hex)
    t.equal(bytes.length % 8, 0, `${vector.name}: a multiple of 8 bytes`)
    const open = openCall(vector)
    const items = receiver.bin.decode(bytes, open)
    const twins = vector.means.flatMap((one) => receiver.json.decode(jsonText(one), open))
    t.same(items, twins, vector.name)
    t.notOk(
      items.some(({ kind }) => kind === 'fault' || kind === 'stray' || kind === 'breakage'),
      `${vector.name}: taken`,
    )
    const { data, next } = sender.bin.encode(items as never, 0)
    t.ok(Buffer.compare(data as Buffer, bytes) === 0, `${vector.name}: sent as these bytes`)
    t.equal(next, items.length)
    const sent = items.map((item) => sender.json.encode([item as never], 0).data)
    const written = vector.means.map((one) => jsonText(one))
    t.same(sent, written, `${vector.name}: and as this JSON`)
  }
})

t.test('there is a vector for every call in each direction, and for every answer', async (t) => {
  const seen = new Set<string>()
  for (const { from, means, asked } of VECTORS)
    for (const one of means) {
      if ('method' in one) seen.add(`${from} ${String(one.method)}`)
      if ('result' in one) seen.add(`answer ${asked?.method}`)
    }
  for (const name of Object.keys(UP_METHODS)) t.ok(seen.has(`ultravisor ${name}`), name)
  for (const name of Object.keys(DOWN_METHODS)) t.ok(seen.has(`hypervisor ${name}`), name)
  for (const name of Object.keys(BINARY_CALLS)) t.ok(seen.has(`answer ${name}`), name)
})

function gotOf(item: Received<never>): Got {
  if (item.kind === 'fault' || item.kind === 'error') {
    const { path, offset, value } = (item.data ?? {}) as Got
    const name =
      item.kind === 'fault'
        ? item.error
        : Object.entries(WIRE_ERROR).find(([, { code }]) => code === item.code)?.[0]
    const { code } = WIRE_ERROR[name as keyof typeof WIRE_ERROR]
    return { error: name ?? '', code, id: item.id, path, offset, value } as Got
  }
  if (item.kind === 'breakage') return { close: CLOSE[item.close].code }
  if (item.kind === 'stray') return { stray: item.why }
  return { means: item }
}

function checkRefusal(t: Test, refusal: Refusal): void {
  const { receiver } = sidesOf(refusal)
  const got = receiver.bin.decode(bytesOf(refusal.hex), openCall(refusal)).map(gotOf)
  const wanted = refusal.gets.map((one): Got => {
    if (one.means === undefined) return one
    const [twin] = receiver.json.decode(jsonText(one.means), () => undefined as never)
    return { means: twin as object }
  })
  t.match(got, wanted as never, refusal.name)
  t.equal(got.length, wanted.length, `${refusal.name}: and nothing else`)
}

t.test('every refusal names the field and where it is', async (t) => {
  for (const refusal of REFUSALS) checkRefusal(t, refusal)
})
