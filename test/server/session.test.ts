import t from 'tap'
import { Line, listening, stateOf, until } from './line.ts'

const OPEN = { name: 'test' }

async function connected(t: Parameters<typeof listening>[0], options = {}) {
  const { app, uv } = await listening(t, options)
  const line = new Line(uv)
  t.teardown(() => line.socket.terminate())
  await line.opened()
  return { app, line, uv }
}

t.test('SESSION_OPEN comes first, once, and says what the host is', async (t) => {
  const { app, line } = await connected(t, { hv: { profile: 'spec', poolPages: 9 } })
  t.match(await line.call('H_SVM_INIT_START', { lpid: 1 }), { error: { code: -32002 } })
  t.equal(app.hv.host.vms.size, 0, 'a call before it does nothing')
  t.match(await line.call('SESSION_OPEN', OPEN), {
    result: {
      ret: 0,
      name: 'H_SUCCESS',
      session: 's1',
      token: /^[\w-]{43}$/,
      host: { page_shift: 16, pool_pages: 9, profile: 'spec' },
    },
  })
  t.match(await line.call('SESSION_OPEN', OPEN), { error: { code: -32012 } })
  t.equal(app.hv.sessions.size, 1)
})

t.test('a token that names no session opens none', async (t) => {
  const { app, line } = await connected(t)
  const answer = await line.call('SESSION_OPEN', { ...OPEN, resume: 'x' })
  t.match(answer, { error: { code: -32002, message: 'No such session.' } })
  t.equal(app.hv.sessions.size, 0)
  t.match(await line.call('SESSION_OPEN', OPEN), { result: { ret: 0 } }, 'another try may follow')
})

t.test('who says nothing is cut, who speaks is not', async (t) => {
  const limits = { handshakeMsMax: 100 }
  const { line, uv } = await connected(t, { limits })
  const speaker = await Line.open(t, uv)
  t.same(await line.closed, { code: 4004, reason: 'SESSION_OPEN did not come in time.' })
  t.match(await speaker.call('H_SVM_INIT_DONE', { lpid: 1 }), { result: { ret: -67 } })
})

t.test('who gives no sign of life is cut, who answers pings is not', async (t) => {
  const limits = { pingIntervalMs: 30, pongWaitMsMax: 90 }
  const { uv } = await listening(t, { limits })
  const alive = await Line.open(t, uv)
  const dead = await Line.open(t, uv, { autoPong: false })
  t.same(await dead.closed, { code: 4003, reason: 'No sign of life.' })
  t.match(await alive.call('H_SVM_INIT_DONE', { lpid: 1 }), { result: { ret: -67 } })
})

t.test('a VM belongs to the session that began with it', async (t) => {
  const { app, uv } = await listening(t)
  const mine = await Line.open(t, uv)
  const other = await Line.open(t, uv)
  const slot = { lpid: 1, start_gpa: 0, size: 131_072, flags: 0, slotid: 0 }
  await mine.call('UV_REGISTER_MEM_SLOT', slot)
  const before = stateOf(app)
  const page = { lpid: 1, gpa: 0, flags: 0, order: 16 }
  for (const [method, params] of [
    ['H_SVM_INIT_START', { lpid: 1 }],
    ['H_SVM_PAGE_IN', page],
    ['H_SVM_PAGE_OUT', page],
    ['H_SVM_INIT_DONE', { lpid: 1 }],
    ['H_SVM_INIT_ABORT', { lpid: 1 }],
    ['UV_REGISTER_MEM_SLOT', { ...slot, slotid: 1, start_gpa: 131_072 }],
    ['UV_UNREGISTER_MEM_SLOT', { lpid: 1, slotid: 0 }],
    ['HDSI', { lpid: 1, gpa: 0 }],
    ['MEM_READ', { lpid: 1, ra: 65_536, offset: 0, length: 1 }],
    ['MEM_WRITE', { lpid: 1, ra: 65_536, offset: 0, bytes: null }],
  ] as const) {
    const answer = await other.call(method, params)
    t.match(answer, { error: { code: -32000, data: { lpid: 1 } } }, method)
  }
  t.equal(stateOf(app), before)
  t.match(await mine.call('H_SVM_INIT_START', { lpid: 1 }), { result: { ret: 0 } })
  mine.socket.close()
  await until(() => app.hv.sessions.size === 1, 'the owner is gone')
  t.match(await other.call('H_SVM_INIT_START', { lpid: 1 }), { result: { ret: 0 } }, 'free again')
})

t.test('without automatic VMs a call for an unknown one is an error', async (t) => {
  const { app, uv } = await listening(t, { hv: { autoCreateVms: false } })
  const line = await Line.open(t, uv)
  t.match(await line.call('H_SVM_INIT_START', { lpid: 1 }), { error: { code: -32005 } })
  t.equal(app.hv.host.vms.size, 0)
})

