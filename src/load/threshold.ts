/**
 * Limits that a run must keep: `p99<20ms`, `esm.p99<2s`, `errors<1%`, `rate>100/s`. Without the name
 * of a metric a limit is about all operations together.
 */
import { durationText, parseDuration } from './duration.ts'
import { METRIC_NAMES, type MetricName } from './metric.ts'

const LATENCY_NAMES = ['mean', 'p50', 'p90', 'p99', 'p99.9', 'max'] as const
type LatencyName = (typeof LATENCY_NAMES)[number]
export type MeasureName = LatencyName | 'errors' | 'rate' | 'count'
type Comparison = '<' | '<=' | '>' | '>='

export interface Threshold {
  /** As it was given. */
  readonly text: string
  /** undefined: all operations together. */
  readonly metric: MetricName | undefined
  readonly measure: MeasureName
  readonly comparison: Comparison
  /** Milliseconds; a share of 1 for errors; operations a second for a rate. */
  readonly limit: number
}

/** What a threshold is compared with. */
export interface Measured {
  readonly count: number
  readonly failed: number
  readonly ratePerS: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

const FORM = /^(?:([a-z-]+)\.)?(mean|p50|p90|p99|p99\.9|max|errors|rate|count)(<=|>=|<|>)(.+)$/

/** A string says what is wrong. */
export function parseThreshold(text: string): Threshold | string {
  const [, metric, measure, comparison, value = ''] = FORM.exec(text.replace(/\s/g, '')) ?? []
  if (measure === undefined || comparison === undefined) {
    return `${text}: expected such as p99<20ms, esm.p99<2s, errors<1% or rate>100/s`
  }
  if (metric !== undefined && !isMetric(metric)) {
    return `${metric}: nothing is measured under that name; there are ${METRIC_NAMES.join(', ')}`
  }
  const limit = limitOf(measure as MeasureName, value)
  if (!(limit >= 0))
    return `${text}: ${value}: expected ${EXPECTED[kindOf(measure as MeasureName)]}`
  return {
    text,
    metric,
    measure: measure as MeasureName,
    comparison: comparison as Comparison,
    limit,
  }
}

const isMetric = (name: string): name is MetricName =>
  (METRIC_NAMES as readonly string[]).includes(name)

type Kind = 'time' | 'share' | 'rate' | 'count'

const EXPECTED: Readonly<Record<Kind, string>> = {
  time: 'a duration, such as 20ms',
  share: 'a percentage, such as 1%',
  rate: 'a rate, such as 100/s',
  count: 'a number',
}

function kindOf(measure: MeasureName): Kind {
  if (measure === 'errors') return 'share'
  return measure === 'rate' || measure === 'count' ? measure : 'time'
}

const NUMBER = String.raw`(\d{1,12}(?:\.\d{1,6})?)`
const FORMS: Readonly<Record<Exclude<Kind, 'time'>, { form: RegExp; per: number }>> = {
  share: { form: new RegExp(`^${NUMBER}%$`), per: 100 },
  rate: { form: new RegExp(`^${NUMBER}(?:/s)?$`), per: 1 },
  count: { form: new RegExp(`^${NUMBER}$`), per: 1 },
}

function limitOf(measure: MeasureName, text: string): number {
  const kind = kindOf(measure)
  // A time without a unit would be seconds, which nobody means.
  if (kind === 'time') return /[a-z]$/.test(text) ? parseDuration(text) : Number.NaN
  const { form, per } = FORMS[kind]
  return Number(form.exec(text)?.[1]) / per
}

/** The value that a threshold speaks of, in the threshold's unit. */
export function measuredValue(measure: MeasureName, measured: Measured): number {
  switch (measure) {
    case 'mean':
      return measured.meanMs
    case 'p50':
      return measured.p50Ms
    case 'p90':
      return measured.p90Ms
    case 'p99':
      return measured.p99Ms
    case 'p99.9':
      return measured.p999Ms
    case 'max':
      return measured.maxMs
    case 'errors':
      return measured.count === 0 ? 0 : measured.failed / measured.count
    case 'rate':
      return measured.ratePerS
    case 'count':
      return measured.count
  }
}

export interface Verdict {
  readonly text: string
  readonly ok: boolean
  /** What was measured, for people. */
  readonly was: string
}

/** Nothing measured keeps no limit. */
export function judge(threshold: Threshold, measured: Measured | undefined): Verdict {
  const { text, measure, comparison, limit } = threshold
  if (measured === undefined || (measured.count === 0 && measure !== 'count')) {
    return { text, ok: false, was: 'nothing was measured' }
  }
  const value = measuredValue(measure, measured)
  return { text, ok: HOLDS[comparison](value, limit), was: textOf(measure, value) }
}

const HOLDS: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
}

function textOf(measure: MeasureName, value: number): string {
  switch (kindOf(measure)) {
    case 'time':
      return durationText(value)
    case 'share':
      return `${(value * 100).toFixed(2)} %`
    case 'rate':
      return `${value.toFixed(1)}/s`
    case 'count':
      return String(value)
  }
}
