/** What the options of a load run may say. */
import t from 'tap'
import { prng } from '../../src/lib/prng.ts'
import { parseChaos } from '../../src/load/chaos.ts'
import { durationText, parseDuration } from '../../src/load/duration.ts'
import { drawOperation, parseMix } from '../../src/load/mix.ts'
import { clientsAt, lengthOf, parseStages, rampOf } from '../../src/load/stages.ts'
import { judge, type Measured, parseThreshold, type Threshold } from '../../src/load/threshold.ts'

t.test('durations', async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ['500us', 0.5],
    ['20ms', 20],
    ['1.5s', 1_500],
    ['30', 30_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ]
  for (const [text, ms] of cases) t.equal(parseDuration(text), ms, text)
  for (const text of ['', 's', '-1s', '1 day', '1e3s', '0x10s'])
    t.ok(Number.isNaN(parseDuration(text)), text)
  t.same([0.02, 5.25, 870, 1_250].map(durationText), ['20 µs', '5.25 ms', '870 ms', '1.25 s'])
})

t.test('a mix gives every operation its share', async (t) => {
  const mix = parseMix('churn=3,touch=1')
  if (typeof mix === 'string') throw new Error(mix)
  t.equal(mix.boot, 0, 'what is left out is not done')
  const random = prng(5)
  const drawn = Array.from({ length: 4_000 }, () => drawOperation(mix, random))
  const churns = drawn.filter((name) => name === 'churn').length
  t.ok(churns > 2_800 && churns < 3_200, `${churns} of 4,000 with seed 5`)
  t.equal(drawn.filter((name) => name === 'touch').length, 4_000 - churns)
  const wrong = {
    'fly=1': 'fly: no operation; there are boot, churn, share, fault, hotplug, reboot, touch',
    'boot=1,boot=2': 'boot: named twice',
    boot: 'boot: expected NAME=WEIGHT',
    'boot=-1': 'boot=-1: expected NAME=WEIGHT',
    'boot=1000001': 'boot=1000001: expected NAME=WEIGHT',
    'boot=0': 'every weight is 0',
  }
  for (const [text, why] of Object.entries(wrong)) t.equal(parseMix(text), why)
  t.not(typeof parseMix('boot=1000000'), 'string', 'the heaviest weight')
})

t.test('clients come and go in straight lines', async (t) => {
  const stages = rampOf(100, { rampUpMs: 10_000, holdMs: 5_000, rampDownMs: 10_000 })
  t.equal(lengthOf(stages), 25_000)
  const cases = { 0: 0, 2500: 25, 9999: 100, 10000: 100, 14999: 100, 20000: 50, 25000: 0, 99999: 0 }
  for (const [ms, clients] of Object.entries(cases)) {
    t.equal(clientsAt(stages, Number(ms)), clients, `after ${ms} ms`)
  }
  const sudden = rampOf(8, { rampUpMs: 0, holdMs: 1_000, rampDownMs: 0 })
  t.equal(clientsAt(sudden, 0), 8, 'without a ramp all are there at once')
  t.same(parseStages('10s:5,1m:5,500ms:0', 5), [
    { ms: 10_000, clients: 5 },
    { ms: 60_000, clients: 5 },
    { ms: 500, clients: 0 },
  ])
  t.equal(parseStages('10s:6', 5), '10s:6: there are 5 clients')
  t.equal(parseStages('10s', 5), '10s: expected DURATION:CLIENTS, such as 30s:100')
  t.equal(parseStages('0s:5', 5), 'the stages last longer than nothing, a week at most')
})

t.test('chaos is a rate for each event', async (t) => {
  t.same(parseChaos('kill=0.1/s'), { kill: 0.1, cut: 0, reconnect: 0 })
  t.same(parseChaos('kill=30/m,cut=6/m,reconnect=36/h'), { kill: 0.5, cut: 0.1, reconnect: 0.01 })
  t.equal(
    parseChaos('burn=1/s'),
    'burn=1/s: expected kill=RATE, cut=RATE or reconnect=RATE, such as kill=0.1/s',
  )
  t.equal(
    parseChaos('kill=1'),
    'kill=1: expected kill=RATE, cut=RATE or reconnect=RATE, such as kill=0.1/s',
  )
  t.same(parseChaos('kill=1000/s'), { kill: 1_000, cut: 0, reconnect: 0 }, 'at the limit')
  t.equal(parseChaos('kill=1001/s'), 'kill=1001/s: at most 1000/s')
})

const MEASURED: Measured = {
  count: 1_000,
  failed: 20,
  ratePerS: 98,
  meanMs: 7,
  p50Ms: 5,
  p90Ms: 12,
  p99Ms: 20,
  p999Ms: 40,
  maxMs: 55,
}

t.test('a threshold is kept or broken', async (t) => {
  const cases: readonly (readonly [string, boolean, string])[] = [
    ['p99<20ms', false, '20.0 ms'],
    ['p99<=20ms', true, '20.0 ms'],
    ['p99 < 0.021s', true, '20.0 ms'],
    ['p50>4ms', true, '5.00 ms'],
    ['p99.9<=40ms', true, '40.0 ms'],
    ['max<55ms', false, '55.0 ms'],
    ['errors<2%', false, '2.00 %'],
    ['errors<=2%', true, '2.00 %'],
    ['rate>100/s', false, '98.0/s'],
    ['rate>=98', true, '98.0/s'],
    ['count>=1000', true, '1000'],
  ]
  for (const [text, ok, was] of cases) {
    const threshold = parseThreshold(text) as Threshold
    t.same(judge(threshold, MEASURED), { text, ok, was })
  }
  const esm = parseThreshold('esm.p99<2s') as Threshold
  t.equal(esm.metric, 'esm')
  t.equal(judge(esm, undefined).ok, false, 'what was not measured keeps no limit')
  t.equal(judge(esm, { ...MEASURED, count: 0 }).was, 'nothing was measured')
})

t.test('a threshold that says nothing is refused', async (t) => {
  const wrong = {
    p99: 'p99: expected such as p99<20ms, esm.p99<2s, errors<1% or rate>100/s',
    'p98<1s': 'p98<1s: expected such as p99<20ms, esm.p99<2s, errors<1% or rate>100/s',
    'p99<20': 'p99<20: 20: expected a duration, such as 20ms',
    'errors<1': 'errors<1: 1: expected a percentage, such as 1%',
    'rate>5ms': 'rate>5ms: 5ms: expected a rate, such as 100/s',
  }
  for (const [text, why] of Object.entries(wrong)) t.equal(parseThreshold(text), why)
  t.match(
    parseThreshold('fly.p99<1s'),
    /^fly: nothing is measured under that name; there are boot, /,
  )
})
