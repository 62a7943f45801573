import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { replay } from '../../src/hv/record-replay.ts'
import type { App } from '../../src/server/app.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }
const lpid = asLpid(1)

/** A secure VM of 4 pages: the first holds a tag, the second is paged out. */
async function world(app: App = server()) {
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
  await ask(app, 'fillMemory', { path: VM, body: { gpa: 0, size: 2 * PAGE, tag: '0xf00d' } })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  await uv.call({ call: 'H_SVM_PAGE_OUT', lpid, gpa: asGpa(PAGE), flags: 0, order: 16 })
  return { app, uv }
}

const stateOf = async (app: App) => ({
  vms: ((await ask(app, 'listVms')).body['vms'] as object[]).map((vm) => {
    const { session: _session, orphaned: _orphaned, ...facts } = vm as Record<string, unknown>
    return facts
  }),
  frames: (await ask(app, 'listFrames', { path: VM, query: { by: 'backing' } })).body,
})

t.test('a snapshot of the host goes to a file and back, into another server too', async (t) => {
  const { app } = await world()
  const before = await stateOf(app)
  const { bytes, status } = await ask(app, 'getSnapshot')
  t.equal(status, 200)
  t.match(JSON.parse(bytes.toString().split('\n')[0] ?? ''), {
    format: 'uvmem-state',
    version: 1,
    sha256: /^[0-9a-f]{64}$/,
  })
  const other = server()
  await ask(other, 'createVm', { body: { lpid: 7 } })
  t.same((await ask(other, 'putSnapshot', { body: bytes })).body, { code: 0, name: 'OK' })
  t.same(await stateOf(other), before, 'VM 7 is gone, VM 1 is as it was')
  t.match((await ask(other, 'getVm', { path: VM })).body, { orphaned: true, session: null })
  t.same(await stateOf(app), before, 'who was asked for a snapshot goes on as before')
})

