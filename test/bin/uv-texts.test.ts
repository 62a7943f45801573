import { Writable } from 'node:stream'
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { stepLine, tableOf } from '../../src/bin/demo-table.ts'
import { endpointsOf } from '../../src/bin/endpoints.ts'
import { barText, counted, drawProgress, elapsed } from '../../src/bin/progress-bar.ts'
import { reportLine, type SwitchReport } from '../../src/bin/uv-switch.ts'

t.test(
  'an address may be that of the page, of the WebSocket, or of a host behind TLS',
  async (t) => {
    const cases = [
      ['http://h:1', 'ws://h:1/v1/uv', 'http://h:1'],
      ['http://h:1/', 'ws://h:1/v1/uv', 'http://h:1'],
      ['ws://h:1/v1/uv', 'ws://h:1/v1/uv', 'http://h:1'],
      ['https://h', 'wss://h/v1/uv', 'https://h'],
      ['wss://h/other', 'wss://h/other', 'https://h'],
    ] as const
    for (const [given, uv, http] of cases) t.same(endpointsOf(given), { uv, http }, given)
    const apart = endpointsOf('ws://h:1/v1/uv', 'https://rest.example/v1')
    t.same(apart, { uv: 'ws://h:1/v1/uv', http: 'https://rest.example' })
    t.throws(() => endpointsOf('h:1'), /--url "h:1": expected http:/)
  },
)

t.test('numbers are written for people', async (t) => {
  t.same([0, 999, 1_000, 1_638_400, 12.6].map(counted), ['0', '999', '1,000', '1,638,400', '13'])
  t.same([0.4, 999, 1_000, 12_345].map(elapsed), ['0 ms', '999 ms', '1.0 s', '12.3 s'])
})

t.test('a bar says how far, how fast, and never more than all', async (t) => {
  const half = barText('pages', { done: 1_000, total: 2_000 }, 2_000)
  t.equal(half, `pages [${'#'.repeat(15)}${'.'.repeat(15)}]  50 %  1,000 of 2,000  500/s`)
  t.match(barText('pages', { done: 3, total: 2 }, 0), /\[#{30}\] 100 % {2}3 of 2 {2}0\/s$/)
  t.match(barText('pages', { done: 0, total: 0 }, 10), /\[\.{30}\] {3}0 %/)
})

t.test('a bar is drawn on a terminal only, and is gone afterwards', async (t) => {
  let said = ''
  const err = new Writable({
    write: (chunk, _, done) => {
      said += String(chunk)
      done()
    },
  })
  drawProgress(err, false, 'pages', () => ({ done: 1, total: 2 }))()
  t.equal(said, '')
  drawProgress(err, true, 'pages', () => ({ done: 1, total: 2 }))()
  t.match(said, 'pages [###############')
  t.ok(said.endsWith('\r\x1b[2K'))
})

const REPORT: SwitchReport = {
  lpid: asLpid(7),
  ok: true,
  strategy: 'necessary',
  ms: 1_234,
  hypercalls: 86,
  page_ins: 83,
  shares: 1,
  ultracalls: 85,
  pages_taken: 84,
  states: { SECURE: 4_095, PSEUDO_SHARED: 1 },
  disagreements: 0,
  failure: null,
}

t.test('the line of a switch: what it took, or which call ended it with which code', async (t) => {
  t.equal(
    reportLine(REPORT),
    'LPID 7: secure in 1.2 s: 83 pages in, 1 shared, 86 hypercalls, 85 ultracalls; frames: 4,095 SECURE, 1 PSEUDO_SHARED',
  )
  t.equal(
    reportLine({ ...REPORT, ok: false, disagreements: 1_200 }),
    'LPID 7: hypervisor and ultravisor differ on 1,200 frames',
  )
  const failure = {
    call: 'H_SVM_INIT_START of LPID 7',
    code: 'H_UNSUPPORTED (-67)',
    step: 'init-start',
    why: 'it answered -67',
    guest_sees: 'H_UNSUPPORTED (-67)',
  }
  const start = 'LPID 7: UV_ESM failed at step init-start: it answered -67; '
  t.equal(
    reportLine({ ...REPORT, failure }),
    `${start}H_SVM_INIT_START of LPID 7 answered H_UNSUPPORTED (-67)`,
  )
  t.equal(
    reportLine({ ...REPORT, failure: { ...failure, guest_sees: 'H_PARAMETER (-4)' } }),
    `${start}H_SVM_INIT_START of LPID 7 answered H_UNSUPPORTED (-67); the guest sees H_PARAMETER (-4)`,
  )
})

t.test('a line and a table of the demo', async (t) => {
  const hv = { normal: 0, secure: 1_023, paged_out: 2, shared: 1 }
  const after = { hv, uv: {}, hypercalls: 9, ultracalls: 8, wrong: [] }
  const good = {
    name: 'one',
    ok: true,
    ms: 12,
    hypercalls: 1_395,
    ultracalls: 4,
    text: 'done',
    after,
  }
  const bad = { ...good, name: 'two', ok: false, text: 'not so', after: null }
  const odd = { ...good, name: 'three', ok: false, after: { ...after, wrong: ['odd'] } }
  t.equal(stepLine(3, good), `ok    3 ${'one'.padEnd(27)}   12 ms  done`)
  t.equal(stepLine(14, bad), `FAIL 14 ${'two'.padEnd(27)}   12 ms  not so`)
  t.same(tableOf([good, bad, odd]).split('\n'), [
    'step    time  hypercalls  ultracalls  normal  secure  paged out  shared  both sides',
    '-----  -----  ----------  ----------  ------  ------  ---------  ------  ----------',
    'one    12 ms       1,395           4       0   1,023          2       1       agree',
    'two    12 ms       1,395           4       -       -          -       -      FAILED',
    'three  12 ms       1,395           4       0   1,023          2       1      DIFFER',
  ])
})
