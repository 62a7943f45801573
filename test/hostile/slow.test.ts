/** Slow and silent peers are ended in their time, and cost a bounded amount; a good client goes on. */
import t from 'tap'
import { asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import type { App } from '../../src/server/app.ts'
import { Line, listening, until } from '../server/line.ts'
import { text, upgrade } from './frames.ts'
import { closeCode, isClose, RawSocket } from './raw-socket.ts'
import { endOf, neverRead, SLOW_KINDS, type SlowKind, SlowPeer } from './slow-peers.ts'

t.setTimeout(300_000)

/** Each deadline is another one, so that it shows which one has struck. */
const LIMITS = { headersMsMax: 900, requestMsMax: 1_200, keepAliveMsMax: 700, handshakeMsMax: 600 }

/** The end of each kind: a status, a close code, or 0 for the end of a connection that owes nothing. */
const ENDS: Readonly<Record<SlowKind, number>> = {
  'says nothing': 408,
  'headers byte by byte': 408,
  'upgrade byte by byte': 408,
  'body byte by byte': 408,
  'frame byte by byte': 4004,
  'upgraded and silent': 4004,
  'answered and silent': 0,
}

const portOf = (uv: string): number => Number(new URL(uv).port)
const connectionsOf = (app: App): Promise<number> =>
  new Promise((done) => app.http.server.getConnections((_error, count) => done(count)))

/** A session with a VM of its own, and a call that tells whether it is served. */
async function goodClient(t: Parameters<typeof listening>[0], uv: string) {
  const line = await Line.open(t, uv)
  const slot = { lpid: 9, start_gpa: 0, size: 65_536, flags: 0, slotid: 0 }
  t.match(await line.call('UV_REGISTER_MEM_SLOT', slot), { result: { ret: 0 } })
  return async (): Promise<boolean> =>
    (await line.call('H_SVM_INIT_DONE', { lpid: 9 })).result?.ret === -67
}

t.test('each kind of slow peer is ended by its deadline, with its word', async (t) => {
  const { uv } = await listening(t, { limits: LIMITS })
  const ends = await Promise.all(
    SLOW_KINDS.map(async (kind) => {
      const peer = new SlowPeer(portOf(uv), kind, 20)
      t.teardown(() => peer.stop())
      return [kind, await endOf(peer.raw, kind)] as const
    }),
  )
  for (const [kind, end] of ends) t.equal(end, ENDS[kind], kind)
})

t.test(
  '500 half-open and slow sockets are gone in the end; a good client was served',
  async (t) => {
    const { app, uv } = await listening(t, { limits: LIMITS })
    const isServed = await goodClient(t, uv)
    const peers = Array.from({ length: 500 }, (_, at) => {
      const kind = at % 3 === 0 ? SLOW_KINDS[at % SLOW_KINDS.length] : 'says nothing'
      return new SlowPeer(portOf(uv), kind ?? 'says nothing', 200)
    })
    t.teardown(() => {
      for (const peer of peers) peer.stop()
    })
    await Promise.all(peers.map(({ raw }) => raw.opened()))
    let served = 0
    while (peers.some(({ raw }) => !raw.isEnded)) {
      if (!(await isServed())) break
      served++
      await new Promise((done) => setTimeout(done, 20))
    }
    t.ok(served > 10, `${served} calls were served meanwhile, none was not`)
    t.ok(
      peers.every(({ raw }) => raw.isEnded),
      'the server has ended every one of them',
    )
    for (const peer of peers) peer.stop()
    let left = 0
    for (let tries = 0; tries < 300; tries++) {
      left = await connectionsOf(app)
      if (left === 1) break
      await new Promise((done) => setTimeout(done, 20))
    }
    t.equal(left, 1, 'only the good one is left')
  },
)

t.test('100 clients that never read cost no more than the mark each', async (t) => {
  const high = 100_000
  const { app, uv } = await listening(t, { limits: { sendBufferHighBytes: high } })
  const isServed = await goodClient(t, uv)
  const slots = [{ id: asSlotId(0), base: asGfn(0), pages: 2 }]
  await app.vmm.create({ lpid: asLpid(1), radix: true, svmEnabled: true, slots })
  await app.vmm.writePage(asLpid(1), asGfn(1), 0, new Uint8Array(65_536).fill(1))
  const silent: RawSocket[] = []
  t.teardown(() => {
    for (const raw of silent) raw.destroy()
  })
  for (let n = 0; n < 100; n++) silent.push(await neverRead(portOf(uv), 60))
  const waiting = () => [...app.uv.connections].filter(({ paused }) => paused)
  await until(() => waiting().length >= 50, 'the server stops reading from them').catch(
    () => undefined,
  )
  let most = 0
  for (let n = 0; n < 50; n++) {
    t.ok(await isServed(), 'a good client is served')
    const held = [...app.uv.connections].map(({ buffered }) => buffered)
    most = Math.max(most, ...held)
  }
  t.ok(waiting().length > 0, `${waiting().length} are not read from`)
  // What one turn gathers leaves in one piece: the mark is passed by that much at most.
  t.ok(most < high + 2 * 1_048_576, `${most} bytes wait for one of them at most`)
  for (const raw of silent) raw.destroy()
  await until(() => app.uv.connections.size === 1, 'they are gone')
})

t.test('a client that pings and never reads costs no more than the mark', async (t) => {
  const { app, uv } = await listening(t, { limits: { sendBufferHighBytes: 10_000 } })
  const raw = new RawSocket(portOf(uv))
  t.teardown(() => raw.destroy())
  await raw.opened()
  raw.socket.write(upgrade())
  await raw.answer()
  raw.socket.pause()
  const ping = Buffer.from('897d00000000'.padEnd(262, '61'), 'hex')
  const burst = Buffer.concat(Array<Buffer>(5_000).fill(ping))
  for (let n = 0; n < 40 && raw.socket.writable; n++) raw.socket.write(burst)
  for (let n = 0; n < 30; n++) {
    await new Promise((done) => setTimeout(done, 10))
    for (const { buffered } of app.uv.connections) t.ok(buffered < 20_000, `${buffered} bytes wait`)
  }
  t.equal(app.uv.connections.size, 1, 'it was not cut for it')
})

t.test('one connection more than connectionsMax is ended at once', async (t) => {
  const { uv } = await listening(t, { limits: { connectionsMax: 3 } })
  const peers = Array.from({ length: 3 }, () => new RawSocket(portOf(uv)))
  t.teardown(() => {
    for (const raw of peers) raw.destroy()
  })
  await Promise.all(peers.map((raw) => raw.opened()))
  const fourth = new RawSocket(portOf(uv))
  await fourth.ended()
  t.notOk(
    peers.some(({ isEnded }) => isEnded),
    'those at the limit stay',
  )
  peers[0]?.destroy()
  await new Promise((done) => setTimeout(done, 50))
  const fifth = new RawSocket(portOf(uv))
  t.teardown(() => fifth.destroy())
  fifth.socket.write(upgrade())
  t.equal((await fifth.answer()).status, 101, 'and there is room again')
})

t.test('one piece of a frame more than chunksPerMessageMax closes with 1008', async (t) => {
  const { uv } = await listening(t, { limits: { chunksPerMessageMax: 4 } })
  const frame = text(' '.repeat(100))
  const send = async (raw: RawSocket, count: number): Promise<void> => {
    raw.socket.write(frame.subarray(0, 6))
    for (let at = 0; at < count; at++) {
      await new Promise((done) => setTimeout(done, 15))
      raw.socket.write(frame.subarray(6 + at, 7 + at))
    }
  }
  const start = async (): Promise<RawSocket> => {
    const raw = new RawSocket(portOf(uv))
    t.teardown(() => raw.destroy())
    await raw.opened()
    raw.socket.write(upgrade())
    await raw.answer()
    return raw
  }
  const past = await start()
  await send(past, 12)
  t.equal(closeCode(await past.next(isClose, 'a close')), 1008)
  const within = await start()
  await send(within, 3)
  within.socket.write(frame.subarray(9))
  t.match(String((await within.next(({ opcode }) => opcode === 1, 'an answer')).payload), /-32700/)
})
