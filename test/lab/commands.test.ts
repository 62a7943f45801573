import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../bin/command-line.ts'

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
    const ended = await run(words)
    t.match(ended, { code, out }, words.join(' '))
    t.match(ended.out, /[\d,]+ states\/s/, 'how fast it was is told')
  }
  const none = join(t.testdir(), 'none.jsonl')
  const sound = await run(['check', '--world', 'switch', '--trace', none])
  t.match(sound, { code: 0, err: /none\.jsonl: nothing was written: nothing was found/ })
  t.notOk(existsSync(none))
  const usage = await run(['check', '--world', 'none'])
  t.match(usage, { code: 2, err: /--world.*one of default/ })
  t.equal(usage.out, '', 'nothing was looked at')
})

t.test('uvmem replay runs a finding again, as it was and under another profile', async (t) => {
  const trace = join(t.testdir(), 'found.jsonl')
  const v1 = ['check', '--profile', 'series-v1', '--uv', 'firmware', '--world', 'switch']
  t.equal((await run([...v1, '--trace', trace])).code, 1)
  const [same, mended, json] = await Promise.all([
    run(['replay', trace]),
    run(['replay', trace, '--profile', 'spec']),
    run(['replay', trace, '--json']),
  ])
  t.match(same, { code: 0, out: /^found\.jsonl: 1 traces, 5 steps, 5 agree / })
  t.equal(mended.code, 1, 'the documented behaviour goes another way')
  t.match(
    mended.out,
    /step 3 .*host_touch.* vm1\.s0\.g: expected \.,\., got M,\./,
    'and here it does',
  )
  t.match(JSON.parse(json.out), { how: 'same', traces: 1, steps: 5, agreed: 5, disagreements: [] })
})

t.test('uvmem replay says what does not agree, and what it cannot read', async (t) => {
  const uv = '{"id":"uv","variant":"uv","pool":4,"steps":[{"op":{"op":"create","lpid":1},'
  const step = '"hcall_script":[],"ret":0,"ret_name":"U_SUCCESS","hcalls":[],"state":'
  const folder = t.testdir({
    'wrong.jsonl': `${uv}${step}{"avail":4,"svm1.state":0,"svm1.rsv":0}}]}\n`,
    'cut.jsonl': '{"id":"x","variant":"linux-6",',
  })
  const wrong = await run(['replay', join(folder, 'wrong.jsonl')])
  t.match(wrong, { code: 1, out: /uv step 0 .* avail: expected 4, got 3/ })
  const cut = await run(['replay', join(folder, 'cut.jsonl')])
  t.match(cut, { code: 1, out: /line 1 .*expected a recording/ })
  const other = await run(['replay', join(folder, 'wrong.jsonl'), '--profile', 'spec'])
  t.match(other, { code: 2, out: '', err: /--profile spec: .*recording of an ultravisor/ })
})

t.test('uvmem check --json says all of it to a program', async (t) => {
  const { code, out } = await run(['check', '--world', 'nested', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(out), {
    world: { name: 'nested' },
    end: 'found',
    findings: [{ id: 'DEADLOCK', told: ['the guest calls UV_ESM', String] }],
  })
})

t.test('uvmem lab run prints a table, JSON, or a page', async (t) => {
  const folder = t.testdir()
  const page = join(folder, 'lab.html')
  const one = ['lab', 'run', '--design', 'series-v1', '--sizes', '0.1GB']
  const { code, out } = await run([...one, '--html', page, '--plots', join(folder, 'plots')])
  t.equal(code, 0, 'a broken invariant is a result, not a failure')
  t.match(out, /series-v1 +early page-out +broken: I2, I4/)
  t.match(out, /256 us a page through H_SVM_PAGE_IN/, 'the parameters of the prediction are there')
  const html = readFileSync(page, 'utf8')
  t.match(html, /<svg[\s\S]*<path d="M/)
  t.notMatch(html, /(src|href)=/, 'the page needs nothing from elsewhere')
  t.same(readdirSync(join(folder, 'plots')).sort(), [
    'free-page-search.svg',
    'run.json',
    'switch-time-measured.svg',
    'switch-time-predicted.svg',
    'ultracalls.svg',
  ])
  const json = await run(['lab', 'run', '--design', 'spec', '--sizes', 'none', '--json'])
  const { experiments, switches } = JSON.parse(json.out)
  t.same(switches, [])
  t.same(
    new Set(experiments.map(({ broken }: { broken: string[] }) => broken.length)),
    new Set([0]),
  )
  t.match(await run(['lab', 'run', '--design', 'best']), { code: 2, err: /--design/ })
  t.match(await run(['lab', 'run', '--sizes', '5TB']), { code: 2, err: /--sizes/ })
})
