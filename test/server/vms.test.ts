import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

t.test('a VM is created, shown, listed, deleted, and gone', async (t) => {
  const app = server()
  const made = await ask(app, 'createVm', {
    body: { lpid: 7, slots: [{ size: '0x100000' }, { id: 5, gpa: 0x40000000, size: 65536 }] },
  })
  t.equal(made.status, 201)
  t.equal(made.headers['location'], '/v1/vms/7')
  const facts = {
    lpid: 7,
    state: 'normal',
    secure_guest: 0,
    radix: true,
    svm_enabled: true,
    session: null,
    orphaned: false,
    fault: null,
    slots: 2,
    frames: 17,
    pinned: 0,
    uvmem_slots: 0,
    operations: 0,
  }
  t.same(made.body, facts)
  t.same((await ask(app, 'getVm', { path: { lpid: 7 } })).body, facts)
  t.same((await ask(app, 'getVm', { path: { lpid: '0x7' } })).body, facts, 'hexadecimal will do')
  t.same((await ask(app, 'listVms')).body, { vms: [facts], next: null })
  t.same((await ask(app, 'deleteVm', { path: { lpid: 7 } })).body, { code: 0, name: 'OK' })
  t.equal(problemOf(await ask(app, 'getVm', { path: { lpid: 7 } })), 'vm-unknown')
  t.equal(problemOf(await ask(app, 'deleteVm', { path: { lpid: 7 } })), 'vm-unknown')
  t.same((await ask(app, 'listVms')).body, { vms: [], next: null })
  t.equal(app.hv.framesTotal, 0, 'its pages are counted no more')
})

t.test('slots that leave out id and address follow each other', async (t) => {
  const app = server()
  const sizes = [{ size: 131072 }, { id: 1, size: 65536 }, { size: 65536 }]
  await ask(app, 'createVm', { body: { lpid: 1, slots: sizes } })
  const { body } = await ask(app, 'listSlots', { path: { lpid: 1 } })
  t.match(body, {
    slots: [
      { id: 0, gpa: '0x0', pages: 2 },
      { id: 1, gpa: '0x20000', pages: 1 },
      { id: 2, gpa: '0x30000', pages: 1 },
    ],
  })
})

t.test('a VM without a number gets the lowest free one', async (t) => {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1 } })
  await ask(app, 'createVm', { body: { lpid: 3 } })
  t.match((await ask(app, 'createVm', { body: {} })).body, { lpid: 2 })
  t.match((await ask(app, 'createVm', { body: { radix: false, svm_enabled: false } })).body, {
    lpid: 4,
    radix: false,
    svm_enabled: false,
  })
})

t.test('the list goes page by page', async (t) => {
  const app = server()
  for (const lpid of [9, 2, 4095, 30]) await ask(app, 'createVm', { body: { lpid } })
  const lpids = async (query: Record<string, string>) => {
    const { body } = await ask(app, 'listVms', { query })
    return [(body['vms'] as { lpid: number }[]).map(({ lpid }) => lpid), body['next']]
  }
  t.same(await lpids({ limit: '2' }), [[2, 9], 9])
  t.same(await lpids({ limit: '2', after: '9' }), [[30, 4095], null])
  t.same(await lpids({ limit: '1', after: '30' }), [[4095], null])
  t.same(await lpids({ after: '4095' }), [[], null])
})

t.test('what does not fit is refused, and nothing is made', async (t) => {
  const app = server()
  const cases: [unknown, string[], string][] = [
    [{ lpid: 0 }, ['body.lpid'], 'the host itself'],
    [{ lpid: 4096 }, ['body.lpid'], 'one past the last LPID'],
    [{ lpid: '1' }, ['body.lpid'], 'text'],
    [{ lpid: 1.5 }, ['body.lpid'], 'a fraction'],
    [{ name: 'x' }, ['body.name'], 'an unknown member'],
    [{ radix: 1, svm_enabled: null }, ['body.radix', 'body.svm_enabled'], 'two at once'],
    [[], ['body'], 'a list'],
    [{ slots: {} }, ['body.slots'], 'an object for a list'],
    [{ slots: [{ size: 0 }] }, ['body.slots.0.size'], 'an empty slot'],
    [{ slots: [{ size: 65537 }] }, ['body.slots.0.size'], 'no whole page'],
    [{ slots: [{ size: '65536' }] }, ['body.slots.0.size'], 'decimal text'],
    [{ slots: [{ gpa: 1, size: 65536 }] }, ['body.slots.0.gpa'], 'no page address'],
    [{ slots: [{ gpa: -65536, size: 65536 }] }, ['body.slots.0.gpa'], 'below 0'],
    [{ slots: [{ gpa: '0x20000000000000', size: 65536 }] }, ['body.slots.0.gpa'], '2^53'],
    [
      { slots: [{ gpa: '0x1fffffffff0000', size: 131072 }] },
      ['body.slots.0.size'],
      'an end past 2^53',
    ],
    [{ slots: [{ id: 65536, size: 65536 }] }, ['body.slots.0.id'], 'one past the last id'],
    [
      {
        slots: [
          { id: 1, size: 65536 },
          { id: 1, size: 65536 },
        ],
      },
      ['body.slots'],
      'the same id twice',
    ],
    [
      {
        slots: [
          { gpa: 65536, size: 131072 },
          { gpa: 0, size: 131072 },
        ],
      },
      ['body.slots.0.gpa'],
      'slots that overlap',
    ],
  ]
  for (const [body, fields, why] of cases) {
    const answer = await ask(app, 'createVm', { body })
    t.equal(answer.status, 400, why)
    t.same(fieldsOf(answer), fields, why)
  }
  t.equal(app.hv.host.vms.size, 0)
  t.equal(app.hv.framesTotal, 0)
})

