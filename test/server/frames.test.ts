import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }
const lpid = asLpid(1)
const pageIn = (gfn: number, flags = 0) =>
  ({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(gfn * PAGE), flags, order: 16 }) as const

/** Frames 0 to 7 secure, but 2 shared and 5 paged out. */
async function mixedVm() {
  const app = server()
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 8 * PAGE }] } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call(pageIn(2, 1))
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  await uv.call({ call: 'H_SVM_PAGE_OUT', lpid, gpa: asGpa(5 * PAGE), flags: 0, order: 16 })
  return { app, uv }
}

t.test('frames are listed as runs of one state', async (t) => {
  const { app } = await mixedVm()
  t.same((await ask(app, 'listFrames', { path: VM })).body, {
    runs: [
      { from: 0, count: 2, state: 'secure' },
      { from: 2, count: 1, state: 'shared' },
      { from: 3, count: 2, state: 'secure' },
      { from: 5, count: 1, state: 'paged_out' },
      { from: 6, count: 2, state: 'secure' },
    ],
    next: null,
  })
  t.same((await ask(app, 'countFrames', { path: VM })).body, {
    normal: 0,
    secure: 6,
    paged_out: 1,
    shared: 1,
  })
})

t.test(
  'runs by backing show PFNs and real addresses, and end where they stop counting',
  async (t) => {
    const { app } = await mixedVm()
    t.same((await ask(app, 'listFrames', { path: VM, query: { by: 'backing' } })).body, {
      runs: [
        { from: 0, count: 2, state: 'secure', pfn: 0, maps: 'device', ra: null },
        { from: 2, count: 1, state: 'shared', pfn: null, maps: 'frame', ra: '0x10000' },
        { from: 3, count: 2, state: 'secure', pfn: 2, maps: 'device', ra: null },
        { from: 5, count: 1, state: 'paged_out', pfn: null, maps: 'frame', ra: '0x20000' },
        { from: 6, count: 2, state: 'secure', pfn: 5, maps: 'device', ra: null },
      ],
      next: null,
    })
  },
)

t.test('a list is filtered by state and goes page by page', async (t) => {
  const { app } = await mixedVm()
  const list = async (query: Record<string, string>) => {
    const { body } = await ask(app, 'listFrames', { path: VM, query })
    return [(body['runs'] as { from: number }[]).map(({ from }) => from), body['next']]
  }
  t.same(await list({ state: 'secure' }), [[0, 3, 6], null])
  t.same(await list({ state: 'normal' }), [[], null])
  t.same(await list({ state: 'secure', limit: '2' }), [[0, 3], 6])
  t.same(await list({ state: 'secure', limit: '2', from: '6' }), [[6], null])
  t.same(await list({ from: '4' }), [[4, 5, 6], null], 'a run begins where the list does')
  t.same(await list({ from: '8' }), [[], null])
})

t.test('slots that touch make one run, slots apart make two', async (t) => {
  const app = server()
  const slots = [{ size: PAGE }, { size: PAGE }, { gpa: 9 * PAGE, size: PAGE }]
  await ask(app, 'createVm', { body: { lpid: 1, slots } })
  t.same((await ask(app, 'listFrames', { path: VM })).body['runs'], [
    { from: 0, count: 2, state: 'normal' },
    { from: 9, count: 1, state: 'normal' },
  ])
})

t.test('a VM of 1 TB is listed and counted at once', async (t) => {
  const app = server({ hv: { poolPages: 2 ** 24 } })
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 2 ** 40 }] } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  const start = performance.now()
  t.same((await ask(app, 'listFrames', { path: VM })).body['runs'], [
    { from: 0, count: 2 ** 24, state: 'secure' },
  ])
  t.match((await ask(app, 'countFrames', { path: VM })).body, { secure: 2 ** 24 })
  t.ok(performance.now() - start < 2_000, 'well below the time of looking at every frame')
})

t.test('one frame in detail, without touching it', async (t) => {
  const { app, uv } = await mixedVm()
  const asked = uv.asked.length
  const { history, ...facts } = (await ask(app, 'getFrame', { path: { lpid: 1, gfn: 3 } })).body
  t.same(facts, {
    gfn: 3,
    gpa: '0x30000',
    slot: 0,
    state: 'secure',
    tracked: true,
    pfn: 2,
    host: { maps: 'device', ra: null, pfn: 2, content: null, swapped: false },
    pinned: false,
  })
  t.match(history, [{ from: 'normal', to: 'secure', call: 'H_SVM_INIT_DONE' }])
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: '0x5' } })).body, {
    state: 'paged_out',
    pfn: null,
    host: { maps: 'frame', ra: '0x20000', pfn: null, content: 'tag' },
  })
  t.equal(uv.asked.length, asked, 'the ultravisor was not asked')
  t.equal(problemOf(await ask(app, 'getFrame', { path: { lpid: 1, gfn: 8 } })), 'frame-unknown')
})

t.test('the host touches a secure frame: it is paged out', async (t) => {
  const { app, uv } = await mixedVm()
  t.same((await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 3 } })).body, {
    code: 0,
    name: 'OK',
  })
  t.match(uv.asked.at(-1), { call: 'UV_PAGE_OUT', gpa: 3 * PAGE })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 3 } })).body, { state: 'paged_out' })
})

t.test(
  'a touch that the ultravisor refuses is SIGBUS, with the reason, and the frame stays',
  async (t) => {
    const { app, uv } = await mixedVm()
    uv.answers = () => -4
    const answer = await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 3 } })
    t.equal(answer.status, 409)
    t.match(answer.body, { code: -7, name: 'SIGBUS', reason: { source: 'kvmppc_svm_page_out' } })
    t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 3 } })).body, {
      state: 'secure',
      pfn: 2,
    })
  },
)