t.test('a file that does not fit changes nothing', async (t) => {
  const { app } = await world()
  const { bytes } = await ask(app, 'getSnapshot')
  const before = await stateOf(app)
  const text = bytes.toString()
  const cases = [
    { why: 'empty', file: '', says: 'not a state file' },
    { why: 'of another program', file: '{"format":"zip"}\n{}', says: 'not a state file' },
    {
      why: 'of a later version',
      file: text.replace('"version":1', '"version":2'),
      says: 'version 2',
    },
    { why: 'cut short', file: text.slice(0, -1), says: 'damaged' },
    { why: 'with another content', file: text.replace('linux-6', 'linux-7'), says: 'checksum' },
  ]
  for (const { why, file, says } of cases) {
    for (const name of ['putSnapshot', 'addVmSnapshot'] as const) {
      const refused = await ask(app, name, { body: Buffer.from(file) })
      t.equal(problemOf(refused), 'snapshot-unfit', `${why}: ${name}`)
      t.match(refused.body['detail'], says, why)
    }
  }
  const spec = await ask(server({ hv: { profile: 'spec' } }), 'putSnapshot', { body: bytes })
  t.match(spec.body['detail'], 'another profile')
  const small = await ask(server({ hv: { poolPages: 63 } }), 'putSnapshot', { body: bytes })
  t.match(small.body['detail'], /64 pages, this host's 63/)
  t.same(await stateOf(app), before)
  t.equal(app.hv.sessions.size, 1, 'no session was ended')
})

t.test('one VM goes to a file, and beside other VMs', async (t) => {
  const { app } = await world()
  const { bytes } = await ask(app, 'getVmSnapshot', { path: VM })
  t.equal(problemOf(await ask(app, 'getVmSnapshot', { path: { lpid: 2 } })), 'vm-unknown')
  t.equal(
    problemOf(await ask(app, 'addVmSnapshot', { body: bytes })),
    'snapshot-unfit',
    'LPID 1 is taken',
  )
  t.equal(problemOf(await ask(app, 'putSnapshot', { body: bytes })), 'snapshot-unfit', 'no host')
  const other = server()
  await ask(other, 'createVm', { body: { lpid: 2, slots: [{ size: PAGE }] } })
  t.equal((await ask(other, 'addVmSnapshot', { body: bytes })).status, 200)
  t.match((await ask(other, 'listVms')).body['vms'], [
    { lpid: 1, state: 'secure', orphaned: true },
    { lpid: 2 },
  ])
  t.match((await ask(other, 'countFrames', { path: VM })).body, { secure: 3, paged_out: 1 })
  const full = server({ limits: { vmsMax: 1 } })
  await ask(full, 'createVm', { body: { lpid: 2 } })
  t.match((await ask(full, 'addVmSnapshot', { body: bytes })).body, { limit: 'vmsMax', max: 1 })
})

t.test('limits hold for what comes from a file', async (t) => {
  const { app } = await world()
  await ask(app, 'createVm', { body: { lpid: 2, slots: [{ size: PAGE }, { size: 2 * PAGE }] } })
  const host = (await ask(app, 'getSnapshot')).bytes
  const two = (await ask(app, 'getVmSnapshot', { path: { lpid: 2 } })).bytes
  const cases = { vmsMax: 2, slotsPerVmMax: 2, framesPerSlotMax: 4, framesTotalMax: 7 }
  for (const [limit, max] of Object.entries(cases)) {
    const fits = server({ limits: { [limit]: max } })
    t.equal((await ask(fits, 'putSnapshot', { body: host })).status, 200, `${limit} ${max}`)
    const less = server({ limits: { [limit]: max - 1 } })
    await ask(less, 'createVm', { body: { lpid: 9 } })
    const refused = await ask(less, 'putSnapshot', { body: host })
    t.match(refused.body, { status: 429, limit, max: max - 1 }, `${limit} ${max - 1}`)
    t.match((await ask(less, 'listVms')).body['vms'], [{ lpid: 9 }], 'nothing has changed')
  }
  const withOne = async (framesTotalMax: number) => {
    const other = server({ limits: { framesTotalMax } })
    await ask(other, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
    return { other, added: await ask(other, 'addVmSnapshot', { body: two }) }
  }
  t.equal((await withOne(7)).added.status, 200)
  const { other, added } = await withOne(6)
  t.match(added.body, { limit: 'framesTotalMax', max: 6 })
  t.match((await ask(other, 'getHost')).body, { vms: 1, frames: { total: 4 } })
})

t.test('a VM that came from a file is in the record: the run can be done again', async (t) => {
  const { app } = await world()
  const { bytes } = await ask(app, 'getVmSnapshot', { path: VM })
  const lines: string[] = []
  const other = server({ app: { record: (line) => lines.push(line) } })
  await ask(other, 'addVmSnapshot', { body: bytes })
  await ask(other, 'pinFrame', { path: { lpid: 1, gfn: 1 } })
  other.inspected.record?.flush()
  t.match(await replay(lines), { how: 'same', operations: 1 })
})

t.test('a checkpoint is saved, gone on from, and forgotten', async (t) => {
  const { app } = await world()
  const path = { name: 'before-1.0_b' }
  const before = await stateOf(app)
  t.match((await ask(app, 'saveCheckpoint', { path })).body, { name: 'before-1.0_b', vms: 1 })
  await ask(app, 'createVm', { body: { lpid: 3 } })
  await ask(app, 'deleteVm', { path: VM })
  t.match((await ask(app, 'listCheckpoints')).body, {
    checkpoints: [{ name: 'before-1.0_b', vms: 1, saved_ms: Number }],
  })
  t.same((await ask(app, 'loadCheckpoint', { path })).body, { code: 0, name: 'OK' })
  t.same(await stateOf(app), before)
  t.equal(app.hv.sessions.size, 0, 'the ultravisor knows nothing of that state')
  t.equal((await ask(app, 'removeCheckpoint', { path })).status, 200)
  for (const name of ['removeCheckpoint', 'loadCheckpoint'] as const) {
    t.equal(problemOf(await ask(app, name, { path })), 'checkpoint-unknown')
  }
  t.same(await stateOf(app), before, 'forgetting changes nothing')
})

t.test('16 checkpoints are kept; a name that is there may be saved again', async (t) => {
  const app = server()
  const save = (name: string) => ask(app, 'saveCheckpoint', { path: { name } })
  for (let i = 0; i < 16; i++) t.equal((await save(`c${i}`)).status, 200)
  t.match((await save('c16')).body, { limit: 'checkpointsMax', max: 16 })
  t.equal((await save('c3')).status, 200)
  t.equal((await save('x'.repeat(64))).status, 429, 'the longest name is a name')
  for (const name of ['x'.repeat(65), 'a%20b', 'ä']) {
    t.same(fieldsOf(await save(name)), ['path.name'], name)
  }
})

t.test('reset begins again: no VM, no session, no rule; checkpoints stay', async (t) => {
  const { app } = await world()
  await ask(app, 'saveCheckpoint', { path: { name: 'kept' } })
  await ask(app, 'addFault', { body: { call: 'pin', action: { do: 'answer', code: -14 } } })
  t.same((await ask(app, 'resetHost')).body, { code: 0, name: 'OK' })
  t.match((await ask(app, 'getHost')).body, {
    vms: 0,
    sessions: 0,
    pool: { used: 0 },
    frames: { total: 0, used: 0 },
  })
  t.same((await ask(app, 'listFaults')).body, { rules: [] })
  t.match((await ask(app, 'listCheckpoints')).body, { checkpoints: [{ name: 'kept' }] })
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: PAGE }] } })
  t.match((await ask(app, 'getVm', { path: VM })).body, { state: 'normal' })
})

t.test('a snapshot that is announced as too long is refused before it comes', async (t) => {
  const app = server()
  const refused = await ask(app, 'putSnapshot', {
    body: Buffer.from('{}'),
    headers: { 'content-length': '268435457' },
  })
  t.equal(problemOf(refused), 'too-large')
})
