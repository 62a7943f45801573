/** From samples to figures: batches, tallies, seconds, charts. */
import t from 'tap'
import { type Batch, BatchReader, BatchWriter, type Sample } from '../../src/load/batch.ts'
import { chartHtml, escaped, linearScale, logScale } from '../../src/load/chart.ts'
import { Recorder } from '../../src/load/recorder.ts'

t.test('samples arrive as they were taken, codes by their names', async (t) => {
  const batches: Batch[] = []
  const writer = new BatchWriter((batch) => batches.push(batch))
  writer.add('boot', 100, 12.5, undefined)
  writer.add('churn', 200, 3, 'LOAD MMIO')
  writer.flush()
  writer.add('churn', 300, 4, 'LOAD MMIO')
  writer.add('esm', 301, 4, 'OTHER')
  writer.flush()
  writer.flush()
  t.equal(batches.length, 2, 'an empty batch is not sent')
  t.same(
    batches.map(({ codes }) => codes),
    [['LOAD MMIO'], ['OTHER']],
    'each code is named once',
  )
  const reader = new BatchReader()
  const read: Sample[] = []
  for (const batch of batches) reader.read(batch, (sample) => read.push(sample))
  t.same(read, [
    { metric: 'boot', endMs: 100, ms: 12.5, code: undefined },
    { metric: 'churn', endMs: 200, ms: 3, code: 'LOAD MMIO' },
    { metric: 'churn', endMs: 300, ms: 4, code: 'LOAD MMIO' },
    { metric: 'esm', endMs: 301, ms: 4, code: 'OTHER' },
  ])
})

t.test('a batch leaves by itself when it is full', async (t) => {
  const sizes: number[] = []
  const writer = new BatchWriter(({ numbers }) => sizes.push(numbers.length / 4))
  for (let n = 0; n < 1_025; n++) writer.add('touch', n, 1, undefined)
  t.same(sizes, [1_024])
  writer.flush()
  t.same(sizes, [1_024, 1])
})

const sample = (part: Partial<Sample>): Sample => ({
  metric: 'churn',
  endMs: 500,
  ms: 10,
  code: undefined,
  ...part,
})

t.test('latency is of what succeeded; errors and what was killed count apart', async (t) => {
  const recorder = new Recorder()
  for (let n = 1; n <= 100; n++) recorder.take(sample({ ms: n }))
  recorder.take(sample({ ms: 9_000, code: 'REFUSED' }))
  recorder.take(sample({ ms: 9_000, code: 'KILLED' }))
  const [churn] = recorder.metrics()
  t.equal(churn?.count, 101)
  t.equal(churn?.failed, 1)
  t.equal(churn?.killed, 1)
  t.same(churn?.errors, { REFUSED: 1 })
  const at = (p: number) => Math.round(churn?.latencies.find((l) => l.percentile === p)?.ms ?? 0)
  t.same([at(0), at(50), at(99), at(100)], [1, 50, 99, 100])
})

t.test('details are measured, and are no operations', async (t) => {
  const recorder = new Recorder()
  recorder.take(sample({ metric: 'esm' }))
  recorder.take(sample({ metric: 'boot' }))
  t.equal(recorder.total.count, 1)
  t.same(
    recorder.metrics().map(({ name }) => name),
    ['boot', 'esm'],
  )
})

t.test('each second has its own figures', async (t) => {
  const recorder = new Recorder()
  recorder.observe(3, 1.5)
  recorder.take(sample({ endMs: 200, ms: 4 }))
  recorder.take(sample({ endMs: 2_100, ms: 8, metric: 'boot' }))
  recorder.take(sample({ endMs: 2_200, code: 'REFUSED' }))
  recorder.take(sample({ endMs: 2_300, code: 'KILLED' }))
  recorder.tick(3_000)
  const seconds = recorder.seconds()
  t.same(
    seconds.map(({ at, operations, errors, clients }) => ({ at, operations, errors, clients })),
    [
      { at: 0, operations: 1, errors: 0, clients: 3 },
      { at: 2, operations: 2, errors: 1, clients: 3 },
    ],
  )
  t.same(seconds[1]?.mix, { boot: 1, churn: 1 })
  t.equal(Math.round(seconds[0]?.p50Ms ?? 0), 4)
})

t.test('scales end at round numbers', async (t) => {
  t.same(
    linearScale(83).ticks.map(({ text }) => text),
    ['0', '25', '50', '75', '100'],
  )
  t.equal(linearScale(0).end > 0, true, 'nothing is still a scale')
  const log = logScale(3, 900, String)
  t.same(
    log.ticks.map(({ text }) => text),
    ['1', '10', '100', '1000'],
  )
  t.equal(log.at(10), 1 / 3)
  t.equal(log.at(0), 0, 'below the scale is its end')
})

t.test('no text of a report can become markup', async (t) => {
  t.equal(escaped(`<b a="1">'&`), '&lt;b a=&quot;1&quot;&gt;&#39;&amp;')
  const line = { name: '<script>', colour: 0, points: [[0, 0] as const, [1, 1] as const] }
  const page = chartHtml({
    title: '<i>',
    text: '<u>',
    xName: '<s>',
    yName: '<q>',
    x: [{ at: 0, text: '<a>' }],
    y: [{ at: 1, text: '<p1>' }],
    lines: [line],
  })
  t.notMatch(page, /<(script|i>|u>|s>|q>|a>|p1)/)
  t.match(page, 'd="M0.0 1000.0L1000.0 0.0"', 'from the lower left to the upper right corner')
})
