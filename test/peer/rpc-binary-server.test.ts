/** A client that speaks JSON and one that speaks frames, side by side at one server over sockets. */
import t from 'tap'
import type { DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import { asGpa, asLpid, asRa, asSlotId, type Lpid, type Page, type Ra } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { UV_CODECS, type UvProtocol } from '../../src/peer/uv-protocol.ts'
import { connectWs } from '../../src/peer/ws-transport.ts'
import { listen } from '../../src/server/listen.ts'
import { server } from '../server/server.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}`)

/** Addresses of frames are the host's own choice, and two VMs never have the same. */
const withoutVm = ({ lpid: _, ra: __, ...rest }: Record<string, unknown>): object => rest

/** A scripted ultravisor: what it answers depends only on what it is asked. */
class Client {
  readonly peer: Peer<UpCall, DownCall>
  readonly lpid: Lpid
  /** Everything that was asked and answered, either way, in order. */
  readonly story: unknown[] = []
  readonly ended: Promise<string>
  /** The frame that the hypervisor named last. */
  #ra: Ra = asRa(0)

  constructor(peer: Peer<UpCall, DownCall>, lpid: Lpid, ended: Promise<string>) {
    this.peer = peer
    this.lpid = lpid
    this.ended = ended
  }

  static async connect(url: string, protocol: UvProtocol, lpid: Lpid): Promise<Client> {
    const codec = UV_CODECS[protocol]()
    let end: (sentence: string) => void = () => undefined
    const ended = new Promise<string>((resolve) => {
      end = resolve
    })
    const transport = await connectWs({
      url,
      subprotocol: codec.subprotocol,
      receive: (data) => peer.receive(data),
      ended: ({ sentence }) => {
        end(sentence)
        peer.end()
      },
      failed: (error) => end(String(error)),
    })
    const peer: Peer<UpCall, DownCall> = new Peer({
      codec,
      transport,
      defer: queueMicrotask,
      serve: (incoming) => {
        const { ret, page } = client.serve(incoming.body)
        if (page === undefined) incoming.answer(ret)
        else incoming.answer(ret, { page })
      },
    })
    const client = new Client(peer, lpid, ended)
    return client
  }

  serve(body: DownCall): { ret: number; page?: Page } {
    if ('ra' in body) this.#ra = body.ra
    const gpa = 'gpa' in body ? Math.floor(body.gpa / 65_536) : 0
    const ret = gpa % 7 === 6 ? -55 : 0
    this.story.push(['served', withoutVm({ ...body }), ret])
    if (body.call !== 'UV_PAGE_OUT' || ret !== 0) return { ret }
    const contents: Page[] = [null, BigInt(gpa) * 2n ** 50n, Buffer.alloc(65_536, gpa)]
    return { ret, page: contents[gpa % 3] ?? null }
  }

  ask(body: UpCall): Promise<Outcome> {
    return new Promise((resolve) => this.peer.call(body, 0, resolve))
  }

  /** Makes the call number `pick` and writes down how it ended. */
  async play(pick: number, lpid = this.lpid): Promise<Outcome> {
    const gpa = asGpa(((pick >>> 4) % 18) * 65_536 + (pick % 3))
    const page = { lpid, gpa, order: pick % 97 === 0 ? 12 : 16 }
    const slot = { lpid, slotId: asSlotId(1) }
    const size = 4 * 65_536
    const calls: UpCall[] = [
      { call: 'H_SVM_PAGE_IN', flags: 0, ...page },
      { call: 'H_SVM_PAGE_IN', flags: 1, ...page },
      { call: 'H_SVM_PAGE_IN', flags: pick % 4, ...page },
      { call: 'H_SVM_PAGE_OUT', flags: pick % 89 === 0 ? 2 ** 60 : 0, ...page },
      { call: 'H_SVM_PAGE_OUT', flags: 0, ...page },
      {
        call: 'MEM_WRITE',
        lpid,
        ra: this.#ra,
        offset: 9,
        bytes: Buffer.alloc(1 + (pick % 50), pick),
      },
      { call: 'MEM_WRITE', lpid, ra: this.#ra, offset: 0, bytes: null },
      { call: 'MEM_READ', lpid, ra: this.#ra, offset: pick % 100, length: 1 + (pick % 200) },
      { call: 'HDSI', lpid, gpa },
      { call: 'UV_REGISTER_MEM_SLOT', ...slot, startGpa: asGpa(12 * 65_536), size, flags: 0 },
      { call: 'UV_UNREGISTER_MEM_SLOT', ...slot },
      pick % 11 === 0 ? { call: 'H_SVM_INIT_DONE', lpid } : { call: 'HDSI', lpid, gpa },
      pick % 5 === 0 ? { call: 'H_SVM_INIT_ABORT', lpid } : { call: 'H_SVM_INIT_START', lpid },
    ]
    const body = calls[pick % calls.length] ?? { call: 'H_SVM_INIT_START', lpid }
    const outcome = await this.ask(body)
    const { id: _, ...end } = outcome
    this.story.push(['asked', withoutVm({ ...body }), end])
    return outcome
  }
}

t.test('JSON and frames tell the same story of the same calls', async (t) => {
  const app = server({ hv: { poolPages: 1_000, profile: 'spec' } })
  const { uv } = await listen(app, '127.0.0.1', 0)
  t.teardown(() => app.close())
  const json = await Client.connect(uv, 'json', asLpid(1))
  const bin = await Client.connect(uv, 'bin', asLpid(2))
  for (const client of [json, bin]) {
    const open = await client.ask({ call: 'SESSION_OPEN', name: 'Köln' })
    t.match(open, { kind: 'answer', ret: 0, session: { host: { poolPages: 1_000 } } })
    const { lpid } = client
    const size = 12 * 65_536
    const slot = { lpid, startGpa: asGpa(0), size, flags: 0, slotId: asSlotId(0) }
    t.match(await client.ask({ call: 'UV_REGISTER_MEM_SLOT', ...slot }), { ret: 0 })
    t.match(await client.ask({ call: 'H_SVM_INIT_START', lpid }), { ret: 0 })
  }
  const random = prng(SEED)
  for (let turn = 0; turn < 1_500; turn += 1) {
    const pick = random.int(2 ** 30)
    const ends = await Promise.all([json.play(pick), bin.play(pick)])
    if (ends[0].kind !== ends[1].kind) break
  }
  t.equal(bin.story.length, json.story.length)
  const differs = bin.story.findIndex((one, at) => !isSame(one, json.story[at]))
  t.equal(differs, -1, 'no step differs')
  t.same(bin.story[differs], json.story[differs])
  const text = bin.story.map((one) => JSON.stringify(one, shorten)).join('\n')
  for (const seen of ['"UV_PAGE_IN"', '"UV_PAGE_OUT"', '"ret":-4', '"ret":0', '"bytes"', '"tag:'])
    t.ok(text.includes(seen), `among it: ${seen}`)
  t.equal(json.peer.counters.straysReceived + bin.peer.counters.straysReceived, 0)
  t.equal(json.peer.counters.errorsSent + bin.peer.counters.errorsSent, 0)
})

const shorten = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `tag:${value}`
  // A Buffer comes here as what its toJSON says.
  if (Array.isArray(value) && value.length > 200) return `${value.length} bytes of ${value[0]}`
  return value
}
const isSame = (left: unknown, right: unknown): boolean => {
  if (left instanceof Uint8Array && right instanceof Uint8Array)
    return Buffer.compare(left, right) === 0
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right)
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => isSame(Reflect.get(left, key), Reflect.get(right, key)))
  )
}

