/** What is told of mutants: which count, which survive, and why. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AREAS, filesOf, testsOf } from './areas.ts'
import { shouldIgnore } from './ignored-code.ts'
import { afterRunning } from './patient-timers.ts'
import { REASONS } from './reasons.ts'
import { documentOf, withoutReason } from './report.ts'
import { mergedResults, percentOf, readResults, scoreOf, withFewerSurvivors } from './results.ts'
import { emptyResult, noticedIn, resultsOf, type StrykerReport } from './stryker-report.ts'

const ROOT = process.cwd()
const MADE = { commit: 'abc', date: '2026-01-02' }

const mutant = (
  status: string,
  replacement: string,
  [line, from, toLine, to]: readonly [number, number, number, number],
) => ({
  ...{ mutatorName: 'M', replacement, status },
  location: { start: { line, column: from }, end: { line: toLine, column: to } },
})
const REPORT: StrykerReport = {
  files: {
    'src/a.ts': {
      source: 'if (x > 0) y()\nz(\n  1)\n',
      mutants: [
        mutant('Survived', 'true', [1, 5, 1, 10]),
        mutant('Killed', 'false', [1, 5, 1, 10]),
        mutant('NoCoverage', '', [2, 1, 3, 5]),
        mutant('Timeout', '', [2, 1, 3, 5]),
        mutant('Ignored', '', [2, 1, 3, 5]),
        mutant('RuntimeError', '', [2, 1, 3, 5]),
      ],
    },
    'src/b.ts': { source: '', mutants: [] },
  },
}
const [A, B] = resultsOf(REPORT, MADE)

t.test('what no test reaches survives, what hangs does not', async (t) => {
  t.same(A, {
    ...{ file: 'src/a.ts', digest: 'c27f3e0872c3', ...MADE },
    ...{ killed: 1, timeout: 1, survived: 1, noCoverage: 1, ignored: 2 },
    survivors: [
      { line: 1, lines: 1, mutator: 'M', original: 'x > 0', replacement: 'true' },
      { line: 2, lines: 2, mutator: 'M', original: 'z( 1)', replacement: '' },
    ],
  })
  t.same(B?.survivors, [])
  t.same(scoreOf([A, B].filter((each) => each !== undefined)), { noticed: 2, left: 2 })
  t.equal(percentOf({ noticed: 2, left: 2 }), 50)
  t.equal(percentOf({ noticed: 0, left: 0 }), 100)
})

t.test(
  'a run over some files leaves the results of the others, and forgets what is gone',
  async (t) => {
    const result = (file: string, commit: string) => ({
      ...{ file, digest: '', date: '', killed: 0, timeout: 0, survived: 0, noCoverage: 0 },
      ...{ commit, ignored: 0, survivors: [] },
    })
    const older = [result('a', 'old'), result('b', 'old'), result('gone', 'old')]
    const merged = mergedResults(older, [result('a', 'new')], (file) => file !== 'gone')
    t.same(
      merged.map(({ file, commit }) => `${file} ${commit}`),
      ['a new', 'b old'],
    )
  },
)

t.test(
  'what survived once and does not again is noticed; the rest of the file stays',
  async (t) => {
    const survivor = (line: number, replacement: string) => ({
      ...{ line, lines: 1, mutator: 'M', original: 'x', replacement },
    })
    const counts = { digest: 'd', date: '', killed: 5, timeout: 1, survived: 2, noCoverage: 1 }
    const older = {
      ...{ file: 'a', ...counts, commit: 'old', ignored: 2 },
      survivors: [survivor(1, 'y'), survivor(1, 'z'), survivor(7, 'y')],
    }
    const now = { commit: 'new', date: 'now' }
    t.same(withFewerSurvivors(older, [survivor(1, 'y'), survivor(1, 'other')], now), {
      ...{ ...older, ...now, killed: 6, survived: 1, noCoverage: 1 },
      survivors: [survivor(1, 'z'), survivor(7, 'y')],
    })
    t.same(noticedIn(REPORT, 'src/a.ts'), [
      { line: 1, lines: 1, mutator: 'M', original: 'x > 0', replacement: 'false' },
      { line: 2, lines: 2, mutator: 'M', original: 'z( 1)', replacement: '' },
    ])
  },
)

t.test('the document has each survivor with its reason, or says that there is none', async (t) => {
  const reason = {
    file: 'src/a.ts',
    original: 'x > 0',
    replacement: ['x', 'true'],
    why: 'saves time',
  }
  const parts = [{ name: 'core', files: ['src/a.ts', 'src/other.ts'] }]
  const text = documentOf(A === undefined ? [] : [A], [reason], parts)
  t.match(text, '| **core**: 1 of 2 files | 4 | 2 | 1 | 1 | 50.0 % |')
  t.match(text, '| src/a.ts | 4 | 2 | 1 | 1 | 50.0 % |')
  t.match(text, '| src/a.ts:1 | `x > 0` → `true` | saves time |')
  t.match(text, '| src/a.ts:2 | `z( 1)` → `` | no test notices it yet |')
  t.notMatch(text, 'src/other.ts', 'a file that was not measured has no line')
})

t.test('a file with nothing to change is named once, and has no score', async (t) => {
  const empty = emptyResult('src/types.ts', '', MADE)
  const parts = [{ name: 'core', files: ['src/a.ts', 'src/types.ts'] }]
  const text = documentOf(A === undefined ? [] : [A, empty], [], parts)
  t.match(text, '| **core**: 2 of 2 files | 4 | 2 | 0 | 2 | 50.0 % |')
  t.match(text, 'Types and constants alone, with nothing to change: src/types.ts.')
  t.notMatch(text, '| src/types.ts |')
  t.notMatch(documentOf([], [], parts), 'Types and constants')
})

t.test('a time limit does not pass while the process is stopped', async (t) => {
  let tick: () => void = () => undefined
  let cleared = 0
  let clock = 0
  let ended = 0
  const timers = {
    setInterval: (run: () => void) => {
      tick = run
      return 7 as never
    },
    clearInterval: (timer: unknown) => {
      t.equal(timer, 7)
      cleared++
    },
  }
  const at = (ms: number): number => {
    clock = ms
    tick()
    return ended
  }
  afterRunning(
    () => ended++,
    1_100,
    timers as never,
    () => clock,
  )
  t.equal(at(250), 0)
  t.equal(at(500), 0)
  t.equal(at(90_000), 0, 'a minute and a half without a tick counts as half a second')
  t.equal(cleared, 0)
  t.same([at(90_100), cleared], [1, 1])
})

t.test('reasons are of code that is there', async (t) => {
  t.ok(REASONS.length > 0)
  for (const { file, original } of REASONS) {
    const source = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\s+/g, ' ')
    t.ok(source.includes(original), `${file}: ${original}`)
  }
})

t.test('results are of files that are mutated', async (t) => {
  const all = AREAS.flatMap((area) => filesOf(area, []))
  for (const { file } of readResults(ROOT)) t.ok(all.includes(file), file)
})

t.test(
  'every file is measured, 90 % of each area is noticed, and the rest has reasons',
  async (t) => {
    const results = readResults(ROOT)
    for (const area of AREAS) {
      const files = filesOf(area, [])
      const own = results.filter(({ file }) => files.includes(file))
      const missing = files.filter((file) => !own.some((result) => result.file === file))
      t.same(missing, [], `${area.name}: npm run mutation -- ${missing.join(' ')}`)
      t.ok(percentOf(scoreOf(own)) >= 90, area.name)
      for (const result of own) t.same(withoutReason(REASONS, result), [], result.file)
    }
  },
)

t.test('a path stands for what is at it or under it, in its area', async (t) => {
  const filesAt = (path: string) => AREAS.map((area) => filesOf(area, [path]).length > 0)
  t.same(filesAt('src/uvmem/host.ts'), [true, false, false, false])
  t.same(filesAt('src/ultravisor'), [false, true, false, false])
  t.same(filesAt('src/peer/rpc-resume.ts'), [false, false, true, false])
  t.same(filesAt('src/hv/session-grace.ts'), [false, false, false, true])
  t.same(filesAt('src/peer'), [false, false, true, true])
  t.same(filesAt('src/peer/rpc-json.ts'), [false, false, false, false])
  t.same(filesAt('src/lab'), [false, false, false, false])
})

t.test('each area has sources and tests', async (t) => {
  for (const area of AREAS) {
    t.ok(filesOf(area, []).length > 1, `${area.name}: sources`)
    const [quick, all] = [testsOf(area, false), testsOf(area, true)]
    t.ok(quick.length > 1, `${area.name}: tests`)
    t.same(all.slice(0, quick.length), quick, 'the slow ones come after the others')
    t.equal(new Set(all).size, all.length)
  }
})

t.test('checks of what never happens are not changed, conditions of calls are', async (t) => {
  const argument = (name: string, type: string) => ({
    ...{ node: { type }, listKey: 'arguments' },
    parent: { type: 'CallExpression', callee: { name } },
  })
  t.equal(shouldIgnore(argument('invariant', 'BinaryExpression')), 'a check of what never happens')
  t.match(shouldIgnore(argument('present', 'StringLiteral')), 'the text of a mistake')
  t.equal(shouldIgnore(argument('present', 'CallExpression')), undefined)
  t.equal(shouldIgnore(argument('refuse', 'StringLiteral')), undefined)
  t.equal(shouldIgnore({ node: { type: 'StringLiteral' } }), undefined)
  const call = (name: string) => ({ type: 'CallExpression', callee: { name } })
  const only = (name: string, test: object | null, statement: 'expression' | 'argument') => ({
    node: { type: 'SwitchCase', test, consequent: [{ [statement]: call(name) }] },
  })
  for (const statement of ['expression', 'argument'] as const) {
    const why = 'a check of what never happens'
    t.equal(shouldIgnore(only('unreachable', null, statement)), why)
    t.equal(shouldIgnore(only('unreachable', {}, statement)), undefined, 'a case that happens')
    t.equal(shouldIgnore(only('refuse', null, statement)), undefined)
  }
})