t.test('a bad request says what was sent and what would have fitted', async (t) => {
  const { body } = await ask(server(), 'createVm', { body: { lpid: 4096 } })
  t.same(body, {
    type: 'urn:uvmem:problem:bad-request',
    title: 'The request does not fit.',
    status: 400,
    detail: 'body.lpid: expected the LPID of a guest: an integer 1 to 4095.',
    errors: [
      { field: 'body.lpid', value: 4096, expected: 'the LPID of a guest: an integer 1 to 4095' },
    ],
  })
})

t.test('an LPID is used once', async (t) => {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 65536 }] } })
  const again = await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 655360 }] } })
  t.equal(again.status, 409)
  t.equal(problemOf(again), 'vm-exists')
  t.equal(app.hv.framesTotal, 1, 'the first one is as it was')
})

t.test('limits hold: at the limit yes, one past it no', async (t) => {
  const limits = { vmsMax: 2, slotsPerVmMax: 2, framesPerSlotMax: 4, framesTotalMax: 8 }
  const app = server({ limits })
  const page = { size: 65536 }
  const past = async (slots: object[], limit: string, max: number) => {
    const answer = await ask(app, 'createVm', { body: { slots } })
    t.equal(answer.status, 429, limit)
    t.match(answer.body, { limit, max })
  }
  await past([page, page, page], 'slotsPerVmMax', 2)
  await past([{ size: 5 * 65536 }], 'framesPerSlotMax', 4)
  t.equal(
    (await ask(app, 'createVm', { body: { slots: [{ size: 4 * 65536 }, page] } })).status,
    201,
  )
  await past([{ size: 4 * 65536 }], 'framesTotalMax', 8)
  t.equal((await ask(app, 'createVm', { body: { slots: [{ size: 3 * 65536 }] } })).status, 201)
  await past([], 'vmsMax', 2)
  t.equal(app.hv.host.vms.size, 2)
  t.equal(app.hv.framesTotal, 8)
})

t.test('a VM that turned secure says so, and a reset makes it normal', async (t) => {
  const app = server()
  const uv = new FakeUv(app)
  const lpid = asLpid(1)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 131072 }] } })
  t.equal(await uv.call({ call: 'H_SVM_INIT_START', lpid }), 0)
  t.match((await ask(app, 'getVm', { path: { lpid: 1 } })).body, {
    state: 'transient',
    session: 's1',
    uvmem_slots: 1,
  })
  const page = { call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(0), flags: 0, order: 16 } as const
  t.equal(await uv.call(page), 0)
  t.equal(await uv.call({ call: 'H_SVM_INIT_DONE', lpid }), 0)
  t.match((await ask(app, 'getVm', { path: { lpid: 1 } })).body, { state: 'secure' })
  t.match((await ask(app, 'getHost')).body, { pool: { size: 64, used: 2, free: 62 } })
  t.match((await ask(app, 'listSessions')).body, {
    sessions: [{ id: 's1', name: 'fake', lpids: [1] }],
  })
  t.same((await ask(app, 'resetVm', { path: { lpid: 1 } })).body, { code: 0, name: 'OK' })
  t.match((await ask(app, 'getVm', { path: { lpid: 1 } })).body, { state: 'normal', session: null })
  t.match((await ask(app, 'getHost')).body, { pool: { used: 0 } })
})

t.test('a reset that the ultravisor refuses says why, and nothing changes', async (t) => {
  const app = server()
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 65536 }] } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  uv.answers = ({ call }) => (call === 'UV_SVM_TERMINATE' ? -4 : 0)
  const answer = await ask(app, 'resetVm', { path: { lpid: 1 } })
  t.equal(answer.status, 409)
  t.match(answer.body, {
    type: 'urn:uvmem:problem:refused',
    code: -22,
    name: 'EINVAL',
    reason: { source: 'kvmhv_svm_off', why: 'the ultravisor refused UV_SVM_TERMINATE' },
  })
  t.match((await ask(app, 'getVm', { path: { lpid: 1 } })).body, { state: 'transient' })
})

t.test('paths and queries are checked as well', async (t) => {
  const app = server()
  for (const lpid of ['0', '4096', '-1', 'x', '1e3', '0x', '%31%20']) {
    const answer = await ask(app, 'getVm', { path: { lpid } })
    t.same(fieldsOf(answer), ['path.lpid'], lpid)
  }
  t.same(fieldsOf(await ask(app, 'listVms', { query: { limit: '0' } })), ['query.limit'])
  t.same(fieldsOf(await ask(app, 'listVms', { query: { limit: '1001' } })), ['query.limit'])
  t.same(fieldsOf(await ask(app, 'listVms', { query: { page: '1' } })), ['query.page'])
  t.same(fieldsOf(await ask(app, 'resetVm', { path: { lpid: 1 }, body: { x: 1 } })), ['body'])
})
