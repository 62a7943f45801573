/** `uvmem load --chaos reconnect`: connections are cut under load, and nothing is lost. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LoadReport } from '../../src/load/report.ts'
import { load, startServer } from './command.ts'

t.test('a storm of reconnects loses no call: sessions go on, every frame agrees', async (t) => {
  const url = await startServer(t)
  const json = join(t.testdir({}), 'report.json')
  const { err, out } = await load([
    ...['--url', url, '--clients', '4', '--workers', '2', '--vm-size', '8MiB', '--json', json],
    ...['--duration', '4s', '--chaos', 'reconnect=3/s', '--seed', '7'],
  ])
  const report = LoadReport.parse(JSON.parse(readFileSync(json, 'utf8')))
  // On a busy machine the generator may be late: that is the one failure that is not ours.
  const failures = report.failures.filter((failure) => !failure.startsWith('INVALID'))
  t.same(failures, [], err)
  const countOf = (wanted: string): number =>
    report.metrics.find(({ name }) => name === wanted)?.count ?? 0
  t.ok(countOf('resume') > 0, `${countOf('resume')} times a session went on after a cut`)
  t.equal(countOf('connect'), 4, 'nobody had to begin anew')
  t.equal(report.total.failed, 0, 'no operation failed')
  t.same(report.total.errors, {}, 'and none was given up')
  t.equal(report.audit.vms, 4, out)
  t.equal(report.audit.differencesTotal, 0)
  t.same(report.audit.violations, [])
})
