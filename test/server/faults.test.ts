import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const lpid = asLpid(1)
const REFUSE = { call: 'H_SVM_PAGE_IN', nth: 2, action: { do: 'answer', code: -4 } }
const pageIn = (gfn: number) =>
  ({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(gfn * PAGE), flags: 0, order: 16 }) as const

t.test('a rule is added, hits, is counted, and is gone when it is removed', async (t) => {
  const app = server()
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
  const added = await ask(app, 'addFault', { body: { name: 'second', ...REFUSE } })
  t.equal(added.status, 201)
  t.equal(added.headers['location'], '/v1/faults/f1')
  t.same(added.body, { id: 'f1', rule: { name: 'second', ...REFUSE }, seen: 0, hits: 0 })
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  t.same([await uv.call(pageIn(0)), await uv.call(pageIn(1))], [0, -4])
  const path = { id: 'f1' }
  t.match((await ask(app, 'getFault', { path })).body, { seen: 2, hits: 1 })
  t.match((await ask(app, 'getFrame', { path: { lpid: 1, gfn: 1 } })).body, { state: 'normal' })
  const { body } = await ask(app, 'listJournal', { query: { kind: 'fault' } })
  t.match(body, {
    events: [{ call: 'H_SVM_PAGE_IN', gfn: 1, args: { rule: 'f1', name: 'second' } }],
  })
  t.match((await ask(app, 'removeFault', { path })).body, { id: 'f1', hits: 1 })
  t.equal(problemOf(await ask(app, 'removeFault', { path })), 'fault-unknown')
  t.equal(problemOf(await ask(app, 'getFault', { path })), 'fault-unknown')
  t.same((await ask(app, 'listFaults')).body, { rules: [] })
  t.equal(await uv.call(pageIn(1)), 0)
})

t.test('all rules go at once, and with a reset', async (t) => {
  const app = server()
  const add = () => ask(app, 'addFault', { body: REFUSE })
  await add()
  await add()
  t.match((await ask(app, 'removeFaults')).body, { rules: [{ id: 'f1' }, { id: 'f2' }] })
  t.same((await ask(app, 'listFaults')).body, { rules: [] })
  await add()
  await ask(app, 'resetHost')
  t.same((await ask(app, 'listFaults')).body, { rules: [] })
})

t.test('presets are listed with what they are for, and added by name', async (t) => {
  const app = server()
  const { presets } = (await ask(app, 'listFaultPresets')).body as {
    presets: { name: string; about: string; rules: unknown[] }[]
  }
  t.equal(presets.length, 14)
  t.ok(presets.every(({ about, rules }) => about.endsWith('.') && rules.length > 0))
  const added = await ask(app, 'addFaultPreset', { path: { name: 'flaky-ultravisor' } })
  t.match(added.body, {
    rules: [
      { id: 'f1', rule: { call: 'UV_PAGE_IN', probability: 0.01 } },
      { id: 'f2', rule: { call: 'UV_PAGE_OUT' } },
    ],
  })
  for (const name of ['no-such', 'toString']) {
    t.equal(problemOf(await ask(app, 'addFaultPreset', { path: { name } })), 'preset-unknown')
  }
  t.equal(app.inspected.faults.size, 2)
})

t.test('256 rules fit, one more does not, nor half a preset', async (t) => {
  const app = server()
  for (let i = 0; i < 255; i++) await ask(app, 'addFault', { body: REFUSE })
  const preset = await ask(app, 'addFaultPreset', { path: { name: 'flaky-ultravisor' } })
  t.match(preset.body, { limit: 'faultRulesMax', max: 256 })
  t.equal(app.inspected.faults.size, 255, 'neither rule of the preset was added')
  t.equal((await ask(app, 'addFault', { body: REFUSE })).status, 201)
  t.equal(problemOf(await ask(app, 'addFault', { body: REFUSE })), 'limit-reached')
})

t.test('a rule that makes no sense is refused with its fields', async (t) => {
  const app = server()
  const fields = async (body: object) => fieldsOf(await ask(app, 'addFault', { body }))
  t.same(await fields({ call: 'H_NOTHING', action: { do: 'answer', code: 0 } }), ['body.call'])
  t.same(await fields({ ...REFUSE, every: 2 }), ['body.every'])
  t.same(await fields({ ...REFUSE, count: 2 }), ['body.count'])
  t.same(await fields({ call: 'pin', action: { do: 'drop' } }), ['body.action'])
  t.same(await fields({ ...REFUSE, action: { do: 'delay', ms: 600_001 } }), ['body.action.ms'])
  t.same(await fields({ ...REFUSE, colour: 'red' }), ['body.colour'])
  t.equal(app.inspected.faults.size, 0)
})
