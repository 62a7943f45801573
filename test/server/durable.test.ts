import t, { type Test } from 'tap'
import { asGfn, asLpid, asSlotId, gfnAt, gpaOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { type Image, imageOf } from '../../src/load/image.ts'
import { disagreementsOf } from '../../src/peer/frame-agreement.ts'
import { loadGuest } from '../../src/peer/guest-load.ts'
import { HvRest, RestError } from '../../src/peer/hv-rest.ts'
import { hvRunsOf } from '../../src/peer/hv-runs.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import { snapshotOf } from '../../src/uvmem/snapshot.ts'
import { PowerDisk } from '../hv/power-disk.ts'
import { DurableServer } from './durable-server.ts'

const LPID = asLpid(3)
const QUICK = { firstMs: 1, highestMs: 5 }
const PAGES = 40
const FREE_PAGES = 8

async function connect(url: string, protocol: UvProtocol): Promise<UvClient> {
  const client = await connectUv({ url, protocol, window: 8, backoff: QUICK })
  await client.open()
  return client
}

/** Asks REST until there is a server that answers; what it asks may be done twice. */
async function until<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof RestError) || ![0, 503].includes(error.status)) throw error
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

/** A guest turns secure, stores, shares, unshares and loads, while the host pages out what it can. */
async function play(t: Test, client: UvClient, rest: HvRest, image: Image): Promise<void> {
  const svm = client.svm(LPID)
  const { guest } = image
  const esm = { kernelBase: guest.kernelBase, tree: guest.fdtGpa, strategy: 'necessary' } as const
  t.match(await svm.esm(esm), { kind: 'SECURE' })
  const pages = Array.from({ length: FREE_PAGES }, (_, i) => gfnAt(image.free, i))
  for (const [i, gfn] of pages.entries()) {
    t.same(await svm.store(gpaOf(gfn), Uint8Array.of(i, 1, 2)), { kind: 'OK' }, `store ${gfn}`)
    await until(() => rest.call('touchFrame', { path: { lpid: LPID, gfn } }))
  }
  t.same(await svm.sharePages(image.free, 4), { kind: 'RET', ret: 0 })
  t.same(await svm.store(gpaOf(image.free), Uint8Array.of(9)), { kind: 'OK' }, 'into a shared page')
  t.match(await svm.load(gpaOf(image.free), 1), { kind: 'OK', bytes: Uint8Array.of(9) })
  t.same(await svm.unsharePages(image.free, 2), { kind: 'RET', ret: 0 })
  for (const [i, gfn] of pages.entries()) {
    // To share a page, and to unshare it, is to begin with zeros.
    const bytes = i < 4 ? Uint8Array.of(0, 0, 0) : Uint8Array.of(i, 1, 2)
    t.same(await svm.load(gpaOf(gfn), 3), { kind: 'OK', bytes }, `load ${gfn}`)
  }
  t.equal(await svm.registerSlot(asSlotId(1), gpaOf(asGfn(PAGES)), 4 * PAGE_SIZE), 0)
}

async function checkAgreement(t: Test, client: UvClient, rest: HvRest): Promise<void> {
  const runs = await hvRunsOf(rest, LPID)
  t.same(disagreementsOf(runs, client.svm(LPID).frames()), [], 'both sides agree on every frame')
  t.same(client.violations(), [], 'no rule of the ultravisor is broken')
  t.match(await rest.call('getInvariants', {}), { unexplained: 0 })
}

t.test('what REST was told is there after a crash', async (t) => {
  const first = await DurableServer.start(new PowerDisk(), 0)
  const rest = new HvRest({ url: first.url })
  await rest.call('createVm', {
    body: { lpid: LPID, slots: [{ id: 0, gpa: 0, size: 16 * PAGE_SIZE }] },
  })
  await rest.call('touchFrame', { path: { lpid: LPID, gfn: 3 } })
  const before = snapshotOf(first.app.hv.host)
  await first.crash()
  const second = await DurableServer.start(first.disk.losePower(prng(1)), first.port)
  t.same(snapshotOf(second.app.hv.host), before)
  t.ok(second.records >= 5, `${second.records} records`)
  t.equal(second.app.hv.framesTotal, 16)
  await second.crash()
})

