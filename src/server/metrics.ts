/**
 * `/metrics` for Prometheus: the only file that knows prom-client, which writes the text format and
 * knows the metrics of a Node.js process (CPU, memory, garbage collection, event-loop delay).
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { MetricsText } from './handler.ts'
import { METRICS, type MetricSpec, VM_METRICS } from './metrics-list.ts'
import { FrameCounts, type MetricsSource, type Scrape, scrape } from './metrics-scrape.ts'

/** Milliseconds between two looks at the delay of the event loop. */
const LOOP_PRECISION_MS = 10

let processMetrics: Registry | undefined

/** One for the process, however many servers it has; watching begins when it is first asked for. */
function registryOfProcess(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry()
    const eventLoopMonitoringPrecision = LOOP_PRECISION_MS
    collectDefaultMetrics({ register: processMetrics, eventLoopMonitoringPrecision })
    // Sums of gauges that are there by type; promtool rightly says that a gauge is no "_total".
    for (const name of ['handles', 'requests', 'resources']) {
      processMetrics.removeSingleMetric(`nodejs_active_${name}_total`)
    }
  }
  return processMetrics
}

/**
 * A metric whose values are read from a scrape. prom-client asks a registered metric for its `get`
 * and nothing else; its own kinds hold their values themselves, which would be a second count.
 */
function readMetric(spec: MetricSpec, from: Scrape): Metric {
  const { name, type, help } = spec
  const get = async () => ({
    name,
    type,
    help,
    values: [...spec.read(from)].map(({ suffix = '', labels, value }) => ({
      metricName: `${name}${suffix}`,
      labels,
      value,
    })),
  })
  return { name, get } as object as Metric
}

/** Reads the metrics of a hypervisor; `perVm`: series with LPIDs as well. */
export function metricsOf(
  source: MetricsSource,
  { perVm }: { readonly perVm: boolean },
): () => Promise<MetricsText> {
  const frames = new FrameCounts()
  const specs = perVm ? [...METRICS, ...VM_METRICS] : METRICS
  return async () => {
    const ofProcess = registryOfProcess()
    const from = await scrape(source, frames)
    const own = new Registry()
    for (const spec of specs) own.registerMetric(readMetric(spec, from))
    const text = `${await own.metrics()}\n${await ofProcess.metrics()}`
    return { type: own.contentType, text }
  }
}
