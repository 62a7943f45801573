/** The compact map of frames: its form, its ETag, what changed since, and what it costs. */
import t, { type Test } from 'tap'
import { asDevicePfn, asGfn, asGpa, asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import type { App } from '../../src/server/app.ts'
import { StateWord, secureWord } from '../../src/uvmem/frame-state.ts'
import { readMap } from './frame-map-reader.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const LPID = 1
const path = { lpid: LPID }
const PAGE = 65_536

const pageIn = (gfn: number, flags = 0) =>
  ({ call: 'H_SVM_PAGE_IN', lpid: asLpid(LPID), gpa: asGpa(gfn * PAGE), flags, order: 16 }) as const
const pageOut = (gfn: number) =>
  ({
    call: 'H_SVM_PAGE_OUT',
    lpid: asLpid(LPID),
    gpa: asGpa(gfn * PAGE),
    flags: 0,
    order: 16,
  }) as const
const initStart = { call: 'H_SVM_INIT_START', lpid: asLpid(LPID) } as const

async function world(t: Test, slots: object[]): Promise<{ app: App; uv: FakeUv }> {
  const app = server()
  t.teardown(() => app.close())
  await ask(app, 'createVm', { body: { lpid: LPID, slots } })
  return { app, uv: new FakeUv(app) }
}

const map = async (app: App, query: Record<string, string> = {}) => {
  const { bytes, headers } = await ask(app, 'getFrameMap', { path, query })
  return { ...readMap(bytes), etag: String(headers['etag']).replaceAll('"', '') }
}

t.test('the map of a normal VM is one run for each slot', async (t) => {
  const { app } = await world(t, [
    { size: 20 * PAGE },
    { gpa: '0x1000000000', size: 3 * PAGE, id: 7 },
  ])
  const { whole, next, slots, patches } = await map(app)
  t.equal(whole, true)
  t.equal(next, -1, 'nothing is left')
  t.same(slots, [
    [0, 20, 0],
    [0x10_0000, 3, 7],
  ])
  t.same(patches, [
    { from: 0, form: 'runs', states: 'n'.repeat(20) },
    { from: 0x10_0000, form: 'runs', states: 'nnn' },
  ])
})

t.test('every state has its two bits', async (t) => {
  const { app, uv } = await world(t, [{ size: 100 * PAGE }])
  await uv.call(initStart)
  t.equal(await uv.call(pageIn(1)), 0)
  t.equal(await uv.call(pageIn(2, 1)), 0)
  t.equal(await uv.call(pageIn(3)), 0)
  t.equal(await uv.call(pageOut(3)), 0)
  const { patches } = await map(app)
  const want = { from: 0, form: 'runs', states: `nsho${'n'.repeat(96)}` }
  t.same(patches, [want], 'five runs take 20 bytes, packed frames 28')
  const part = await map(app, { from: '1', frames: '3' })
  t.same(part.patches, [{ from: 1, form: 'packed', states: 'sho' }], 'runs would take 12 bytes')
  t.equal(part.next, 4, 'where to go on')
})

t.test(
  'an ETag stays as long as nothing changes, and goes with a state, a slot, a VM',
  async (t) => {
    const { app, uv } = await world(t, [{ size: 64 * PAGE }])
    await uv.call(initStart)
    const tags = [(await map(app)).etag]
    t.equal((await map(app)).etag, tags[0], 'looking changes nothing')
    await ask(app, 'touchFrame', { path: { lpid: LPID, gfn: 5 } })
    t.equal((await map(app)).etag, tags[0], 'a touch of a normal frame changes no state')
    await uv.call(pageIn(1))
    tags.push((await map(app)).etag)
    await uv.call(pageIn(2, 1))
    tags.push((await map(app)).etag)
    await ask(app, 'addSlot', { path, body: { size: PAGE } })
    tags.push((await map(app)).etag)
    await ask(app, 'deleteVm', { path })
    await ask(app, 'createVm', { body: { lpid: LPID, slots: [{ size: 64 * PAGE }] } })
    tags.push((await map(app)).etag)
    t.equal(new Set(tags).size, 5, tags.join(' '))
  },
)

t.test('who has the map gets 304 and no body', async (t) => {
  const { app, uv } = await world(t, [{ size: 64 * PAGE }])
  const get = (tag: string) =>
    app.http.inject({
      url: '/v1/vms/1/map',
      headers: { host: '127.0.0.1', 'if-none-match': tag },
    })
  const { etag } = await map(app)
  for (const tag of [`"${etag}"`, `W/"${etag}"`, `"other", "${etag}"`, '*']) {
    const { statusCode, rawPayload, headers } = await get(tag)
    t.same([statusCode, rawPayload.length], [304, 0], tag)
    t.equal(headers.etag, `"${etag}"`)
  }
  t.equal((await get('"other"')).statusCode, 200)
  t.equal((await get(etag)).statusCode, 200, 'a tag has quotes')
  await uv.call(initStart)
  await uv.call(pageIn(0))
  t.equal((await get(`"${etag}"`)).statusCode, 200, 'after a change')
})

t.test('since gives what may have changed, and everything when that is not known', async (t) => {
  const { app, uv } = await world(t, [{ size: 3_000 * PAGE }, { size: 8 * PAGE }])
  await uv.call(initStart)
  const first = await map(app)
  t.same((await map(app, { since: first.etag })).patches, [], 'nothing')
  await uv.call(pageIn(2_999))
  await uv.call(pageIn(3_000))
  const second = await map(app, { since: first.etag })
  t.equal(second.whole, false)
  t.same(second.slots, [], 'the slots are known')
  const changed = second.patches.map(({ from, states }) => [from, states.length])
  t.same(changed, [
    [2_048, 952],
    [3_000, 8],
  ])
  t.equal(second.patches[0]?.states, `${'n'.repeat(951)}s`)
  t.equal(second.patches[1]?.states, `s${'n'.repeat(7)}`)
  t.same((await map(app, { since: second.etag })).patches, [])
  await ask(app, 'addSlot', { path, body: { size: PAGE } })
  for (const since of [first.etag, second.etag, 'a-b-c', `${second.etag}zzz`]) {
    const { whole, slots } = await map(app, { since })
    t.same([whole, slots.length], [true, 3], since)
  }
})

t.test('a map goes on where the one before it ended', async (t) => {
  const { app, uv } = await world(t, [{ size: 10 * PAGE }, { gpa: '0x1000000', size: 10 * PAGE }])
  await uv.call(initStart)
  await uv.call(pageIn(9))
  const first = await map(app, { frames: '10' })
  t.equal(first.next, 256, 'the hole is left out')
  const second = await map(app, { from: String(first.next), frames: '10' })
  t.equal(second.next, -1)
  t.same(
    [first.patches[0]?.states, second.patches[0]?.states],
    [`${'n'.repeat(9)}s`, 'n'.repeat(10)],
  )
  t.same((await map(app, { from: '300' })).patches, [], 'behind the last slot is nothing')
})

t.test('bad wishes are refused by name', async (t) => {
  const { app } = await world(t, [{ size: PAGE }])
  t.equal(problemOf(await ask(app, 'getFrameMap', { path: { lpid: 9 } })), 'vm-unknown')
  const cases = [
    { query: { since: '"x"' }, field: 'query.since' },
    { query: { frames: '0' }, field: 'query.frames' },
    { query: { frames: '16777217' }, field: 'query.frames' },
    { query: { from: '-1' }, field: 'query.from' },
    { query: { gzip: '1' }, field: 'query.gzip' },
  ]
  for (const { query, field } of cases) {
    const answer = await ask(app, 'getFrameMap', { path, query })
    t.equal(answer.status, 400)
    t.same(fieldsOf(answer), [field])
  }
  t.equal((await ask(app, 'getFrameMap', { path, query: { frames: '16777216' } })).status, 200)
})

t.test('1.6 million frames in any disorder take less than 450 KB and 30 ms', async (t) => {
  const frames = 1_638_400
  const { app, uv } = await world(t, [{ size: frames * PAGE }])
  await uv.call(initStart)
  const [slot] = app.hv.vm(asLpid(LPID))?.uvmem.list() ?? []
  const seed = 20_260
  t.comment(`seed ${seed}`)
  const random = prng(seed)
  const words = [StateWord.Normal, StateWord.Shared, StateWord.PagedOut]
  let letters = ''
  for (let gfn = 0; gfn < frames; gfn++) {
    const choice = random.int(4)
    slot?.words.set(gfn, choice === 3 ? secureWord(asDevicePfn(gfn)) : (words[choice] ?? 0))
    letters += 'nhos'[choice]
  }
  const times: number[] = []
  let bytes: Uint8Array = new Uint8Array()
  for (let i = 0; i < 7; i++) {
    // Time of the processor, as other tests may run beside this one.
    const began = process.cpuUsage()
    ;({ bytes } = await ask(app, 'getFrameMap', { path }))
    const { user, system } = process.cpuUsage(began)
    times.push((user + system) / 1_000)
  }
  times.sort((a, b) => a - b)
  t.comment(`${bytes.length} bytes, ${times.map((ms) => ms.toFixed(1)).join(' ')} ms`)
  t.ok(bytes.length < 450_000)
  t.ok((times[3] ?? 99) < 30, 'the median')
  t.equal(readMap(bytes).patches[0]?.states === letters, true, 'every frame is right')
})

t.test('maps of random frames are what the frames are, one by one', async (t) => {
  const { app, uv } = await world(t, [{ size: 5_000 * PAGE }, { size: 37 * PAGE }])
  await uv.call(initStart)
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  const random = prng(seed)
  const model = Array.from({ length: 5_037 }, () => 'n')
  const kinds = ['n', 's', 'o', 'h'] as const
  const wordOf = { n: StateWord.Normal, o: StateWord.PagedOut, h: StateWord.Shared }
  let known = await map(app)
  const seen = [...model]
  for (let round = 0; round < 60; round++) {
    const from = random.int(5_037)
    const count = Math.min(5_037 - from, 1 + random.int(round % 3 === 0 ? 2_500 : 40))
    for (let gfn = from; gfn < from + count; gfn++) {
      const kind = kinds[random.int(4)] ?? 'n'
      const uvmem = app.hv.vm(asLpid(LPID))?.uvmem.at(asGfn(gfn))
      const word = kind === 's' ? secureWord(asDevicePfn(gfn)) : wordOf[kind]
      uvmem?.words.set(gfn - uvmem.base, word)
      model[gfn] = kind
    }
    known = await map(app, { since: known.etag })
    for (const { from: at, states } of known.patches) {
      for (let i = 0; i < states.length; i++) seen[at + i] = states[i] ?? ''
    }
    t.equal(seen.join('') === model.join(''), true, `round ${round}: what changed was told`)
    const start = random.int(5_037)
    const part = await map(app, { from: String(start), frames: String(1 + random.int(100)) })
    const shown = part.patches.map(({ states }) => states).join('')
    t.equal(shown, model.slice(start, start + shown.length).join(''), `round ${round}: a part`)
  }
})
