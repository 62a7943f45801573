import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { listening } from './event-reader.ts'
import { ask, FakeUv, fieldsOf, problemOf, server } from './server.ts'

const PAGE = 65_536
const VM = { lpid: 1 }
const lpid = asLpid(1)

t.test('a script waits for a VM to come, to turn secure, and to go', async (t) => {
  const app = server()
  const uv = new FakeUv(app)
  const wait = (state: string) => ask(app, 'waitForVm', { path: VM, query: { state } })
  const seen: string[] = []
  const [normal, secure] = ['normal', 'secure'].map((state) =>
    wait(state).then((answer) => {
      seen.push(state)
      return answer
    }),
  )
  while (app.inspected.waits.size < 2) await new Promise((done) => setTimeout(done, 1))
  t.same(seen, [], 'there is no VM yet')
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
  t.match((await normal)?.body, { met: true, waited_ms: Number })
  t.same(seen, ['normal'])
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  t.same(seen, ['normal'])
  t.match((await wait('transient')).body, { met: true })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  t.equal((await secure)?.status, 200)
  const gone = wait('gone')
  await ask(app, 'deleteVm', { path: VM })
  t.match((await gone).body, { met: true })
  t.equal(app.inspected.waits.size, 0)
})

t.test('waits for frames, counts and sessions end when it is so', async (t) => {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * PAGE }] } })
  const session = ask(app, 'waitForSession', { query: { state: 'open', session: 'fake' } })
  const frame = ask(app, 'waitForFrame', {
    path: { lpid: 1, gfn: 2 },
    query: { state: 'paged_out' },
  })
  const calls = ask(app, 'waitForCount', { query: { call: 'H_SVM_PAGE_OUT', at_least: '1' } })
  const pages = ask(app, 'waitForCount', {
    query: { count: 'pages_out', at_least: '1', lpid: '1' },
  })
  while (app.inspected.waits.size < 4) await new Promise((done) => setTimeout(done, 1))
  const uv = new FakeUv(app)
  t.equal((await session).status, 200)
  t.equal(app.inspected.waits.size, 3, 'the others wait on')
  await uv.call({ call: 'H_SVM_INIT_START', lpid })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid })
  t.equal(app.inspected.waits.size, 3)
  await uv.call({ call: 'H_SVM_PAGE_OUT', lpid, gpa: asGpa(2 * PAGE), flags: 0, order: 16 })
  for (const met of [frame, calls, pages]) t.match((await met).body, { met: true })
})

t.test('time that is over is a problem of its own', async (t) => {
  const app = server()
  // The server's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000)
  t.teardown(() => clearInterval(alive))
  const start = performance.now()
  const late = await ask(app, 'waitForVm', {
    path: VM,
    query: { state: 'secure', timeout: '30ms' },
  })
  t.equal(late.status, 504)
  t.equal(problemOf(late), 'wait-timeout')
  t.ok(performance.now() - start >= 29, 'not before')
  t.equal(app.inspected.waits.size, 0)
})

t.test('times need a unit and are ten minutes at most', async (t) => {
  const app = server()
  const fields = async (timeout: string) =>
    fieldsOf(await ask(app, 'waitForVm', { path: VM, query: { state: 'gone', timeout } }))
  for (const timeout of ['10min', '600s', '600000ms', '0ms']) t.same(await fields(timeout), [])
  for (const timeout of ['11min', '601s', '600001ms', '30', '1h', '-1s', ''])
    t.same(await fields(timeout), ['query.timeout'], timeout)
  const of = async (query: Record<string, string>) =>
    fieldsOf(await ask(app, 'waitForCount', { query }))
  t.same(await of({ at_least: '1' }), ['query.count'], 'neither count nor call')
  t.same(await of({ at_least: '1', count: 'faults', call: 'pin' }), ['query.count'], 'both')
  t.same(await of({ at_least: 'many', count: 'cats' }), ['query.count', 'query.at_least'])
})

t.test('who goes away waits no longer, and the end of the server ends all waits', async (t) => {
  const app = server()
  const url = await listening(app)
  const path = `${url}/v1/vms/1/wait?state=secure`
  const cut = new AbortController()
  const left = fetch(path, { signal: cut.signal }).catch((error: Error) => error.name)
  while (app.inspected.waits.size < 1) await new Promise((done) => setTimeout(done, 1))
  cut.abort()
  t.equal(await left, 'AbortError')
  while (app.inspected.waits.size > 0) await new Promise((done) => setTimeout(done, 1))
  const waits = fetch(path)
  while (app.inspected.waits.size < 1) await new Promise((done) => setTimeout(done, 1))
  const start = performance.now()
  const closed = app.close()
  const answer = await waits
  t.ok(performance.now() - start < 900, 'at once, not when the grace time is over')
  t.equal(answer.status, 503)
  t.match(await answer.json(), { type: 'urn:uvmem:problem:shutting-down' })
  await closed
})

t.test('1024 may wait, one more is told so', async (t) => {
  const app = server()
  const query = { state: 'secure' }
  const waits = Array.from({ length: 1_024 }, () => ask(app, 'waitForVm', { path: VM, query }))
  while (app.inspected.waits.size < 1_024) await new Promise((done) => setTimeout(done, 1))
  const refused = await ask(app, 'waitForVm', { path: VM, query })
  t.match(refused.body, { limit: 'waitersMax', max: 1_024 })
  await app.close()
  for (const wait of waits) t.equal(problemOf(await wait), 'shutting-down')
})
