/** The emulator inside another program: what `import { createEmulator } from 'uvmem'` gives. */
import t from 'tap'
import {
  asGpa,
  asLpid,
  asSlotId,
  buildGuest,
  createEmulator,
  disagreementsOf,
  HvRest,
  hvRunsOf,
  loadGuest,
  nodeSha512,
  PAGE_SIZE,
  randomSource,
  version,
} from '../src/index.ts'

const LPID = asLpid(7)

t.test('a whole switch inside one process, and both sides agree on every frame', async (t) => {
  await using emulator = await createEmulator({ poolPages: 1_024 })
  await using other = await createEmulator()
  const client = await emulator.connect({ name: 'suite', protocol: 'bin' })
  const slots = [{ id: asSlotId(0), start: asGpa(0), size: 512 * PAGE_SIZE }]
  const files = { kernel: randomSource(2 ** 20, 1), initrd: randomSource(2 ** 16, 2) }
  const guest = buildGuest({ ...files, bootargs: 'quiet', slots, sha512: nodeSha512 })
  if (typeof guest === 'string') throw new Error(guest)
  const svm = client.svm(LPID)
  t.equal(await svm.registerSlot(asSlotId(0), asGpa(0), 512 * PAGE_SIZE), 0)
  await loadGuest(emulator.rest, LPID, guest, files)
  const wish = { kernelBase: guest.kernelBase, tree: guest.fdtGpa, strategy: 'necessary' } as const
  t.match(await svm.esm(wish), { ret: 0 })
  t.equal(svm.life, 'secure')
  t.match(await emulator.rest.call('getVm', { path: { lpid: 7 } }), {
    state: 'secure',
    frames: 512,
  })
  const runs = await hvRunsOf(emulator.rest, LPID)
  t.same(disagreementsOf(runs, [...svm.frames()]), [])
  t.match(await emulator.rest.call('listSessions'), { sessions: [{ name: 'suite', lpids: [7] }] })

  t.not(other.url, emulator.url)
  t.match(await other.rest.call('getHost'), { vms: 0, sessions: 0 }, 'the other one saw nothing')
})

t.test('what it is made with shows', async (t) => {
  const limits = { sessionsMax: 1 }
  await using emulator = await createEmulator({ profile: 'series-v2', poolPages: 3, limits })
  t.match(await emulator.rest.call('getHost'), {
    version,
    profile: 'series-v2',
    pool: { size: 3, used: 0 },
    // The default of every other limit stays.
    limits: { sessionsMax: 1, vmsMax: 4_095 },
  })
  t.match(version, /^\d+\.\d+\.\d+/)
  t.match(emulator.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal(emulator.uvUrl, `${emulator.url.replace('http', 'ws')}/v1/uv`)
  const first = await emulator.connect()
  await t.rejects(emulator.connect(), { name: 'UvCallError' }, 'the second session is one too many')
  first.close()
})

t.test('a token is shown by its own clients and asked of all others', async (t) => {
  await using emulator = await createEmulator({ token: 'sesame' })
  t.match(await emulator.rest.call('getHost'), { sessions: 0 })
  const client = await emulator.connect()
  t.match(await emulator.rest.call('getHost'), { sessions: 1 })
  client.close()
  const stranger = new HvRest({ url: emulator.url })
  await t.rejects(stranger.call('getHost'), { name: 'RestError', status: 401 })
})

t.test('closing it ends its clients, and may be done twice', async (t) => {
  const emulator = await createEmulator()
  const endings: number[] = []
  let told: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    told = resolve
  })
  const client = await emulator.connect({
    ended: ({ code }) => {
      endings.push(code)
      told()
    },
  })
  await Promise.all([emulator.close(), emulator.close(), ended])
  t.equal(endings.length, 1, 'the client is told once how it ended')
  const late = client
    .svm(LPID)
    .registerSlot(asSlotId(0), asGpa(0), PAGE_SIZE)
    .then(() => undefined)
  await t.rejects(late, { name: 'UvCallError', code: 'CONNECTION_LOST' })
  await t.rejects(emulator.rest.call('getHost'), { name: 'RestError', status: 0 })
  await t.rejects(emulator.connect(), { name: 'ConnectError' })
})

t.test('options that do not fit are named', async (t) => {
  const cases = [
    [{ poolPages: -1 }, /^createEmulator: poolPages: /],
    [{ profile: 'linux-7' }, /^createEmulator: profile: /],
    [{ window: 0 }, /^createEmulator: window: /],
    [{ limits: { sessionsMax: 0 } }, /^createEmulator: limits\.sessionsMax: /],
    [{ limits: { vmsMax: 4_096 } }, /^createEmulator: limits\.vmsMax: /],
    [{ limits: { sendBufferBytesMax: 2_097_151 } }, /limits\.sendBufferBytesMax: .*2097152/],
    [{ pool: '8GiB' }, /^createEmulator: .*"pool"/],
  ] as const
  for (const [options, message] of cases) {
    const made = createEmulator(options as object)
    await t.rejects(made, { name: 'TypeError', message })
  }
  const emulator = await createEmulator({
    limits: { vmsMax: 4_095, sendBufferBytesMax: 2_097_152 },
  })
  const port = Number(new URL(emulator.url).port)
  await t.rejects(createEmulator({ port }), { code: 'EADDRINUSE' })
  await emulator.close()
})
