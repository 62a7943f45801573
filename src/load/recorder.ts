/** Gathers every measurement of a run: a histogram for each metric, and one line for each second. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Sample } from './batch.ts'
import { KILLED } from './failure.ts'
import { isOperation, METRIC_NAMES, type MetricName } from './metric.ts'

/** What was measured of one metric. Times are microseconds inside. */
interface Tally {
  readonly histogram: RecordableHistogram
  readonly errors: Map<string, number>
  failed: number
  killed: number
}

/** One second of a run. */
export interface Second {
  /** Seconds after the start. */
  readonly at: number
  /** Clients that were connected at its end. */
  readonly clients: number
  /** Operations that ended, well or not. */
  readonly operations: number
  readonly errors: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The worst lag of a worker. */
  readonly lagMs: number
  /** Operations by name. */
  readonly mix: Readonly<Record<string, number>>
}

interface OpenSecond {
  readonly histogram: RecordableHistogram
  readonly mix: Map<MetricName, number>
  operations: number
  errors: number
}

/** Latency of one metric at some percentile. */
export interface Latency {
  /** 0 to 100. */
  readonly percentile: number
  readonly ms: number
}

export interface MetricFacts {
  readonly name: MetricName
  readonly count: number
  readonly failed: number
  readonly killed: number
  readonly errors: Readonly<Record<string, number>>
  readonly meanMs: number
  readonly maxMs: number
  readonly latencies: readonly Latency[]
}

/** Where the percentile curve is drawn. */
export const PERCENTILES = [
  ...[0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97, 98],
  ...[99, 99.5, 99.8, 99.9, 99.95, 99.99, 100],
] as const

/** Milliseconds that a second is held open for what workers tell late. */
const LATE_MS = 5_000
/** Microseconds of the longest latency that is told apart: one hour. */
const HIGHEST_US = 3_600_000_000

const newHistogram = (): RecordableHistogram =>
  createHistogram({ lowest: 1, highest: HIGHEST_US, figures: 3 })

const usOf = (ms: number): number => Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1_000)))

export class Recorder {
  readonly #tallies = new Map<MetricName, Tally>()
  /** All operations, no details. */
  readonly #total: Tally = newTally()
  readonly #open = new Map<number, OpenSecond>()
  readonly #seconds: Second[] = []
  #clients = 0
  #lagMs = 0

  take({ metric, endMs, ms, code }: Sample): void {
    const tally = this.#tallyOf(metric)
    note(tally, ms, code)
    if (!isOperation(metric)) return
    note(this.#total, ms, code)
    if (code === KILLED) return
    const second = this.#secondAt(Math.max(0, Math.floor(endMs / 1_000)))
    second.operations++
    second.mix.set(metric, (second.mix.get(metric) ?? 0) + 1)
    if (code === undefined) second.histogram.record(usOf(ms))
    else second.errors++
  }

  /** How the generator is now; it goes into the seconds that end from now on. */
  observe(clients: number, lagMs: number): void {
    this.#clients = clients
    this.#lagMs = lagMs
  }

  /** Ends the seconds that nothing more is expected for. */
  tick(nowMs: number): void {
    for (const at of [...this.#open.keys()].sort((a, b) => a - b)) {
      if ((at + 1) * 1_000 + LATE_MS < nowMs) this.#end(at)
    }
  }

  /** The seconds of the whole run; ends them all. */
  seconds(): readonly Second[] {
    this.tick(Number.POSITIVE_INFINITY)
    return this.#seconds.toSorted((a, b) => a.at - b.at)
  }

  get total(): MetricFacts {
    return factsOf('churn', this.#total)
  }

  /** Only what occurred. */
  metrics(): readonly MetricFacts[] {
    return METRIC_NAMES.flatMap((name) => {
      const tally = this.#tallies.get(name)
      return tally === undefined ? [] : [factsOf(name, tally)]
    })
  }

  #tallyOf(metric: MetricName): Tally {
    let tally = this.#tallies.get(metric)
    if (tally === undefined) {
      tally = newTally()
      this.#tallies.set(metric, tally)
    }
    return tally
  }

  #secondAt(at: number): OpenSecond {
    let second = this.#open.get(at)
    if (second === undefined) {
      second = { histogram: newHistogram(), mix: new Map(), operations: 0, errors: 0 }
      this.#open.set(at, second)
    }
    return second
  }

  #end(at: number): void {
    const second = this.#open.get(at)
    if (second === undefined) return
    this.#open.delete(at)
    const { histogram, operations, errors, mix } = second
    this.#seconds.push({
      at,
      operations,
      errors,
      clients: this.#clients,
      lagMs: this.#lagMs,
      p50Ms: msAt(histogram, 50),
      p99Ms: msAt(histogram, 99),
      mix: Object.fromEntries(mix),
    })
  }
}

const newTally = (): Tally => ({
  histogram: newHistogram(),
  errors: new Map(),
  failed: 0,
  killed: 0,
})

function note(tally: Tally, ms: number, code: string | undefined): void {
  if (code === undefined) tally.histogram.record(usOf(ms))
  else if (code === KILLED) tally.killed++
  else {
    tally.failed++
    tally.errors.set(code, (tally.errors.get(code) ?? 0) + 1)
  }
}

const msAt = (histogram: RecordableHistogram, percentile: number): number => {
  if (histogram.count === 0) return 0
  if (percentile === 100) return histogram.max / 1_000
  // 0 is no percentile for the histogram.
  return (percentile === 0 ? histogram.min : histogram.percentile(percentile)) / 1_000
}

const factsOf = (name: MetricName, { histogram, errors, failed, killed }: Tally): MetricFacts => ({
  name,
  count: histogram.count + failed,
  failed,
  killed,
  errors: Object.fromEntries(errors),
  meanMs: histogram.count === 0 ? 0 : histogram.mean / 1_000,
  maxMs: msAt(histogram, 100),
  latencies: PERCENTILES.map((percentile) => ({ percentile, ms: msAt(histogram, percentile) })),
})
