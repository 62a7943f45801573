import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { type Asked, ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }
const SLOT = { lpid: 1, slot: 0 }

async function withVm(slots: object[] = [{ size: 4 * PAGE }], limits = {}) {
  const app = server({ limits })
  await ask(app, 'createVm', { body: { lpid: 1, slots } })
  return app
}

t.test('a slot is added to a normal VM without asking anybody', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  const { status, body } = await ask(app, 'addSlot', {
    path: VM,
    body: { gpa: '0x1000000', size: 2 * PAGE },
  })
  t.equal(status, 201)
  t.same(body, {
    slot: { id: 1, gpa: '0x1000000', size: '0x20000', pages: 2, mapped: true, ksm_error: 0 },
    uvmem: { code: 0, name: 'H_SUCCESS' },
  })
  t.same(uv.asked, [])
  t.equal(app.hv.framesTotal, 6)
})

t.test('a slot that says nothing lies behind the others with the lowest free id', async (t) => {
  const app = await withVm([
    { id: 0, size: PAGE },
    { id: 2, gpa: '0x100000', size: PAGE },
  ])
  const { body } = await ask(app, 'addSlot', { path: VM, body: { size: PAGE } })
  t.match(body, { slot: { id: 1, gpa: '0x110000' } })
})

t.test('a slot that overlaps, or whose id is taken, is refused and nothing changes', async (t) => {
  const app = await withVm()
  for (const [body, why] of [
    [{ id: 1, gpa: 3 * PAGE, size: PAGE }, 'overlap'],
    [{ id: 0, gpa: 4 * PAGE, size: PAGE }, 'id in use'],
  ] as const) {
    const answer = await ask(app, 'addSlot', { path: VM, body })
    t.equal(answer.status, 409, why)
    t.match(answer.body, { code: -17, name: 'EEXIST', reason: { source: 'kvm_set_memory_region' } })
  }
  t.equal(((await ask(app, 'listSlots', { path: VM })).body['slots'] as []).length, 1)
  t.equal(app.hv.framesTotal, 4)
})

t.test('limits of slots hold at the limit and one past it', async (t) => {
  const app = await withVm([{ size: PAGE }], {
    slotsPerVmMax: 2,
    framesPerSlotMax: 3,
    framesTotalMax: 4,
  })
  const past = async (pages: number, limit: string, max: number) => {
    const answer = await ask(app, 'addSlot', { path: VM, body: { size: pages * PAGE } })
    t.equal(problemOf(answer), 'limit-reached')
    t.match(answer.body, { limit, max })
  }
  await past(4, 'framesPerSlotMax', 3)
  t.equal((await ask(app, 'addSlot', { path: VM, body: { size: 3 * PAGE } })).status, 201)
  await past(1, 'slotsPerVmMax', 2)
  t.equal(app.hv.framesTotal, 4)
})

t.test('hotplug into a secure VM says what the uvmem code answered', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid: asLpid(1) })
  const good = await ask(app, 'addSlot', { path: VM, body: { size: PAGE } })
  t.match(good.body, { uvmem: { code: 0, name: 'H_SUCCESS' } })
  t.match(uv.asked.at(-1), { call: 'UV_REGISTER_MEM_SLOT', slotId: 1 })
  uv.answers = () => -4
  const bad = await ask(app, 'addSlot', { path: VM, body: { size: PAGE } })
  t.equal(bad.status, 201, 'the kernel ignores it')
  t.match(bad.body, { slot: { id: 2 }, uvmem: { code: -4, name: 'H_PARAMETER' } })
})

t.test('a slot is removed; its pages and its PFNs go with it', async (t) => {
  const app = await withVm([{ size: PAGE }, { size: 2 * PAGE }])
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid: asLpid(1) })
  t.match((await ask(app, 'getHost')).body, { pool: { used: 3 } })
  const gone = await ask(app, 'removeSlot', { path: { lpid: 1, slot: 1 } })
  t.same(gone.body, { code: 0, name: 'OK' })
  t.match(uv.asked.at(-1), { call: 'UV_UNREGISTER_MEM_SLOT', slotId: 1 })
  t.match((await ask(app, 'getHost')).body, { pool: { used: 1 }, frames: { total: 1 } })
  t.equal(problemOf(await ask(app, 'removeSlot', { path: { lpid: 1, slot: 1 } })), 'slot-unknown')
})

