/** A real Prometheus, where there is one: it takes our metrics, and every panel has data from it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { asGpa, asLpid } from '../../src/abi/page.ts'
import { listening } from '../server/event-reader.ts'
import { ask, FakeUv, server } from '../server/server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0
const skip =
  has('promtool') && has('prometheus') ? false : 'no Prometheus here: apt-get install prometheus'
const LPID = asLpid(1)

/** A server that has had calls of every kind that a panel shows. */
async function busyServer() {
  const app = server()
  const uv = new FakeUv(app)
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 4 * 65_536 }] } })
  const page = (gfn: number) => ({ lpid: LPID, gpa: asGpa(gfn * 65_536), flags: 0, order: 16 })
  await uv.call({ call: 'H_SVM_INIT_START', lpid: LPID })
  await uv.call({ call: 'H_SVM_PAGE_IN', ...page(1) })
  await uv.call({ call: 'H_SVM_PAGE_IN', ...page(9) })
  await uv.call({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  return app
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => socket.once('listening', done))
  const address = socket.address()
  socket.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Asks until `fits` says yes, for half a minute at most. */
async function until<T>(ask: () => Promise<T>, fits: (given: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const given = await ask().catch(() => undefined)
    if (given !== undefined && fits(given)) return given
    if (tries === 300) throw new Error('Prometheus does not come to it')
    await new Promise((done) => setTimeout(done, 100))
  }
}

t.test('promtool finds nothing wrong with the config and the metrics', { skip }, async (t) => {
  const config = spawnSync('promtool', ['check', 'config', `${ROOT}docker/prometheus.yml`])
  t.equal(config.status, 0, String(config.stderr))
  const app = await busyServer()
  const { body } = await app.http.inject({ url: '/metrics', headers: { host: '127.0.0.1' } })
  const metrics = spawnSync('promtool', ['check', 'metrics'], { input: body })
  t.equal(metrics.status, 0, String(metrics.stderr))
  t.equal(String(metrics.stderr), '', 'nor does it complain')
})

t.test('every query of the dashboard has data in a real Prometheus', { skip }, async (t) => {
  const app = await busyServer()
  t.teardown(() => app.close())
  const target = (await listening(app)).replace('http://', '')
  const folder = t.testdir()
  const config = readFileSync(`${ROOT}docker/prometheus.yml`, 'utf8')
    .replace('hv:8080', target)
    .replace('scrape_interval: 5s', 'scrape_interval: 200ms')
    .replace('scrape_timeout: 4s', 'scrape_timeout: 200ms')
  writeFileSync(`${folder}/prometheus.yml`, config)
  const port = await freePort()
  const words = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
  const listen = `--web.listen-address=127.0.0.1:${port}`
  const child: ChildProcess = spawn('prometheus', [...words, listen], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const api = `http://127.0.0.1:${port}/api/v1/query`
  const query = async (expr: string): Promise<number> => {
    const answer = await fetch(`${api}?query=${encodeURIComponent(expr)}`)
    const { data } = (await answer.json()) as { data?: { result: object[] } }
    return data?.result.length ?? -1
  }
  // A rate needs two scrapes.
  await until(
    () => query('sum(count_over_time(uvmem_info[1m])) > 1'),
    (count) => count === 1,
  )
  const { panels } = JSON.parse(readFileSync(`${ROOT}docker/grafana/dashboards/uvmem.json`, 'utf8'))
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const count = await query(expr.replaceAll('$__rate_interval', '1m'))
      t.ok(count > 0, `${title}: ${count} series of ${expr}`)
    }
  }
})