t.test('without free frames nothing is paged out', async (t) => {
  const { app, uv } = await mixedVm()
  t.same((await ask(app, 'denyFrames', { body: { denied: true } })).body, { denied: true })
  t.match((await ask(app, 'getHost')).body, { frames: { denied: true } })
  const asked = uv.asked.length
  t.match((await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 3 } })).body, {
    name: 'SIGBUS',
    reason: { source: 'alloc_page_vma' },
  })
  t.equal(uv.asked.length, asked)
  await ask(app, 'denyFrames', { body: { denied: false } })
  t.equal((await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 3 } })).status, 200)
})

t.test('a pinned frame cannot be migrated until it is let go', async (t) => {
  const app = server()
  const uv = new FakeUv(app)
  const path = { lpid: 1, gfn: 1 }
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 2 * PAGE }] } })
  t.equal((await ask(app, 'pinFrame', { path })).status, 200)
  t.match((await ask(app, 'getFrame', { path })).body, { pinned: true })
  t.match((await ask(app, 'pinFrame', { path })).body, { name: 'EEXIST' })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  t.equal(await uv.call(pageIn(1)), -4)
  t.equal((await ask(app, 'unpinFrame', { path })).status, 200)
  t.match((await ask(app, 'unpinFrame', { path })).body, { name: 'ENOENT', code: -2 })
  t.equal(await uv.call(pageIn(1)), 0)
})

t.test('a frame is reclaimed with its content, or discarded without', async (t) => {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 2 * PAGE }] } })
  const fill = { gpa: 0, size: 2 * PAGE, tag: 7, step: 1 }
  await ask(app, 'fillMemory', { path: VM, body: fill })
  for (const [gfn, how, page] of [
    [0, 'reclaim', { tag: '0x7' }],
    [1, 'discard', null],
  ] as const) {
    const path = { lpid: 1, gfn }
    t.equal((await ask(app, 'unmapFrame', { path, body: { how } })).status, 200)
    t.match((await ask(app, 'getFrame', { path })).body, {
      host: { maps: 'nothing', swapped: how === 'reclaim' },
    })
    t.same((await ask(app, 'getPage', { path })).body['page'], page)
  }
})

t.test(
  'a reflected fault sends the page to the ultravisor, outside all slots it is MMIO',
  async (t) => {
    const { app, uv } = await mixedVm()
    t.same((await ask(app, 'faultFrame', { path: { lpid: 1, gfn: 2 } })).body, {
      code: 0,
      name: 'RESUME_GUEST',
    })
    t.match(uv.asked.at(-1), { call: 'UV_PAGE_IN', gpa: 2 * PAGE })
    t.match((await ask(app, 'faultFrame', { path: { lpid: 1, gfn: 99 } })).body, {
      code: -14,
      name: 'EFAULT',
    })
    await ask(app, 'createVm', { body: { lpid: 2 } })
    const mmio = await ask(app, 'faultFrame', { path: { lpid: 2, gfn: 0 } })
    t.same(mmio.body, { code: 2, name: 'RESUME_HOST' }, 'a normal VM: no refusal')
  },
)

t.test('a host fault is said and stays said until the VM is destroyed', async (t) => {
  const { app, uv } = await mixedVm()
  // A second H_SVM_INIT_START shadows all states: any touch of a device page then repeats for ever.
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  for (const name of ['touchFrame', 'pinFrame'] as const) {
    const answer = await ask(app, name, { path: { lpid: 1, gfn: 3 } })
    t.equal(answer.status, 409)
    t.match(answer.body, { type: 'urn:uvmem:problem:host-fault', fault: { kind: 'LIVELOCK' } })
  }
  t.match((await ask(app, 'getVm', { path: VM })).body, { fault: { kind: 'LIVELOCK' } })
  t.equal((await ask(app, 'deleteVm', { path: VM })).status, 200)
})

t.test('unknown VMs, frames in no slot, and fields that do not fit', async (t) => {
  const { app } = await mixedVm()
  const before = app.hv.host.ram.used
  const operations = ['touchFrame', 'unmapFrame', 'pinFrame', 'unpinFrame', 'faultFrame'] as const
  for (const name of operations) {
    const body = name === 'unmapFrame' ? { body: { how: 'discard' } } : {}
    t.equal(
      problemOf(await ask(app, name, { path: { lpid: 2, gfn: 0 }, ...body })),
      'vm-unknown',
      name,
    )
    const outside = await ask(app, name, { path: { lpid: 1, gfn: 8 }, ...body })
    t.equal(problemOf(outside), 'refused', name)
    const bad = await ask(app, name, { path: { lpid: 1, gfn: 2 ** 37 }, ...body })
    t.same(fieldsOf(bad), ['path.gfn'], `${name}: one past the last GFN`)
  }
  for (const name of ['listFrames', 'countFrames', 'getFrame'] as const)
    t.equal(problemOf(await ask(app, name, { path: { lpid: 2, gfn: 0 } })), 'vm-unknown', name)
  const badQuery = { state: 'lost', limit: '10001', by: 'x', from: '-1' }
  t.same(fieldsOf(await ask(app, 'listFrames', { path: VM, query: badQuery })), [
    'query.from',
    'query.limit',
    'query.state',
    'query.by',
  ])
  const how = await ask(app, 'unmapFrame', { path: { lpid: 1, gfn: 0 }, body: { how: 'gently' } })
  t.same(fieldsOf(how), ['body.how'])
  t.equal(app.hv.host.ram.used, before, 'no frame was taken')
})
