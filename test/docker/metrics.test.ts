/** The optional Prometheus and Grafana of compose.yaml: their files fit each other and the server. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { asLpid } from '../../src/abi/page.ts'
import { METRICS } from '../../src/server/metrics-list.ts'
import { ask, FakeUv, server } from '../server/server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8')

interface Target {
  readonly expr: string
  readonly datasource: { readonly uid: string }
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets: readonly Target[]
}
const dashboard = JSON.parse(textOf('docker/grafana/dashboards/uvmem.json')) as {
  readonly uid: string
  readonly panels: readonly Panel[]
}
const compose = parse(textOf('compose.yaml'))
const source = parse(textOf('docker/grafana/provisioning/datasources/prometheus.yml'))
const provider = parse(textOf('docker/grafana/provisioning/dashboards/uvmem.yml'))
const prometheus = parse(textOf('docker/prometheus.yml'))

t.test('both run only with the profile metrics, and nothing else needs them', async (t) => {
  const { hv, uv, prometheus, grafana } = compose.services
  t.same([prometheus.profiles, grafana.profiles], [['metrics'], ['metrics']])
  t.same([hv.profiles, uv.profiles], [undefined, undefined])
  t.same(Object.keys(uv.depends_on), ['hv'])
  for (const each of [prometheus, grafana]) {
    t.match(each.image, /:v?\d+\.\d+\.\d+\}$/, 'a fixed version that a variable may replace')
    t.same(each.cap_drop, ['ALL'])
    for (const volume of each.volumes as string[]) {
      const [from = '', , mode] = volume.split(':')
      t.ok(existsSync(`${ROOT}${from}`), from)
      t.equal(mode, 'ro')
    }
    for (const port of (each.ports ?? []) as string[]) t.match(port, /^127\.0\.0\.1:/)
  }
})

t.test('Prometheus asks the server, Grafana asks Prometheus', async (t) => {
  const [job] = prometheus.scrape_configs
  t.equal(job.metrics_path, '/metrics')
  t.same(job.static_configs, [{ targets: ['hv:8080'] }])
  const [datasource] = source.datasources
  t.match(datasource, { type: 'prometheus', url: 'http://prometheus:9090', isDefault: true })
  const [{ options }] = provider.providers
  const mounted = (compose.services.grafana.volumes as string[]).map((each) => each.split(':')[1])
  t.ok(mounted.includes(options.path), 'the folder of dashboards is mounted')
  t.ok(mounted.includes('/etc/grafana/provisioning'))
  for (const { targets, title } of dashboard.panels) {
    for (const target of targets) t.equal(target.datasource.uid, datasource.uid, title)
  }
})

t.test('the panels have places of their own', async (t) => {
  const { panels } = dashboard
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  t.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  for (const [i, { gridPos: a, title }] of panels.entries()) {
    t.ok(a.x >= 0 && a.x + a.w <= 24, `${title} fits the width`)
    const under = panels.slice(i + 1).filter(({ gridPos: b }) => {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
      return !apart
    })
    t.same(under, [], `${title} lies on no other one`)
  }
})

/** Names that an expression queries: words that are no function, label or text. */
const metricsOf = (expr: string): readonly string[] =>
  expr.match(/\b(?:uvmem|process|nodejs)_\w+/g) ?? []

/** Names of series that a server gives. */
async function exported(): Promise<ReadonlySet<string>> {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: '0x10000' }] } })
  const uv = new FakeUv(app)
  await uv.call({ call: 'H_SVM_INIT_START', lpid: asLpid(1) })
  const { body } = await app.http.inject({ url: '/metrics', headers: { host: '127.0.0.1' } })
  await app.close()
  return new Set(body.split('\n').flatMap((line) => /^[a-z]\w*/.exec(line)?.[0] ?? []))
}

t.test('every metric that the dashboard queries is exported', async (t) => {
  const names = await exported()
  const queried = dashboard.panels.flatMap(({ targets }) =>
    targets.flatMap((x) => metricsOf(x.expr)),
  )
  t.ok(queried.length > 25, `${queried.length} names`)
  t.same(
    queried.filter((name) => !names.has(name)),
    [],
  )
  for (const { targets, title } of dashboard.panels) {
    t.ok(targets.length > 0, title)
    for (const { expr } of targets) {
      t.ok(metricsOf(expr).length > 0, `${title}: ${expr}`)
      const depth = [...expr].reduce((sum, c) => sum + (c === '(' ? 1 : c === ')' ? -1 : 0), 0)
      t.equal(depth, 0, 'its brackets are closed')
    }
  }
})

t.test('whatever only grows is shown as a rate, or as a single number', async (t) => {
  for (const { type, targets, title } of dashboard.panels) {
    for (const { expr } of targets) {
      const grows = metricsOf(expr).some((name) => /_(total|bucket)$/.test(name))
      if (grows && type !== 'stat') t.match(expr, /\brate\(/, title)
    }
  }
})

t.test('every metric of ours is on the dashboard', async (t) => {
  const queried = new Set(
    dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr))),
  )
  const missing = METRICS.map(({ name, type }) =>
    type === 'histogram' ? `${name}_bucket` : name,
  ).filter((name) => !queried.has(name))
  t.same(missing, ['uvmem_info'])
})
