/** The evidence is of these runs, the README shows it, and every threat has a test that exists. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { partOf } from '../marked-text.ts'
import { Evidence, type EvidenceRow, figuresIn } from './figure.ts'
import { addedRows, passesIn } from './play.ts'
import { commandOf, RUNNERS, type Runner } from './runners.ts'
import { countFor, sharesOf } from './shares.ts'
import { documentOf, tableOf } from './table.ts'

const ROOT = process.cwd()
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { scripts } = JSON.parse(textOf('package.json')) as {
  readonly scripts: Readonly<Record<string, string>>
}
const evidence = Evidence.parse(JSON.parse(textOf('test/evidence/evidence.json')))

t.test('README and document show what the file of figures holds', async (t) => {
  const repair = 'stale: npm run evidence -- --minutes 60 makes it new'
  t.equal(partOf(textOf('README.md'), 'evidence'), tableOf(evidence), `README.md is ${repair}`)
  t.equal(textOf('test/evidence/evidence.md'), documentOf(evidence), `evidence.md is ${repair}`)
})

t.test('every run has its row, in its order, and every promise was kept', async (t) => {
  t.same(
    evidence.rows.map(({ id, unit }) => [id, unit]),
    RUNNERS.map(({ id, unit }) => [id, unit]),
    'a run that is new has to be done once',
  )
  for (const { id, ok, count, why, commit } of evidence.rows) {
    t.ok(ok, `${id}: ${why ?? ''}`)
    t.ok(count > 0, `${id}: ${count}`)
    t.match(
      commit,
      /^[0-9a-f]{10}(, [0-9a-f]{10})*$/,
      `${id}: commits with nothing changed in them`,
    )
  }
})

t.test('every command is there', async (t) => {
  for (const runner of RUNNERS) {
    if (runner.kind === 'suite') {
      t.ok(existsSync(join(ROOT, runner.file)), runner.file)
      continue
    }
    t.match(scripts[runner.script], `dist/test/${runner.program}`, runner.id)
    t.ok(existsSync(join(ROOT, 'test', runner.program.replace(/js$/, 'ts'))), runner.program)
  }
  const resume = RUNNERS.find(({ id }) => id === 'resume')
  t.ok(resume)
  if (resume === undefined) return
  t.equal(
    commandOf(resume, { count: 1_001, seed: 7 }),
    'npm run resume -- --calls 1001 --cuts 21 --seed 7',
  )
})

t.test('time is shared out by weight, and what is left of a share is filled', async (t) => {
  const weigh = (id: string, weight: number): Runner => ({
    ...{ kind: 'long', id, weight, unit: 'calls', script: 'x', program: 'x', first: 10 },
    words: () => [],
  })
  const shares = sharesOf([weigh('a', 1), weigh('b', 3), weigh('fixed', 0)], 8_000)
  t.same(
    [...shares],
    [
      ['a', 2_000],
      ['b', 6_000],
    ],
  )
  t.equal(countFor(10_000, 100, 1_000), 810, 'nine tenths of what nine seconds are good for')
  t.equal(countFor(10_000, 100, 9_500), 0, 'too little is left')
  t.equal(countFor(10_000, 100, 20_000), 0, 'none is left')
})

t.test('figures are read as they are written, and nothing else is', async (t) => {
  const figure = {
    ...{ id: 'a', promise: 'p', fault: 'f', count: 3, seed: 1, durationMs: 2.5, ok: true },
  }
  t.same(figuresIn(JSON.stringify({ ...figure, more: 1 })), [figure])
  t.same(figuresIn(JSON.stringify([figure, figure])), [figure, figure])
  t.throws(() => figuresIn(JSON.stringify({ ...figure, ok: 'yes' })))
  t.throws(() => figuresIn('{}'))
})

t.test('assertions of TAP are counted, and not what heads them', async (t) => {
  const tap = [
    ...['TAP version 14', '# Subtest: a', '    ok 1 - x', '    not ok 2 - y', '    1..2'],
    ...['not ok 1 - a # time=3ms', 'ok 2 - b # time=1ms', 'ok 3 - c # SKIP not here', '1..3'],
  ]
  t.equal(passesIn(tap.join('\n')), 1)
})

t.test('a broken promise is shown as one', async (t) => {
  const row: EvidenceRow = {
    ...{ id: 'a', promise: 'p', fault: 'f|g', count: 1_234, unit: 'calls', seeds: [7, 8] },
    ...{ durationMs: 90_000, ok: false, command: 'npm run a', commit: 'abc', why: 'lost one' },
    date: '2026-01-02T03:04:05.000Z',
  }
  const made = { ...evidence, rows: [row] }
  t.match(tableOf(made), '| p | f\\|g | **BROKEN**: 1,234 calls, 1.5 min | `npm run a` |')
  t.match(tableOf({ ...made, rows: [{ ...row, also: { cuts: 20_000 } }] }), 'calls, 20,000 cuts, 1')
  t.match(documentOf(made), '## What was broken\n\n### a\n\n```text\nlost one\n```')
  t.notMatch(tableOf({ ...made, rows: [{ ...row, ok: true }] }), 'BROKEN')
})

t.test('parts of a run that was made in several are one row', async (t) => {
  const part = (seed: number, count: number, more: object = {}): EvidenceRow => ({
    ...{ id: 'a', promise: 'p', fault: `${count}`, count, unit: 'calls', seeds: [seed], ok: true },
    ...{ durationMs: 10, command: `npm run a -- --calls ${count} --seed ${seed}`, commit: 'c1' },
    ...{ date: `2026-01-0${seed}T00:00:00.000Z`, also: { cuts: 2, [`s${seed}`]: 1 }, ...more },
  })
  const rows = [part(3, 5, { commit: 'c2' }), { ...part(1, 7), id: 'b' }, part(2, 60), part(4, 7)]
  const [a, b, ...more] = addedRows(rows)
  t.same(more, [])
  t.same(b, rows[1], 'what has one part is that part')
  t.same(a?.also, { cuts: 6, s3: 1, s2: 1, s4: 1 })
  t.match(a, { count: 72, seeds: [3, 2, 4], durationMs: 30, ok: true, commit: 'c2, c1' })
  t.match(a, { command: 'npm run a -- --calls 60 --seed 2', date: '2026-01-04T00:00:00.000Z' })
  const [broken] = addedRows([part(1, 5), part(2, 6, { ok: false, why: 'lost one' }), part(3, 7)])
  t.match(broken, { ok: false, why: 'lost one', count: 18 }, 'one part that is broken breaks it')
})

/** Rows of the table of threats that are no headings within it. */
const threats = textOf('test/evidence/threats.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (what|---|\*\*)/.test(line))
  .map((line) => line.slice(2, -2).split(' | '))

t.test('every threat has something that stops it, and a test that exists', async (t) => {
  t.ok(threats.length >= 20, `${threats.length} threats`)
  t.match(textOf('README.md'), 'test/evidence/threats.md', 'the README leads to them')
  t.equal(new Set(threats.map(([what]) => what)).size, threats.length, 'each is there once')
  for (const [what = '', stops = '', shown = '', ...more] of threats) {
    t.same(more, [], what)
    t.ok(stops.length > 5, what)
    const [, file = '', title = ''] = /^`(test\/[\w/-]+\.test\.ts)`: (.+)$/.exec(shown) ?? []
    t.ok(file !== '' && existsSync(join(ROOT, file)), `${what}: ${shown}`)
    t.ok(file !== '' && textOf(file).includes(title), `${file} has a test "${title}"`)
  }
})
