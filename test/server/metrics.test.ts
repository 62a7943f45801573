/** `/metrics`: what it tells, in a form that Prometheus takes. */
import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import type { AppOptions } from '../../src/server/app.ts'
import { METRICS, VM_METRICS } from '../../src/server/metrics-list.ts'
import { ask, FakeUv, server } from './server.ts'

const LPID = { lpid: asLpid(3) }

async function scrape(app: ReturnType<typeof server>, headers = {}): Promise<string> {
  const response = await app.http.inject({
    url: '/metrics',
    headers: { host: '127.0.0.1', ...headers },
  })
  if (response.statusCode !== 200) return String(response.statusCode)
  t.match(response.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  return response.body
}

/** The value of a series, written as it is shown. */
const shownOf = (text: string, series: string): number | undefined => {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

/** A VM of 8 pages: H_SVM_INIT_START, two pages in, one refused call, H_SVM_INIT_DONE. */
async function switched(options: Partial<AppOptions> = {}) {
  const app = server({ app: options })
  await ask(app, 'createVm', { body: { lpid: 3, slots: [{ size: '0x80000' }] } })
  // A page that nobody has touched would need no UV_PAGE_IN.
  await ask(app, 'fillMemory', { path: LPID, body: { gpa: '0x0', size: '0x20000', tag: '0x1' } })
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: LPID.lpid })
  for (const gpa of [asGpa(0), asGpa(0x10000)]) {
    await uv.call({ call: 'H_SVM_PAGE_IN', lpid: LPID.lpid, gpa, flags: 0, order: 16 })
  }
  await uv.call({ call: 'H_SVM_PAGE_IN', lpid: LPID.lpid, gpa: asGpa(0), flags: 0, order: 12 })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid: LPID.lpid })
  return app
}

t.test('what happened to a VM shows in numbers', async (t) => {
  const app = await switched()
  t.teardown(() => app.close())
  const text = await scrape(app)
  const expected: Readonly<Record<string, number>> = {
    'uvmem_calls_total{call="H_SVM_PAGE_IN",code="H_SUCCESS"}': 2,
    'uvmem_calls_total{call="H_SVM_PAGE_IN",code="H_P3"}': 1,
    'uvmem_calls_total{call="UV_PAGE_IN",code="U_SUCCESS"}': 2,
    'uvmem_calls_total{call="H_SVM_INIT_DONE",code="H_SUCCESS"}': 1,
    'uvmem_call_duration_seconds_count{call="H_SVM_PAGE_IN"}': 3,
    'uvmem_call_duration_seconds_bucket{call="H_SVM_PAGE_IN",le="+Inf"}': 3,
    'uvmem_pages_moved_total{direction="in"}': 2,
    'uvmem_pages_moved_total{direction="out"}': 0,
    // H_SVM_INIT_DONE secures the six frames that nobody paged in.
    uvmem_frames_secured_total: 6,
    'uvmem_frames{state="secure"}': 8,
    'uvmem_frames{state="normal"}': 0,
    'uvmem_device_pages{use="used"}': 8,
    'uvmem_device_pages{use="free"}': 56,
    uvmem_device_pages_used_max: 8,
    'uvmem_vms{state="secure"}': 1,
    'uvmem_vms{state="normal"}': 0,
    uvmem_sessions: 1,
    uvmem_sessions_opened_total: 1,
    uvmem_queue_length: 0,
    uvmem_deadlocks_total: 0,
    uvmem_connections: 0,
    uvmem_send_buffer_bytes: 0,
    'uvmem_info{version="1.2.3",profile="linux-6"}': 1,
  }
  for (const [series, value] of Object.entries(expected)) {
    t.equal(shownOf(text, series), value, series)
  }
  t.notMatch(text, 'lpid=', 'no series for each VM unless asked for')
  t.match(text, /^process_cpu_seconds_total /m)
  t.match(text, /^nodejs_eventloop_lag_p99_seconds /m)
})

t.test('frames are counted again once they change', async (t) => {
  const app = await switched()
  t.teardown(() => app.close())
  await scrape(app)
  await ask(app, 'touchFrame', { path: { ...LPID, gfn: 1 } })
  const text = await scrape(app)
  t.equal(shownOf(text, 'uvmem_frames{state="secure"}'), 7)
  t.equal(shownOf(text, 'uvmem_frames{state="paged_out"}'), 1)
  t.equal(shownOf(text, 'uvmem_pages_moved_total{direction="out"}'), 1)
  await ask(app, 'deleteVm', { path: LPID })
  const after = await scrape(app)
  t.equal(shownOf(after, 'uvmem_frames{state="secure"}'), 0)
  t.equal(shownOf(after, 'uvmem_pages_moved_total{direction="in"}'), 2, 'totals never shrink')
})

t.test('series for each VM, when they are asked for', async (t) => {
  const app = await switched({ metricsPerVm: true })
  t.teardown(() => app.close())
  const text = await scrape(app)
  t.equal(shownOf(text, 'uvmem_vm_frames{lpid="3",state="secure"}'), 8)
  t.equal(shownOf(text, 'uvmem_vm_state{lpid="3",state="secure"}'), 1)
  t.equal(shownOf(text, 'uvmem_vm_queue_length{lpid="3"}'), 0)
  const series = 'uvmem_vm_calls_total{lpid="3",call="UV_PAGE_IN",code="U_SUCCESS"}'
  t.equal(shownOf(text, series), 2)
})

const LINE = /^[a-z_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? (?:[\d.e+-]+|NaN|\+Inf)$/

t.test('every line has the form of the text format, and buckets only grow', async (t) => {
  const app = await switched({ metricsPerVm: true })
  t.teardown(() => app.close())
  const text = await scrape(app)
  t.ok(text.endsWith('\n'))
  const own = text.split('\n').filter((line) => line.startsWith('uvmem_'))
  t.same(
    own.filter((line) => !LINE.test(line)),
    [],
  )
  t.equal(new Set(own.map((line) => line.split(' ')[0])).size, own.length, 'no series twice')
  for (const { name, type, help } of [...METRICS, ...VM_METRICS]) {
    t.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`), name)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: _total is for counters`)
  }
  const buckets = own.filter((line) =>
    line.startsWith('uvmem_call_duration_seconds_bucket{call="UV_PAGE_IN"'),
  )
  t.equal(buckets.length, 31)
  t.match(buckets[0], 'le="0.000001"')
  const values = buckets.map((line) => Number(line.split(' ')[1]))
  t.same(
    values,
    [...values].sort((a, b) => a - b),
  )
  t.equal(values.at(-1), 2)
})

t.test('it asks for the token as everything else does', async (t) => {
  const app = server({ token: 'sesame' })
  t.teardown(() => app.close())
  t.equal(await scrape(app), '401')
  t.match(await scrape(app, { authorization: 'Bearer sesame' }), /^# HELP uvmem_calls_total /)
})
