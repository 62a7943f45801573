/** The report of a run: what `--json` writes and `--compare` reads, and all that the others show. */
import { z } from 'zod'

const count = z.int().min(0)
const amount = z.number().min(0)

export const MetricReport = z.strictObject({
  name: z.string(),
  /** `operation`: part of the mix. `detail`: a part of an operation. `total`: all operations. */
  kind: z.enum(['operation', 'detail', 'total']),
  /** Ended, well or not; what was killed on purpose is apart. */
  count,
  failed: count,
  killed: count,
  errors: z.record(z.string(), count),
  ratePerS: amount,
  meanMs: amount,
  p50Ms: amount,
  p90Ms: amount,
  p99Ms: amount,
  p999Ms: amount,
  maxMs: amount,
  latencies: z.array(z.strictObject({ percentile: amount, ms: amount })),
})
export type MetricReport = z.output<typeof MetricReport>

const HealthReport = z.strictObject({
  lagP50Ms: amount,
  lagP99Ms: amount,
  lagMaxMs: amount,
  busy: amount,
})

export const LoadReport = z.strictObject({
  format: z.literal('uvmem-load-1'),
  /** ISO 8601. */
  startedAt: z.string(),
  /** Milliseconds that were measured: the stages, or less when the run was interrupted. */
  ms: amount,
  interrupted: z.boolean(),
  model: z.enum(['closed', 'open']),
  plan: z.strictObject({
    url: z.string(),
    clients: count,
    vmsPerClient: count,
    vmPages: count,
    protocol: z.string(),
    content: z.string(),
    strategy: z.string(),
    window: count,
    mix: z.record(z.string(), amount),
    stages: z.array(z.strictObject({ ms: amount, clients: count })),
    ratePerS: amount.nullable(),
    chaos: z.strictObject({ kill: amount, cut: amount, reconnect: amount }),
    seed: count,
    workers: count,
  }),
  server: z.strictObject({ version: z.string(), profile: z.string(), poolPages: count }),
  total: MetricReport,
  metrics: z.array(MetricReport),
  seconds: z.array(
    z.strictObject({
      at: count,
      clients: count,
      operations: count,
      errors: count,
      p50Ms: amount,
      p99Ms: amount,
      lagMs: amount,
      mix: z.record(z.string(), count),
    }),
  ),
  generator: z.strictObject({ saturated: z.boolean(), workers: z.array(HealthReport) }),
  audit: z.strictObject({
    vms: count,
    skipped: count,
    frames: count,
    differencesTotal: count,
    differences: z.array(
      z.strictObject({
        lpid: z.int().nullable(),
        what: z.string(),
        from: count.optional(),
        count: count.optional(),
        hv: z.string().optional(),
        uv: z.string().optional(),
      }),
    ),
    /** Violations that no known defect of the profile explains. */
    violations: z.array(z.string()),
  }),
  thresholds: z.array(z.strictObject({ text: z.string(), ok: z.boolean(), was: z.string() })),
  /** Why the run failed; empty when it did not. */
  failures: z.array(z.string()),
})
export type LoadReport = z.output<typeof LoadReport>