t.test('sessions stay apart, whatever they speak', async (t) => {
  const app = server()
  const { uv } = await listen(app, '127.0.0.1', 0)
  t.teardown(() => app.close())
  const json = await Client.connect(uv, 'json', asLpid(1))
  const bin = await Client.connect(uv, 'bin', asLpid(2))
  t.match(await bin.ask({ call: 'H_SVM_INIT_START', lpid: bin.lpid }), { code: -32002 })
  for (const client of [json, bin]) {
    await client.ask({ call: 'SESSION_OPEN', name: 'apart' })
    await client.ask({ call: 'H_SVM_INIT_START', lpid: client.lpid })
  }
  const mine = { call: 'H_SVM_INIT_DONE', lpid: json.lpid } as const
  t.match(await bin.ask(mine), { kind: 'error', code: -32000, data: { lpid: 1 } })
  t.match(await json.ask({ ...mine, lpid: bin.lpid }), { kind: 'error', code: -32000 })
  bin.peer.close('NORMAL')
  t.match(await bin.ended, '1000')
  t.match(await json.ask(mine), { kind: 'answer', ret: 0 }, 'the other one goes on')
})

t.test('a client that offers both speaks frames; what it sends must be frames then', async (t) => {
  const { WebSocket } = await import('ws')
  const app = server()
  const { uv } = await listen(app, '127.0.0.1', 0)
  t.teardown(() => app.close())
  const socket = new WebSocket(uv, ['uvmem.v1.json', 'uvmem.v1.bin'])
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  t.equal(socket.protocol, 'uvmem.v1.bin')
  socket.send('{"jsonrpc":"2.0","id":1,"method":"SESSION_OPEN","params":{"name":"x"}}')
  t.equal(await closed, 1003)
  const other = new WebSocket(uv, ['uvmem.v1.bin'])
  const cut = new Promise<number>((resolve) => other.on('close', resolve))
  await new Promise((resolve) => other.on('open', resolve))
  other.send(Buffer.alloc(56))
  t.equal(await cut, 4005)
})
