/** A session with more to say again than a connection may be told at once. */
import t from 'tap'
import type { UpCall, WireCall } from '../../schemas/messages.ts'
import { asLpid, asRa } from '../../src/abi/page.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { Rest } from '../../src/peer/rpc-rest.ts'
import { type FromHv, type FromUv, inval, Line, uvPageIn } from './pair.ts'
import { ResumablePair } from './resumable-pair.ts'

const PAGE = 65_536
/** Bytes of a page in base64, with what stands around it: 87,384 and some. */
const PAGE_TEXT = 88_000
const MAX = 2_097_152

/** A line that keeps what it is given until the test lets it go. */
class SlowLine extends Line {
  most = 0
  /** What has reached the other side. */
  readonly gone: WireData[] = []
  #runs: (() => void)[] = []

  override send(data: WireData): void {
    this.sent.push(data)
    this.bufferedAmount += data.length
    this.most = Math.max(this.most, this.bufferedAmount)
  }

  whenDrained(run: () => void): void {
    this.#runs.push(run)
  }

  drain(): void {
    this.gone.push(...this.sent.splice(0))
    this.bufferedAmount = 0
    for (const run of this.#runs.splice(0)) run()
  }
}

/** An ultravisor that has asked for that many pages and lost all answers. */
function lost(pages: number) {
  const lines: SlowLine[] = []
  const served: FromHv[] = []
  const told: number[] = []
  const world = new ResumablePair({
    limits: { sendBufferBytesMax: MAX },
    hvServes: (call: FromUv) => call.answer(0, { bytes: new Uint8Array(PAGE).fill(call.id) }),
    uvServes: (call) => served.push(call),
    newHvLine: () => {
      const line = new SlowLine()
      lines.push(line)
      return line
    },
  })
  const read = { call: 'MEM_READ', lpid: asLpid(1), ra: asRa(0), offset: 0, length: PAGE } as const
  for (let n = 0; n < pages; n++) {
    world.uv.call(read, 0, (outcome) => {
      if (outcome.kind === 'answer') told.push(outcome.bytes?.[0] ?? -1)
    })
  }
  return { world, lines, served, told, slow: () => lines.at(-1) as SlowLine }
}

/** Delivers what the ultravisor has sent. */
function up(world: ResumablePair): void {
  world.turn()
  for (const message of world.uvLine.sent.splice(0)) world.hv.receive(message)
  world.turn()
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)
const idsOf = (data: readonly WireData[]): number[] =>
  data.flatMap((message) => ResumablePair.items(message).map(({ id }) => id))

t.test('answers that are more than the send buffer come in parts, each of them once', async (t) => {
  const pages = 60
  const { world, slow, told } = lost(pages)
  world.turn()
  for (const message of world.uvLine.sent.splice(0)) world.hv.receive(message)
  world.cut()
  t.ok(pages * PAGE_TEXT > 2 * MAX, 'it is much more than the connection may be told at once')
  world.resume()
  up(world)
  t.same(slow().closed, [], 'it is not cut')
  t.ok(slow().sent.length > 0 && slow().most < MAX, `${slow().most} bytes wait`)
  t.ok(idsOf(slow().sent).length < pages, 'not all of it has been said')
  const first = idsOf(slow().sent).length
  world.turn()
  t.equal(idsOf(slow().sent).length, first, 'nor is it as long as nothing has left')
  for (let parts = 0; parts < 20 && slow().sent.length > 0; parts++) slow().drain()
  t.same(idsOf(slow().gone), count(pages), 'each once, in the order in which they were given')
  t.ok(slow().most < MAX)
  for (const message of slow().gone) world.uv.receive(message)
  t.same(told, count(pages))
  t.equal(world.uv.callsOpen, 0)
  t.same(world.reports, [])
})

t.test('what is said meanwhile comes behind it', async (t) => {
  const { world, slow } = lost(30)
  up(world)
  world.cut()
  world.resume()
  up(world)
  t.ok(idsOf(slow().sent).length < 30)
  world.uv.call({ call: 'H_SVM_INIT_DONE', lpid: asLpid(1) }, 0, () => undefined)
  up(world)
  world.hv.call(uvPageIn(0x50000, null), 0, () => undefined)
  world.turn()
  for (let parts = 0; parts < 20 && slow().sent.length > 0; parts++) slow().drain()
  t.same(idsOf(slow().gone), [...count(31), 1], 'thirty old answers, the new one, a call')
})

t.test(
  'calls with pages come in parts; one that is over meanwhile is not made again',
  async (t) => {
    const { world, slow, served } = lost(0)
    const ends: string[] = []
    for (const n of count(60)) {
      const page = new Uint8Array(PAGE).fill(n)
      world.hv.call(uvPageIn(n * PAGE, page), 0, ({ kind }) => ends.push(`${n} ${kind}`))
    }
    world.cut()
    world.resume()
    world.turn()
    t.same(slow().closed, [])
    const said = idsOf(slow().sent)
    t.ok(said.length > 0 && said.length < 30, `${said.length} calls in the first part`)
    world.hv.receive('{"jsonrpc":"2.0","id":50,"result":{"ret":0,"name":"U_SUCCESS"}}')
    t.same(ends, ['50 answer'], 'who guesses has guessed right')
    for (let parts = 0; parts < 20 && slow().sent.length > 0; parts++) slow().drain()
    t.same(idsOf(slow().gone), [...count(49), ...count(10).map((n) => n + 50)])
    for (const message of slow().gone) world.uv.receive(message)
    t.equal(served.length, 59)
    t.equal(world.hv.counters.callsResent, 60)
  },
)

t.test(
  'a line that breaks in the middle of it loses nothing: the next one begins anew',
  async (t) => {
    const { world, slow, told } = lost(40)
    up(world)
    world.cut()
    world.resume()
    up(world)
    slow().drain()
    for (const message of slow().gone) world.uv.receive(message)
    const before = told.length
    t.ok(before > 0 && before < 40)
    const broken = slow()
    world.cut()
    world.resume()
    broken.drain()
    t.same(broken.sent, [], 'nothing more is said on the old one')
    up(world)
    for (let parts = 0; parts < 20 && slow().sent.length > 0; parts++) slow().drain()
    for (const message of slow().gone) world.uv.receive(message)
    t.same(told, count(40))
  },
)

t.test('who says goodbye says all of it first; a slow reader is told no more', async (t) => {
  for (const reason of ['SHUTTING_DOWN', 'SLOW_READER'] as const) {
    const { world, slow } = lost(40)
    up(world)
    world.cut()
    world.resume()
    up(world)
    const line = slow()
    const first = idsOf(line.sent).length
    world.hv.close(reason)
    t.equal(idsOf(line.sent).length, reason === 'SHUTTING_DOWN' ? 40 : first, reason)
  }
})

t.test('a transport that is congested is waited for, until it is told to go on', async (t) => {
  const line = new Line()
  const world = new ResumablePair({
    limits: { sendBufferBytesMax: MAX },
    hvServes: (call) => call.answer(0, { bytes: new Uint8Array(PAGE) }),
    newHvLine: () => line,
  })
  const read = { call: 'MEM_READ', lpid: asLpid(1), ra: asRa(0), offset: 0, length: PAGE } as const
  for (const _ of count(30)) world.uv.call(read, 0, () => undefined)
  up(world)
  world.cut()
  world.resume()
  world.turn()
  const again = world.uvLine.sent.splice(0)
  for (const message of again) world.hv.receive(message)
  Object.assign(line, { congested: true })
  line.sent.length = 0
  world.turn()
  t.same(line.sent, [], 'nothing is said to who does not read')
  Object.assign(line, { congested: false })
  world.hv.resume()
  t.same(idsOf(line.sent), count(30), 'and this one says nothing of what waits, so it is told all')
})

t.test('a part has as many bytes as it may or a little more, pages and all', async (t) => {
  const isOpen = (): boolean => true
  const items = (body: Parameters<typeof say>[0]) => [1, 2, 3].map((id) => say(body, id))
  const say = (body: ReturnType<typeof inval> | UpCall, id: number) =>
    ({ kind: 'call', id, parent: 0, body }) as const
  const store = { call: 'MEM_WRITE', lpid: asLpid(1), ra: asRa(0), offset: 0 } as const
  for (const [body, bytes, count] of [
    [inval(0), 128, 1],
    [inval(0), 129, 2],
    [{ ...store, bytes: new Uint8Array(100) }, 228, 1],
    [{ ...store, bytes: new Uint8Array(100) }, 229, 2],
    [{ ...store, bytes: null }, 128, 1],
    [uvPageIn(0, new Uint8Array(PAGE)), PAGE + 128, 1],
    [uvPageIn(0, 7n), 129, 2],
  ] as const) {
    const rest = new Rest<WireCall>()
    for (const item of items(body)) rest.add(item)
    t.equal([...rest.part(bytes, isOpen)].length, count, `${body.call}, ${bytes} bytes`)
    t.equal(rest.isOver, false)
    t.equal(rest.clear(), 3 - count, 'and the rest is left')
    t.equal(rest.isOver, true)
  }
})
