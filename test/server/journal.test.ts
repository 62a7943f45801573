import t from 'tap'
import { asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import type { App } from '../../src/server/app.ts'
import { follow, listening } from './event-reader.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }
const lpid = asLpid(1)
const page = (call: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT', gfn: number, order = 16) =>
  ({ call, lpid, gpa: asGpa(gfn * PAGE), flags: 0, order }) as const

/** A VM of 4 pages, secure, but frame 2 paged out. */
async function world(app: App = server()) {
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
  await ask(app, 'fillMemory', { path: VM, body: { gpa: PAGE, size: PAGE, tag: 7 } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call(page('H_SVM_PAGE_IN', 1))
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  await uv.call(page('H_SVM_PAGE_OUT', 2))
  return { app, uv }
}

type Event = Record<string, unknown>
const eventsOf = async (app: App, query: Record<string, string>): Promise<Event[]> =>
  (await ask(app, 'listJournal', { query })).body['events'] as Event[]

t.test('a refusal is there with the check that said no', async (t) => {
  const { app, uv } = await world()
  await uv.call(page('H_SVM_PAGE_IN', 1, 12))
  const [event, ...rest] = await eventsOf(app, { refused: 'true' })
  t.same(rest, [], 'nothing else was refused')
  t.match(event, {
    kind: 'hypercall',
    lpid: 1,
    call: 'H_SVM_PAGE_IN',
    gfn: 1,
    args: { gpa: '0x10000', order: 12 },
    end: 'done',
    code: -56,
    name: 'H_P3',
    reason: { source: 'kvmppc_h_svm_page_in' },
    from: null,
    to: null,
  })
})

t.test(
  'a call is named by its own family, whoever made it, and says what was answered',
  async (t) => {
    const app = server()
    const uv = new FakeUv(app)
    const register = (slotId: number, startGpa: number, size: number, flags = 0) =>
      uv.call({
        call: 'UV_REGISTER_MEM_SLOT',
        lpid,
        startGpa: asGpa(startGpa),
        size,
        flags,
        slotId: asSlotId(slotId),
      })
    const cases = [
      { why: 'a slot', args: [0, 0, PAGE], ret: 0, name: 'U_SUCCESS' },
      { why: 'at no page', args: [1, PAGE + 1, PAGE], ret: -55, name: 'U_P2', says: 'start_gpa' },
      { why: 'of no page', args: [1, PAGE, 0], ret: -56, name: 'U_P3', says: 'size' },
      { why: 'with flags', args: [1, PAGE, PAGE, 1], ret: -57, name: 'U_P4', says: 'flags' },
      { why: 'number 512', args: [512, PAGE, PAGE], ret: -58, name: 'U_P5', says: 'slotid' },
      { why: 'over another', args: [1, 0, PAGE], ret: -55, name: 'U_P2', says: 'overlaps' },
      { why: 'twice', args: [0, PAGE, PAGE], ret: -58, name: 'U_P5', says: 'overlaps' },
    ] as const
    for (const { why, args, ret, name, ...more } of cases) {
      const [slotId, at, size, flags] = args
      t.equal(await register(slotId, at, size, flags), ret, why)
      const [event] = await eventsOf(app, { kind: 'hypercall', limit: '1' })
      t.match(event, { kind: 'hypercall', code: ret, name }, why)
      if ('says' in more) t.match(event?.['reason'], { why: new RegExp(more.says) }, why)
      else t.equal(event?.['reason'], null)
    }
    t.equal(app.hv.framesTotal, 1)
    await uv.call({ call: 'UV_UNREGISTER_MEM_SLOT', lpid, slotId: asSlotId(0) })
    const [gone] = await eventsOf(app, { kind: 'hypercall', limit: '1' })
    t.match(gone, { code: 0, name: 'U_SUCCESS' })
    t.equal(app.hv.framesTotal, 0)
  },
)

t.test('an ultracall and a transition name the call in which they happened', async (t) => {
  const { app } = await world()
  const [out] = await eventsOf(app, { call: 'H_SVM_PAGE_OUT', kind: 'hypercall' })
  const [asked] = await eventsOf(app, { call: 'UV_PAGE_OUT' })
  const [change] = await eventsOf(app, { call: 'H_SVM_PAGE_OUT', kind: 'frames' })
  t.match(asked, { parent: out?.['serial'], kind: 'ultracall', gfn: 2, name: 'U_SUCCESS' })
  t.match(change, { parent: out?.['serial'], from: 'secure', to: 'paged_out', gfn: 2, count: 1 })
})

t.test('events are found by VM, frame, code and serial, from either end', async (t) => {
  const { app, uv } = await world()
  await ask(app, 'createVm', { body: { lpid: 2, slots: [{ size: PAGE }] } })
  t.ok((await eventsOf(app, { lpid: '1' })).every((event) => event['lpid'] === 1))
  t.same(
    (await eventsOf(app, { lpid: '2', order: 'oldest' })).map(({ kind, call }) => [kind, call]),
    [
      ['vm', 'create'],
      ['operation', 'add_slot'],
      ['frames', 'add_slot'],
    ].slice(0, (await eventsOf(app, { lpid: '2' })).length),
  )
  await uv.call(page('H_SVM_PAGE_IN', 1, 12))
  t.same(
    (await eventsOf(app, { code: '-56' })).map(({ call }) => call),
    ['H_SVM_PAGE_IN'],
  )
  const { body } = await ask(app, 'listJournal', { query: { limit: '2', order: 'oldest' } })
  t.match(body, { oldest: 1, more: true })
  t.same(
    (body['events'] as Event[]).map(({ serial }) => serial),
    [1, 2],
  )
  const newest = await eventsOf(app, { limit: '1' })
  t.equal(newest[0]?.['serial'], (await ask(app, 'listJournal')).body['last'])
  t.same(await eventsOf(app, { since: String(newest[0]?.['serial']) }), [])
  t.same(
    (await eventsOf(app, { before: '3' })).map(({ serial }) => serial),
    [2, 1],
  )
})

t.test('what does not fit is named', async (t) => {
  const app = server()
  const bad = { lpid: '0', gfn: 'x', code: '1e3', kind: 'calls', refused: '1', limit: '10001' }
  t.same(fieldsOf(await ask(app, 'listJournal', { query: { ...bad, order: 'up' } })), [
    'query.lpid',
    'query.gfn',
    'query.code',
    'query.kind',
    'query.refused',
    'query.limit',
    'query.order',
  ])
  t.equal((await ask(app, 'listJournal', { query: { limit: '10000' } })).status, 200)
})

t.test('the history of a frame stands in its detail and for itself, newest first', async (t) => {
  const { app } = await world()
  const path = { lpid: 1, gfn: 2 }
  const { changes } = (await ask(app, 'getFrameHistory', { path })).body as { changes: Event[] }
  t.match(changes, [
    { from: 'secure', to: 'paged_out', call: 'H_SVM_PAGE_OUT', code: 0, name: 'H_SUCCESS' },
    { from: 'normal', to: 'secure', call: 'H_SVM_INIT_DONE', code: 0 },
  ])
  t.same((await ask(app, 'getFrame', { path })).body['history'], changes)
  const of = async (lpid: number, gfn: number) =>
    problemOf(await ask(app, 'getFrameHistory', { path: { lpid, gfn } }))
  t.equal(await of(1, 4), 'frame-unknown')
  t.equal(await of(2, 0), 'vm-unknown')
})

t.test('counters tell calls by code and pages, of a VM and of the host', async (t) => {
  const { app, uv } = await world()
  await uv.call(page('H_SVM_PAGE_IN', 1, 12))
  const { body } = await ask(app, 'getVmCounters', { path: VM })
  t.match(body, { pages: { pages_in: 1, pages_out: 1, frames_secured: 3, faults: 0 } })
  const calls = body['calls'] as Event[]
  t.same(
    calls.filter(({ call }) => call === 'H_SVM_PAGE_IN'),
    [
      { call: 'H_SVM_PAGE_IN', code: 0, name: 'H_SUCCESS', count: 1 },
      { call: 'H_SVM_PAGE_IN', code: -56, name: 'H_P3', count: 1 },
    ],
  )
  t.equal(problemOf(await ask(app, 'getVmCounters', { path: { lpid: 2 } })), 'vm-unknown')
  await ask(app, 'deleteVm', { path: VM })
  const host = (await ask(app, 'getHostCounters')).body
  t.match(host, { pages: { pages_in: 1, pages_out: 1 }, pool_max: 4, sessions_opened: 1 })
})

t.test('the stream tells calls when they have ended, and only those that are wanted', async (t) => {
  const { app, uv } = await world()
  const url = await listening(app)
  t.teardown(() => app.close())
  const { next, leave, type } = await follow(`${url}/v1/journal/stream?call=H_SVM_PAGE_OUT`)
  t.match(type, 'text/event-stream')
  const idNow = () => `${app.inspected.journal.run}.${app.inspected.journal.ended}`
  t.match(await next(), { id: idNow(), events: [], lost: 0 }, 'at once, so that one knows')
  await uv.call(page('H_SVM_PAGE_OUT', 3))
  const message = await next()
  t.match(message, { events: [{ kind: 'frames' }, { kind: 'hypercall', gfn: 3 }], lost: 0 })
  t.equal(message?.events.length, 2, 'the ultracall is another call')
  t.equal(message?.id, idNow())
  leave()
  for (let i = 0; i < 400 && app.inspected.journal.followers > 0; i++) {
    await new Promise((done) => setTimeout(done, 5))
  }
  t.equal(app.inspected.journal.followers, 0, 'who has gone is followed no more')
})

t.test('who comes again is told what has ended meanwhile, and no more', async (t) => {
  const { app, uv } = await world()
  const url = await listening(app)
  t.teardown(() => app.close())
  const stream = `${url}/v1/journal/stream?kind=hypercall`
  const first = await follow(`${stream}&backlog=1000`)
  await first.next()
  await uv.call(page('H_SVM_PAGE_OUT', 1))
  const seen = await first.next()
  t.match(seen, { events: [{ call: 'H_SVM_PAGE_OUT', gfn: 1 }] })
  first.leave()
  await uv.call(page('H_SVM_PAGE_OUT', 3))
  const missed = { events: [{ call: 'H_SVM_PAGE_OUT', gfn: 3 }], lost: 0 }
  const id = seen?.id ?? ''
  for (const [query, headers] of [
    ['', { 'last-event-id': id }],
    [`&since=${id}`, {}],
  ] as const) {
    const { next, leave } = await follow(`${stream}${query}`, headers)
    const message = await next()
    t.match(message, missed)
    t.equal(message?.events.length, 1, 'nothing that was told before')
    leave()
  }
  const { next, leave } = await follow(stream, { 'last-event-id': 'x' })
  t.same((await next())?.events, [], 'an id of somebody else is as good as none')
  leave()
  const other = await follow(stream, { 'last-event-id': 'other-1.3' })
  t.equal((await other.next())?.events.length, 6, 'of another server: everything is news')
  other.leave()
})

t.test(
  'who is cut off again and again is told each event once, in the order of their ends',
  async (t) => {
    const { app, uv } = await world()
    const url = await listening(app)
    t.teardown(() => app.close())
    const calls = 24
    // All in one turn: they have one time, and each ends after its own ultracall has.
    const together = () =>
      Promise.all([0, 1, 2, 3, 4, 5].map(() => uv.call(page('H_SVM_PAGE_IN', 1, 12))))
    const start = await follow(`${url}/v1/journal/stream?kind=hypercall`)
    let id = (await start.next())?.id ?? ''
    start.leave()
    const told: number[] = []
    while (told.length < calls) {
      if (told.length % 6 === 0) await together()
      const { next, leave } = await follow(`${url}/v1/journal/stream?kind=hypercall&most=2`, {
        'last-event-id': id,
      })
      const message = await next()
      t.equal(message?.lost, 0)
      told.push(...(message?.events.map(({ serial }) => Number(serial)) ?? []))
      id = message?.id ?? ''
      leave()
    }
    const [{ serial: last } = { serial: 0 }] = await eventsOf(app, { kind: 'hypercall' })
    const wanted = Array.from({ length: calls }, (_, i) => Number(last) - calls + 1 + i)
    t.same(told, wanted, 'none twice, none left out')
  },
)

t.test('events that the ring has lost are counted', async (t) => {
  const { app, uv } = await world(server({ app: { journalEvents: 8 } }))
  const url = await listening(app)
  t.teardown(() => app.close())
  for (let i = 0; i < 20; i++) await uv.call(page('H_SVM_PAGE_IN', 1, 12))
  const { last, oldest } = (await ask(app, 'listJournal')).body as Record<string, number>
  t.equal((last ?? 0) - (oldest ?? 0), 7, 'eight are kept')
  const { next, leave } = await follow(
    `${url}/v1/journal/stream?since=${app.inspected.journal.run}.1`,
  )
  const message = await next()
  t.equal(message?.events.length, 8)
  const ended = app.inspected.journal.ended
  t.equal(message?.lost, ended - 1 - 8, 'all that ended after the one that was seen, but for these')
  leave()
})

t.test('a flood loses events, not the server: the message says how many', async (t) => {
  const { app, uv } = await world()
  const url = await listening(app)
  t.teardown(() => app.close())
  const { next, leave } = await follow(`${url}/v1/journal/stream?kind=hypercall&most=3`)
  await next()
  await Promise.all(Array.from({ length: 10 }, () => uv.call(page('H_SVM_PAGE_IN', 1, 12))))
  let told = 0
  let lost = 0
  while (told + lost < 10) {
    const message = await next()
    told += message?.events.length ?? 0
    lost += message?.lost ?? 0
    t.ok((message?.events.length ?? 0) <= 3)
  }
  t.equal(told + lost, 10)
  t.ok(lost > 0)
  leave()
})

t.test('64 may follow, and one more is told so; the end of the server ends them all', async (t) => {
  const { app } = await world()
  const url = await listening(app)
  const followed = []
  for (let i = 0; i < 64; i++) followed.push(await follow(`${url}/v1/journal/stream`))
  const refused = await fetch(`${url}/v1/journal/stream`)
  t.equal(refused.status, 429)
  t.match(await refused.json(), { limit: 'journalFollowersMax', max: 64 })
  const start = performance.now()
  await app.close()
  t.ok(performance.now() - start < 900, 'nobody waits for streams')
  for (const { next } of followed) {
    await next()
    t.equal(await next(), undefined)
  }
  t.equal(app.inspected.journal.followers, 0)
})