t.test('a mapping that was kept shows again when the slot comes back', async (t) => {
  const app = await withVm()
  await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 2 } })
  await ask(app, 'removeSlot', { path: SLOT, query: { munmap: 'false' } })
  await ask(app, 'addSlot', { path: VM, body: { id: 0, gpa: 0, size: 4 * PAGE } })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 2 } })).body, {
    host: { maps: 'frame' },
  })
  await ask(app, 'removeSlot', { path: SLOT, query: { munmap: 'true' } })
  await ask(app, 'addSlot', { path: VM, body: { id: 0, gpa: 0, size: 4 * PAGE } })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 2 } })).body, {
    host: { maps: 'nothing' },
  })
})

t.test('the mapping behind a slot is unmapped and mapped, once each', async (t) => {
  const app = await withVm()
  t.same((await ask(app, 'unmapSlot', { path: SLOT })).body, { code: 0, name: 'OK' })
  t.match((await ask(app, 'listSlots', { path: VM })).body, { slots: [{ mapped: false }] })
  t.match((await ask(app, 'unmapSlot', { path: SLOT })).body, { name: 'ENOENT' })
  const touched = await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 0 } })
  t.match(touched.body, { code: -11, name: 'SIGSEGV', reason: { source: 'find_vma_intersection' } })
  t.same((await ask(app, 'mapSlot', { path: SLOT })).body, { code: 0, name: 'OK' })
  t.match((await ask(app, 'mapSlot', { path: SLOT })).body, { name: 'ENOENT' })
  t.equal((await ask(app, 'touchFrame', { path: { lpid: 1, gfn: 0 } })).status, 200)
})

t.test('page merging that cannot be switched off fails the switch', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  await ask(app, 'failKsm', { path: SLOT, body: { error: -12 } })
  t.match((await ask(app, 'listSlots', { path: VM })).body, { slots: [{ ksm_error: -12 }] })
  t.equal(await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) }), -4)
  t.same(uv.asked, [], 'no slot was registered')
})

t.test('a flush drops the device pages of one slot', async (t) => {
  const app = await withVm()
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid: asLpid(1) })
  t.same((await ask(app, 'flushSlot', { path: SLOT })).body, { code: 0, name: 'OK' })
  t.match((await ask(app, 'getHost')).body, { pool: { used: 0 } })
})

t.test('unknown VMs and slots, and fields that do not fit', async (t) => {
  const app = await withVm()
  const slotCalls = ['removeSlot', 'flushSlot', 'unmapSlot', 'mapSlot', 'failKsm'] as const
  for (const name of slotCalls) {
    const body: Asked = name === 'failKsm' ? { body: { error: 0 } } : {}
    const noVm = await ask(app, name, { path: { lpid: 2, slot: 0 }, ...body })
    t.equal(problemOf(noVm), 'vm-unknown', name)
    const noSlot = await ask(app, name, { path: { lpid: 1, slot: 9 }, ...body })
    t.equal(problemOf(noSlot), 'slot-unknown', name)
    const badSlot = await ask(app, name, { path: { lpid: 1, slot: 65536 }, ...body })
    t.same(fieldsOf(badSlot), ['path.slot'], name)
  }
  for (const name of ['listSlots', 'addSlot'] as const) {
    const body: Asked = name === 'addSlot' ? { body: { size: PAGE } } : {}
    t.equal(problemOf(await ask(app, name, { path: { lpid: 2 }, ...body })), 'vm-unknown', name)
  }
  t.same(fieldsOf(await ask(app, 'addSlot', { path: VM, body: {} })), ['body.size'])
  t.same(fieldsOf(await ask(app, 'failKsm', { path: SLOT, body: { error: 1 } })), ['body.error'])
  const query = { munmap: 'yes' }
  t.same(fieldsOf(await ask(app, 'removeSlot', { path: SLOT, query })), ['query.munmap'])
  t.equal(app.hv.framesTotal, 4, 'nothing was added or removed')
})
