import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../bin/command.ts'
import { replayHvTrace } from '../conformance/hv-replay.ts'
import { parseHvTrace } from '../conformance/hv-trace.ts'

t.test('uvmem check ends with 0, 1, 2 or 3, and says why', async (t) => {
  const trace = join(t.testdir(), 'found.jsonl')
  const v1 = ['check', '--profile', 'series-v1', '--uv', 'firmware', '--world', 'switch']
  const cases = [
    { words: ['check', '--world', 'switch'], code: 0, out: /Every state was looked at/ },
    { words: [...v1, '--trace', trace], code: 1, out: /I2: VM 1 GFN 1 .*after 11 moves/ },
    { words: ['check', '--world', 'nested'], code: 1, out: /DEADLOCK/ },
    { words: ['check', '--states-max', '100'], code: 3, out: /bound of states was reached/ },
  ]
  for (const { words, code, out } of cases) {
    const ended = await run(t, words)
    t.match(ended, { code, out }, words.join(' '))
    t.match(ended.out, /[\d,]+ states\/s/, 'how fast it was is told')
  }
  const replayed = replayHvTrace(parseHvTrace(readFileSync(trace, 'utf8')))
  t.match(replayed, { steps: 5, agreed: 5, disagreements: [] }, 'the file can be replayed')
  const usage = await run(t, ['check', '--world', 'none'])
  t.match(usage, { code: 2, err: /--world.*one of default/ })
  t.equal(usage.out, '', 'nothing was looked at')
})

t.test('uvmem check --json says all of it to a program', async (t) => {
  const { code, out } = await run(t, ['check', '--world', 'nested', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(out), {
    world: { name: 'nested' },
    end: 'found',
    findings: [{ id: 'DEADLOCK', told: ['the guest calls UV_ESM', String] }],
  })
})

t.test('uvmem lab run prints a table, JSON, or a page', async (t) => {
  const page = join(t.testdir(), 'lab.html')
  const one = ['lab', 'run', '--design', 'series-v1', '--sizes', '1GB']
  const { code, out } = await run(t, [...one, '--html', page])
  t.equal(code, 0, 'a broken invariant is a result, not a failure')
  t.match(out, /series-v1 +early page-out +broken: I2, I4/)
  t.match(out, /256 us a page through H_SVM_PAGE_IN/, 'the parameters of the prediction are there')
  const html = readFileSync(page, 'utf8')
  t.match(html, /<svg[\s\S]*<path d="M/)
  t.notMatch(html, /(src|href)=/, 'the page needs nothing from elsewhere')
  const json = await run(t, ['lab', 'run', '--design', 'spec', '--sizes', 'none', '--json'])
  const { experiments, switches } = JSON.parse(json.out)
  t.same(switches, [])
  t.same(
    new Set(experiments.map(({ broken }: { broken: string[] }) => broken.length)),
    new Set([0]),
  )
  t.match(await run(t, ['lab', 'run', '--design', 'best']), { code: 2, err: /--design/ })
  t.match(await run(t, ['lab', 'run', '--sizes', '5TB']), { code: 2, err: /--sizes/ })
})
