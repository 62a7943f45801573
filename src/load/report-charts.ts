/** The charts of a report: throughput and latency over time, latency by percentile, the mix. */
import { type Chart, type Line, linearScale, logScale, type Tick } from './chart.ts'
import { durationText } from './duration.ts'
import { OPERATION_NAMES } from './metric.ts'
import type { LoadReport } from './report.ts'

type Second = LoadReport['seconds'][number]

export function chartsOf(report: LoadReport): readonly Chart[] {
  return report.seconds.length === 0
    ? []
    : [throughput(report), latency(report), percentiles(report), mix(report)]
}

/** Colours follow the operation, whatever else is shown. */
const colourOf = (name: string): number => (OPERATION_NAMES as readonly string[]).indexOf(name)

/** Seconds from the first to the last; one second is a line, too. */
function timeScale(seconds: readonly Second[]): {
  readonly at: (second: Second) => number
  readonly ticks: readonly Tick[]
} {
  const last = Math.max(1, seconds.at(-1)?.at ?? 1)
  const { end, ticks } = linearScale(last)
  const shown = ticks
    .filter(({ at }) => at * end <= last)
    .map(({ at, text }) => ({ at: (at * end) / last, text }))
  return { at: ({ at }) => at / last, ticks: shown }
}

function throughput({ seconds, plan }: LoadReport): Chart {
  const time = timeScale(seconds)
  const { end, ticks } = linearScale(
    Math.max(...seconds.map(({ operations, clients }) => Math.max(operations, clients))),
  )
  const line = (
    name: string,
    colour: number | undefined,
    of: (second: Second) => number,
  ): Line => ({
    name,
    colour,
    points: seconds.map((second) => [time.at(second), of(second) / end]),
  })
  const lines = [
    line('clients', undefined, ({ clients }) => clients),
    line('operations a second', 0, ({ operations }) => operations),
    line('errors a second', 5, ({ errors }) => errors),
  ]
  const aim = plan.ratePerS === null ? '' : ` The model asks for ${plan.ratePerS}/s.`
  return {
    title: 'Throughput',
    text: `Operations that ended in each second, and the clients that were connected.${aim}`,
    xName: 'seconds',
    yName: 'a second',
    x: time.ticks,
    y: ticks,
    lines,
  }
}

function latency({ seconds, model }: LoadReport): Chart {
  const time = timeScale(seconds)
  const heard = seconds.filter(({ p99Ms }) => p99Ms > 0)
  const scale = msScale(heard.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms]))
  const line = (name: string, colour: number, of: (second: Second) => number): Line => ({
    name,
    colour,
    points: heard.map((second) => [time.at(second), scale.at(of(second))]),
  })
  return {
    title: 'Latency',
    text:
      model === 'open'
        ? 'All operations, from when each should have begun.'
        : 'All operations, from when each began.',
    xName: 'seconds',
    yName: 'logarithmic',
    x: time.ticks,
    y: scale.ticks,
    lines: [line('median', 0, ({ p50Ms }) => p50Ms), line('99 %', 3, ({ p99Ms }) => p99Ms)],
  }
}

const msScale = (values: readonly number[]) =>
  logScale(
    values.reduce((min, value) => Math.min(min, value), 1_000),
    values.reduce((max, value) => Math.max(max, value), 1),
    durationText,
  )

const SHOWN_PERCENTILES = [50, 90, 99, 99.9, 99.99]

/** The axis spreads the slowest: each tick is ten times rarer than the one before. */
function percentiles({ metrics }: LoadReport): Chart {
  const operations = metrics.filter(
    ({ kind, count, failed }) => kind === 'operation' && count > failed,
  )
  const scale = msScale(
    operations.flatMap(({ latencies }) => latencies.map(({ ms }) => ms).filter((ms) => ms > 0)),
  )
  const end = Math.log10(10_000)
  const at = (percentile: number): number =>
    Math.min(1, Math.log10(1 / Math.max(1 - percentile / 100, 1e-9)) / end)
  return {
    title: 'Latency by percentile',
    text: 'How slow the slowest of each operation were.',
    xName: 'percentile, logarithmic from the right',
    yName: 'logarithmic',
    x: SHOWN_PERCENTILES.map((percentile) => ({ at: at(percentile), text: `${percentile} %` })),
    y: scale.ticks,
    lines: operations.map(({ name, latencies }) => ({
      name,
      colour: colourOf(name),
      points: latencies
        .filter(({ percentile, ms }) => percentile <= 99.99 && ms > 0)
        .map(({ percentile, ms }) => [at(percentile), scale.at(ms)] as const),
    })),
  }
}

function mix({ seconds }: LoadReport): Chart {
  const time = timeScale(seconds)
  const { end, ticks } = linearScale(Math.max(...seconds.map(({ operations }) => operations)))
  const sums = seconds.map(() => 0)
  const lines = OPERATION_NAMES.flatMap((name): Line[] => {
    if (seconds.every((second) => (second.mix[name] ?? 0) === 0)) return []
    const base = sums.map((sum) => sum / end)
    for (const [i, second] of seconds.entries()) sums[i] = (sums[i] ?? 0) + (second.mix[name] ?? 0)
    const points = seconds.map((second, i) => [time.at(second), (sums[i] ?? 0) / end] as const)
    return [{ name, colour: colourOf(name), points, base }]
  })
  return {
    title: 'Mix',
    text: 'What the operations of each second were.',
    xName: 'seconds',
    yName: 'a second',
    x: time.ticks,
    y: ticks,
    lines,
  }
}
