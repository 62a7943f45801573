/** Makes the report of what a run has measured, and says why it failed, if it did. */
import { type Health, isSaturated, lagP99MsMax } from './health.ts'
import { isOperation, type MetricName } from './metric.ts'
import { drainMsMax, type LoadPlan, modelOf } from './plan.ts'
import type { MetricFacts, Recorder } from './recorder.ts'
import type { LoadReport, MetricReport } from './report.ts'
import type { ServerFacts } from './run.ts'
import { judge, type Measured, type Threshold } from './threshold.ts'

/** What a run leaves behind. */
export interface RunMeasured {
  readonly recorder: Recorder
  /** Milliseconds that were measured. */
  readonly ms: number
  readonly startedAt: Date
  readonly interrupted: boolean
  /** Operations that did not end. */
  readonly unended: number
  readonly health: readonly Health[]
}

export function reportOf(
  plan: LoadPlan,
  server: ServerFacts,
  measured: RunMeasured,
  audit: LoadReport['audit'],
  thresholds: readonly Threshold[],
): LoadReport {
  const { recorder, ms, health } = measured
  const total: MetricReport = { ...metricOf(recorder.total, ms), name: 'all', kind: 'total' }
  const metrics = recorder.metrics().map((facts) => metricOf(facts, ms))
  const verdicts = thresholds.map((threshold) =>
    judge(threshold, measuredOf(threshold.metric, total, metrics)),
  )
  const saturated = health.some(isSaturated)
  return {
    format: 'uvmem-load-1',
    startedAt: measured.startedAt.toISOString(),
    ms,
    interrupted: measured.interrupted,
    model: modelOf(plan),
    plan: planFacts(plan),
    server: { ...server },
    total,
    metrics,
    seconds: recorder.seconds().map((second) => ({ ...second, mix: { ...second.mix } })),
    generator: { saturated, workers: [...health] },
    audit,
    thresholds: verdicts,
    failures: failuresOf(total, measured, audit, verdicts, saturated),
  }
}

const planFacts = (plan: LoadPlan): LoadReport['plan'] => ({
  url: plan.uv,
  clients: plan.clients,
  vmsPerClient: plan.vmsPerClient,
  vmPages: plan.vmPages,
  protocol: plan.protocol,
  content: plan.content,
  strategy: plan.strategy,
  window: plan.window,
  mix: { ...plan.mix },
  stages: plan.stages.map((stage) => ({ ...stage })),
  ratePerS: plan.ratePerS ?? null,
  chaos: { ...plan.chaos },
  seed: plan.seed,
  workers: plan.workers,
})

function metricOf(facts: MetricFacts, ms: number): MetricReport {
  const at = (percentile: number): number =>
    facts.latencies.find((each) => each.percentile === percentile)?.ms ?? 0
  return {
    name: facts.name,
    kind: isOperation(facts.name) ? 'operation' : 'detail',
    count: facts.count,
    failed: facts.failed,
    killed: facts.killed,
    errors: { ...facts.errors },
    ratePerS: ms === 0 ? 0 : ((facts.count - facts.failed) / ms) * 1_000,
    meanMs: facts.meanMs,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: facts.maxMs,
    latencies: facts.latencies.map((latency) => ({ ...latency })),
  }
}

const measuredOf = (
  metric: MetricName | undefined,
  total: MetricReport,
  metrics: readonly MetricReport[],
): Measured | undefined =>
  metric === undefined ? total : metrics.find(({ name }) => name === metric)

function failuresOf(
  total: MetricReport,
  { unended }: RunMeasured,
  audit: LoadReport['audit'],
  verdicts: LoadReport['thresholds'],
  saturated: boolean,
): string[] {
  const failures: string[] = []
  if (saturated) {
    failures.push(
      `INVALID: the generator was saturated (event-loop lag above ${lagP99MsMax} ms at p99): the figures are its own, not the server's`,
    )
  }
  if (total.count === total.failed) failures.push('no operation succeeded')
  if (unended > 0) {
    failures.push(`${unended} operations had not ended ${drainMsMax / 1_000} s after the run`)
  }
  if (audit.differencesTotal > 0) {
    failures.push(`the audit found ${audit.differencesTotal} differences`)
  }
  if (audit.violations.length > 0) {
    failures.push(`the server breaks ${audit.violations.length} of its invariants`)
  }
  for (const { text, was } of verdicts.filter(({ ok }) => !ok)) {
    failures.push(`threshold ${text}: ${was}`)
  }
  return failures
}
