/** What is told of mutants: which count, which survive, and why. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AREAS, areasOf } from './areas.ts'
import { REASONS } from './reasons.ts'
import { documentOf, type StrykerReport, scoreOf, scoresOf, survivorsOf } from './report.ts'

const ROOT = process.cwd()
const place = (line: number, from: number, to: number) => ({
  start: { line, column: from },
  end: { line, column: to },
})
const REPORT: StrykerReport = {
  files: {
    'src/a.ts': {
      source: 'if (x > 0) y()\nz()\n',
      mutants: [
        {
          ...{ id: '1', mutatorName: 'C' },
          replacement: 'true',
          status: 'Survived',
          location: place(1, 5, 10),
        },
        {
          ...{ id: '2', mutatorName: 'C' },
          replacement: 'false',
          status: 'Killed',
          location: place(1, 5, 10),
        },
        {
          ...{ id: '3', mutatorName: 'B' },
          replacement: '',
          status: 'NoCoverage',
          location: place(2, 1, 4),
        },
        {
          ...{ id: '4', mutatorName: 'B' },
          replacement: '',
          status: 'Timeout',
          location: place(2, 1, 4),
        },
        {
          ...{ id: '5', mutatorName: 'B' },
          replacement: '',
          status: 'Ignored',
          location: place(2, 1, 4),
        },
      ],
    },
    'src/b.ts': { source: '', mutants: [] },
  },
}

t.test('what no test reaches survives, what hangs does not', async (t) => {
  const scores = scoresOf(REPORT)
  t.same(scores, [{ file: 'src/a.ts', killed: 2, left: 2 }])
  t.equal(scoreOf(scores), 50)
  t.equal(scoreOf([]), 100)
  t.same(survivorsOf(REPORT), [
    { file: 'src/a.ts', line: 1, mutator: 'C', original: 'x > 0', replacement: 'true' },
    { file: 'src/a.ts', line: 2, mutator: 'B', original: 'z()', replacement: '' },
  ])
})

t.test('the document has each survivor with its reason, or says that there is none', async (t) => {
  const reasons = [{ file: 'src/a.ts', original: 'x > 0', replacement: 'true', why: 'saves time' }]
  const made = { commit: 'abc', date: '2026-01-02T03:04:05Z', command: 'npm run mutation' }
  const text = documentOf(REPORT, reasons, made)
  t.match(text, '| src/a.ts | 2 | 2 | 50.0 % |')
  t.match(text, '| src/a.ts:1 | `x > 0` → `true` | saves time |')
  t.match(text, '| src/a.ts:2 | `z()` → `` | no test notices it yet |')
  t.match(text, 'at commit `abc`, 2026-01-02')
})

t.test('reasons are of code that is there', async (t) => {
  for (const { file, original } of REASONS) {
    const source = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\s+/g, ' ')
    t.ok(source.includes(original), `${file}: ${original}`)
  }
})

t.test('a path belongs to its area, and to no area when it is elsewhere', async (t) => {
  t.same(areasOf([]), AREAS)
  t.same(
    areasOf(['src/peer/rpc-resume.ts', 'src/uvmem/host.ts']).map(({ name }) => name),
    ['hypervisor core', 'sessions'],
  )
  t.same(areasOf(['src/lab/run.ts']), [])
})
