/** `uvmem load` against a real server: a short run, and what the command refuses. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LoadReport } from '../../src/load/report.ts'
import { load, startServer } from './command.ts'

t.test(
  'a run with every operation ends with a report and an audit without differences',
  async (t) => {
    const url = await startServer(t)
    const dir = t.testdir({})
    const json = join(dir, 'report.json')
    const html = join(dir, 'report.html')
    const given = [
      '--url',
      url,
      '--clients',
      '3',
      '--duration',
      '4s',
      '--workers',
      '2',
      '--vm-size',
      '8MiB',
    ]
    const { code, out, err } = await load([
      ...given,
      ...[
        '--json',
        json,
        '--html',
        html,
        '--threshold',
        'errors<1%,count>3',
        '--chaos',
        'kill=0.7/s,cut=1/s',
      ],
    ])
    const report = LoadReport.parse(JSON.parse(readFileSync(json, 'utf8')))
    // On a busy machine the generator may be late: that is the one failure that is not ours.
    const failures = report.failures.filter((failure) => !failure.startsWith('INVALID'))
    t.same(failures, [], err)
    t.equal(code, report.generator.saturated ? 1 : 0)
    t.equal(report.model, 'closed')
    t.equal(report.total.failed, 0)
    t.ok(report.total.count > 3)
    t.equal(report.audit.differencesTotal, 0)
    t.equal(report.audit.vms + report.audit.skipped, 3)
    t.equal(report.audit.frames, report.audit.vms * 128)
    t.match(out, /threshold errors<1%: kept/)
    t.match(out, /audit: [0-9]+ VMs/)
    t.match(
      readFileSync(html, 'utf8'),
      /^<!doctype html>[\s\S]*Latency by percentile[\s\S]*<\/html>\n$/,
    )
    t.notMatch(
      readFileSync(html, 'utf8'),
      /https?:\/\/(?!127)|<script/,
      'the page fetches and runs nothing',
    )

    const again = await load([
      ...given,
      '--compare',
      json,
      '--rate',
      '20/s',
      '--threshold',
      'p50<1us',
    ])
    t.equal(again.code, 1)
    t.match(again.out, /open model: 20\/s/)
    t.match(again.out, /compared with the run of .* other settings: .*ratePerS/)
    t.match(again.out, /FAILED: threshold p50<1us: /)
  },
)

t.test('an interrupt ends a run with its report', async (t) => {
  const url = await startServer(t)
  const { out, err } = await load(
    ['--url', url, '--clients', '1', '--duration', '10m', '--vm-size', '8MiB'],
    1_500,
  )
  t.match(out, /, interrupted; server /, err)
  t.match(out, /audit: 1 VMs, 128 frames compared: 0 differences/)
})

t.test('a server that is not there, or too small, is said so', async (t) => {
  const none = await load(['--url', 'http://127.0.0.1:1'])
  t.equal(none.code, 1)
  t.match(none.err, /GET http:\/\/127.0.0.1:1\/v1\/host: .*/)
  t.equal(none.out, '')
  const url = await startServer(t, '8MiB')
  const small = await load(['--url', url, '--clients', '2', '--vm-size', '8MiB'])
  t.equal(small.code, 1)
  t.match(small.err, 'the server has 128 free pages of secure memory; 2 VMs need 288')
})

t.test('bad usage ends with 2 and names the option', async (t) => {
  const old = join(t.testdir({}), 'old.json')
  writeFileSync(old, '{"format":"other"}')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--mix', 'fly=1'], /^--mix "fly=1": expected fly: no operation/],
    [['--threshold', 'p99'], /^--threshold \["p99"\]: expected p99: expected such as/],
    [['--chaos', 'kill=often'], /^--chaos "kill=often": expected kill=often: expected kill=RATE/],
    [['--vm-size', '1MiB'], /^--vm-size "1MiB": expected a VM of at least 64 pages/],
    [['--rate', '0'], /^--rate "0": expected a rate: operations a second/],
    [['--clients', '2000', '--vms-per-client', '3'], /LPIDs end at 4095/],
    [['--duration', '5s', '--ramp-up', '6s'], /^--duration 5s: shorter than --ramp-up/],
    [['--stages', '5s:9', '--clients', '3'], /^--stages 5s:9: 5s:9: there are 3 clients/],
    [['--compare', old], /not a report of this program/],
  ]
  for (const [words, why] of cases) {
    const { code, out, err } = await load(words)
    t.equal(code, 2, words.join(' '))
    t.match(err, why)
    t.equal(out, '', 'nothing was done')
  }
})