for (const { protocol, seed, most } of [
  { protocol: 'json', seed: 11, most: 20 },
  { protocol: 'bin', seed: 12, most: 30 },
] as const) {
  t.test(`a switch goes on over crashes at any step of the disk: ${protocol}`, async (t) => {
    const random = prng(seed)
    const image = imageOf(PAGES, 5)
    if (typeof image === 'string') throw new Error(image)
    let server = await DurableServer.start(new PowerDisk(), 0, { bytesMax: 400_000 })
    const rest = new HvRest({ url: server.url })
    const slots = [{ id: 0, gpa: 0, size: image.size }]
    await rest.call('createVm', { body: { lpid: LPID, slots } })
    await loadGuest(rest, LPID, image.guest, image.files)
    const client = await connect(server.uv, protocol)
    const playing = play(t, client, rest, image)
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    playing.then(over, over)
    let crashes = 0
    while (!isOver) {
      server.disk.failsAt = server.disk.steps.length + 5 + random.int(most)
      while (!isOver && !server.app.hv.stopping)
        await new Promise((resolve) => setTimeout(resolve, 1))
      if (isOver) break
      await server.crash()
      crashes++
      const { disk } = server
      const left = random.int(2) === 0 ? disk.afterKill() : disk.losePower(random)
      server = await DurableServer.start(left, server.port, { bytesMax: 400_000 })
    }
    await playing
    t.ok(crashes >= 4, `seed ${seed}: ${crashes} crashes`)
    server.disk.failsAt = Number.POSITIVE_INFINITY
    const [newest = ''] = server.disk
      .list('dir')
      .filter((name) => /\d/.test(name))
      .sort()
      .reverse()
    t.ok(newest >= 'ledger.000002', `files take over from each other: ${newest}`)
    await until(() => checkAgreement(t, client, rest))
    client.close()
    await server.crash()
  })
}

t.test('a server that is told to end lets its sessions go on in the next run', async (t) => {
  const first = await DurableServer.start(new PowerDisk(), 0)
  const states: string[] = []
  const client = await connectUv({
    url: first.uv,
    backoff: QUICK,
    watch: { line: (state, why) => states.push(`${state}: ${why}`) },
  })
  await client.open()
  const svm = client.svm(LPID)
  t.equal(await svm.registerSlot(asSlotId(0), gpaOf(asGfn(0)), 4 * PAGE_SIZE), 0)
  await first.app.close()
  const second = await DurableServer.start(first.disk.afterKill(), first.port)
  t.equal(await svm.registerSlot(asSlotId(1), gpaOf(asGfn(8)), 4 * PAGE_SIZE), 0)
  t.match(states, [/^resuming: .*1012/, /^connected/])
  t.equal(second.app.hv.vm(LPID)?.slots.size, 2)
  t.equal([...second.app.hv.sessions.list()].length, 1)
  client.close()
  await second.crash()
})

t.test('after a failure of the disk nothing is claimed, and why is told', async (t) => {
  const server = await DurableServer.start(new PowerDisk(), 0)
  const rest = new HvRest({ url: server.url })
  const endings: number[] = []
  const client = await connectUv({
    url: server.uv,
    resumeMsMax: 0,
    ended: ({ code }) => endings.push(code),
  })
  await client.open()
  const slots = [{ id: 0, gpa: 0, size: PAGE_SIZE }]
  await rest.call('createVm', { body: { lpid: 1, slots } })
  server.disk.why = 'ENOSPC: no space left on device'
  server.disk.failsAt = server.disk.steps.length
  const refusal = { status: 503, message: /disk-failed|ENOSPC/ }
  t.match(
    await refusalOf(rest.call('createVm', { body: { lpid: 2, slots } })),
    refusal,
    'who waited',
  )
  t.match(await refusalOf(rest.call('listVms')), refusal, 'who asks later')
  t.match(await refusalOf(rest.call('getReady')), refusal)
  t.match(await rest.call('getLive'), { status: 'ok' }, 'the process is there')
  await t.rejects(connectUv({ url: server.uv, resumeMsMax: 0 }), { message: /503/ })
  while (endings.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  t.same(endings, [4_008])
  await server.crash()
  const next = await DurableServer.start(server.disk.afterKill(), server.port)
  t.same([...next.app.hv.host.vms.keys()], [1], 'the VM that was acknowledged, and no other')
  await next.crash()
})

const refusalOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => undefined,
    (error: unknown) => error,
  )

t.test('a damaged ledger is refused at the start, and cut when that is wanted', async (t) => {
  const first = await DurableServer.start(new PowerDisk(), 0)
  const rest = new HvRest({ url: first.url })
  for (const lpid of [1, 2, 3]) await rest.call('createVm', { body: { lpid, slots: [] } })
  await first.crash()
  const disk = first.disk.afterKill()
  const file = 'dir/ledger.000001'
  const bytes = disk.read(file) ?? new Uint8Array()
  // In the group before the last but one: an empty group follows on each.
  bytes[bytes.length - 64 - 20 - 64 - 64 - 10] = 0xee
  disk.put(file, bytes)
  await t.rejects(DurableServer.start(disk, first.port), /damaged at byte \d+: there should be/)
  const second = await DurableServer.start(disk, first.port, { repair: 'cut' })
  t.ok([...second.app.hv.host.vms.keys()].length < 3)
  t.ok(disk.list('dir').includes('ledger.000001.damaged'))
  await second.crash()
})