for (const orphans of ['keep', 'reset'] as const) {
  t.test(`VMs that a session leaves behind: ${orphans}`, async (t) => {
    const { app, uv } = await listening(t, { hv: { orphans }, limits: { sessionGraceMs: 50 } })
    const line = await Line.open(t, uv)
    const slot = { lpid: 1, start_gpa: 0, size: 131_072, flags: 0, slotid: 0 }
    await line.call('UV_REGISTER_MEM_SLOT', slot)
    await line.call('H_SVM_INIT_START', { lpid: 1 })
    await line.call('H_SVM_INIT_DONE', { lpid: 1 })
    t.equal(app.hv.host.devices.pool.taken, 2)
    line.socket.terminate()
    const [vm] = app.hv.host.vms.values()
    if (orphans === 'reset') await until(() => vm?.secureGuest === 0, 'the VM is reset')
    else await until(() => app.hv.isOrphan(vm?.lpid ?? (0 as never)), 'the VM is an orphan')
    t.equal(app.hv.host.devices.pool.taken, orphans === 'reset' ? 0 : 2)
    t.equal(vm?.secureGuest, orphans === 'reset' ? 0 : 3)
  })
}

t.test('a call that would wait for itself is refused at once, and the rest goes on', async (t) => {
  const { app, uv } = await listening(t)
  const line = await Line.open(t, uv)
  const slot = { lpid: 1, start_gpa: 0, size: 262_144, flags: 0, slotid: 0 }
  await line.call('UV_REGISTER_MEM_SLOT', slot)
  await line.call('H_SVM_INIT_START', { lpid: 1 })
  await app.vmm.fill(1 as never, 0 as never, 4, 7n, 1n)
  line.serve = () => undefined
  const page = { lpid: 1, gpa: 0, flags: 0, order: 16 }
  const outer = line.call('H_SVM_PAGE_IN', page)
  const pageIn = await line.next(({ method }) => method === 'UV_PAGE_IN')
  const nested = await line.call('H_SVM_PAGE_IN', { ...page, gpa: 65_536, parent: pageIn.id })
  t.match(nested, { error: { code: -32001, data: { lpid: 1, call: 'H_SVM_PAGE_IN' } } })
  t.equal(app.hv.deadlocks.found, 1)
  line.answer(pageIn)
  t.match(await outer, { result: { ret: 0 } })
  line.serve = (call) => line.answer(call)
  t.match(await line.call('H_SVM_PAGE_IN', { ...page, gpa: 65_536 }), { result: { ret: 0 } })
})

t.test('a mistake of ours ends one session and no other', async (t) => {
  const { app, uv } = await listening(t, { app: { crashOnFailure: false } })
  const unlucky = await Line.open(t, uv)
  const other = await Line.open(t, uv)
  const find = app.hv.sessions.ownerOf.bind(app.hv.sessions)
  app.hv.sessions.ownerOf = (lpid) => {
    if (Number(lpid) === 13) throw new Error('a rule did not hold')
    return find(lpid)
  }
  unlucky.send({ jsonrpc: '2.0', id: 9, method: 'H_SVM_INIT_START', params: { lpid: 13 } })
  t.match(await unlucky.closed, { code: 1011 })
  t.match(await other.call('H_SVM_INIT_START', { lpid: 1 }), { result: { ret: 0 } })
})

t.test('a mistake of ours inside an operation stops its VM and ends its session', async (t) => {
  const { app, uv } = await listening(t, { app: { crashOnFailure: false } })
  const line = await Line.open(t, uv)
  const slot = { lpid: 1, start_gpa: 0, size: 131_072, flags: 0, slotid: 0 }
  await line.call('UV_REGISTER_MEM_SLOT', slot)
  await line.call('H_SVM_INIT_START', { lpid: 1 })
  const [vm] = app.hv.host.vms.values()
  if (vm === undefined) throw new Error('no VM')
  vm.slots.at = () => {
    throw new Error('a rule did not hold')
  }
  const page = { lpid: 1, gpa: 0, flags: 0, order: 16 }
  line.send({ jsonrpc: '2.0', id: 9, method: 'H_SVM_PAGE_IN', params: page })
  t.match(await line.closed, { code: 1011 })
  t.match(vm.fault, { kind: 'BUG', message: /a rule did not hold/ })
  const other = await Line.open(t, uv)
  t.match(await other.call('H_SVM_INIT_DONE', { lpid: 1 }), { error: { code: -32006 } })
  t.equal(app.hv.queueLength(vm.lpid), 0, 'nobody waits for ever')
})
