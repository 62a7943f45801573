/**
 * Every metric of `/metrics`: one list, from which the dashboard of docker/grafana is checked.
 *
 * Names follow Prometheus: base units, `_total` for what only grows. LPIDs are no labels unless asked
 * for: 4,095 of them would be 4,095 times the series.
 */
import type { CallCount } from '../hv/counters-calls.ts'
import { LATENCY_BOUNDS_US, type Latency } from '../hv/counters-histogram.ts'
import { journalCodeName } from '../hv/journal-codes.ts'
import type { Scrape, StateCounts, VmScrape } from './metrics-scrape.ts'

export interface Sample {
  /** Behind the metric's name: `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

export interface MetricSpec {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly read: (scrape: Scrape) => Iterable<Sample>
}

const one = (value: number): Sample[] => [{ labels: {}, value }]

const counter = (name: string, help: string, read: MetricSpec['read']): MetricSpec => ({
  name: `uvmem_${name}_total`,
  type: 'counter',
  help,
  read,
})
const gauge = (name: string, help: string, read: MetricSpec['read']): MetricSpec => ({
  name: `uvmem_${name}`,
  type: 'gauge',
  help,
  read,
})

function callSamples(counts: Iterable<CallCount>, labels: Sample['labels'] = {}): Sample[] {
  return [...counts].map(({ call, code, count }) => ({
    labels: {
      ...labels,
      call,
      code: typeof code === 'number' ? journalCodeName(call, code) : code,
    },
    value: count,
  }))
}

/** Buckets as Prometheus has them: each holds those before it as well. Bounds in seconds. */
function histogramSamples(call: string, { buckets, count, sumUs }: Latency): Sample[] {
  let sum = 0
  const bounded = LATENCY_BOUNDS_US.map((bound, i): Sample => {
    sum += buckets[i] ?? 0
    return { suffix: '_bucket', labels: { call, le: bound / 1e6 }, value: sum }
  })
  return [
    ...bounded,
    { suffix: '_bucket', labels: { call, le: '+Inf' }, value: count },
    { suffix: '_sum', labels: { call }, value: sumUs / 1e6 },
    { suffix: '_count', labels: { call }, value: count },
  ]
}

const stateSamples = (frames: StateCounts, labels: Sample['labels'] = {}): Sample[] =>
  Object.entries(frames).map(([state, value]) => ({ labels: { ...labels, state }, value }))

function framesOfAll(vms: readonly VmScrape[]): StateCounts {
  const sum = { normal: 0, secure: 0, paged_out: 0, shared: 0 }
  for (const { frames } of vms) {
    sum.normal += frames.normal
    sum.secure += frames.secure
    sum.paged_out += frames.paged_out
    sum.shared += frames.shared
  }
  return sum
}

const VM_STATES = ['normal', 'transient', 'secure'] as const

const CALLS: readonly MetricSpec[] = [
  counter('calls', 'Hypercalls, ultracalls and operations that ended, by code', ({ counts }) =>
    callSamples(counts.calls),
  ),
  {
    name: 'uvmem_call_duration_seconds',
    type: 'histogram',
    help: 'From the turn of a call to its end; of ultracalls from question to answer',
    read: ({ counts }) =>
      [...counts.latencies].flatMap(([call, latency]) => histogramSamples(call, latency)),
  },
  counter('refusals', 'Calls that were refused with an error of the wire', ({ counts }) =>
    one(counts.pages.refusals),
  ),
  counter('deadlocks', 'Calls that would have waited for themselves', ({ counts }) =>
    one(counts.pages.deadlocks),
  ),
  counter('host_faults', 'Ends at which the real kernel would have hung or crashed', (s) =>
    one(s.counts.pages.faults),
  ),
]

const PAGES: readonly MetricSpec[] = [
  counter('pages_moved', 'Pages that ultracalls moved', ({ counts: { pages } }) => [
    { labels: { direction: 'in' }, value: pages.pagesIn },
    { labels: { direction: 'out' }, value: pages.pagesOut },
    { labels: { direction: 'shared' }, value: pages.pagesShared },
  ]),
  counter('frames_secured', 'Frames made secure without a call for each', ({ counts }) =>
    one(counts.pages.framesSecured),
  ),
  counter('frame_transitions', 'Frames that went from one state to another', ({ counts }) =>
    one(counts.pages.framesChanged),
  ),
  gauge('frames', "Frames of all VMs by the hypervisor's state", ({ vms }) =>
    stateSamples(framesOfAll(vms)),
  ),
  gauge('device_pages', 'Device pages: one for each page of secure memory', ({ source }) => {
    const { size, taken } = source.hv.host.devices.pool
    return [
      { labels: { use: 'used' }, value: taken },
      { labels: { use: 'free' }, value: size - taken },
    ]
  }),
  gauge('device_pages_used_max', 'Device pages in use at once, at most', ({ counts }) =>
    one(counts.poolMax),
  ),
  gauge('normal_frames_used', 'Frames of normal memory in use', ({ source }) =>
    one(source.hv.host.ram.used),
  ),
]

const HOST: readonly MetricSpec[] = [
  gauge('info', 'Version and profile; always 1', ({ source: { hv, version } }) => [
    { labels: { version, profile: hv.config.profile }, value: 1 },
  ]),
  gauge('vms', 'VMs by state', ({ vms }) =>
    VM_STATES.map((state) => ({
      labels: { state },
      value: vms.filter((vm) => vm.state === state).length,
    })),
  ),
  gauge('vms_orphaned', 'VMs that are not normal and whose ultravisor is gone', ({ vms }) =>
    one(vms.filter(({ isOrphan }) => isOrphan).length),
  ),
  gauge('vms_stopped', 'VMs that a host fault has stopped', ({ vms }) =>
    one(vms.filter(({ isStopped }) => isStopped).length),
  ),
  gauge('sessions', 'Sessions that are open', ({ source }) => one(source.hv.sessions.size)),
  gauge('sessions_detached', 'Sessions that wait for another connection', ({ source }) =>
    one(source.hv.grace.size),
  ),
  counter('sessions_opened', 'Sessions that were opened', ({ counts }) =>
    one(counts.sessionsOpened),
  ),
  counter('sessions_closed', 'Sessions that were closed', ({ counts }) =>
    one(counts.sessionsClosed),
  ),
  counter('sessions_resumed', 'Sessions that went on over another connection', ({ counts }) =>
    one(counts.sessionsResumed),
  ),
  gauge('queue_length', 'Operations of all VMs that are under way or wait', ({ vms }) =>
    one(vms.reduce((sum, { queued }) => sum + queued, 0)),
  ),
  gauge('queue_longest', 'Operations of the VM that has the most', ({ vms }) =>
    one(vms.reduce((most, { queued }) => Math.max(most, queued), 0)),
  ),
  gauge('queue_length_max', 'Operations of one VM at once, at most', ({ counts }) =>
    one(counts.queueMax),
  ),
]

const WIRE: readonly MetricSpec[] = [
  gauge('connections', 'WebSocket connections', ({ connections }) => one(connections.length)),
  gauge('connections_paused', 'Connections that are not read from', ({ connections }) =>
    one(connections.filter(({ paused }) => paused).length),
  ),
  gauge('send_buffer_bytes', 'Bytes that wait to be sent, all together', ({ connections }) =>
    one(connections.reduce((sum, { buffered }) => sum + buffered, 0)),
  ),
  gauge('send_buffer_bytes_longest', 'Bytes of the connection with the most', ({ connections }) =>
    one(connections.reduce((most, { buffered }) => Math.max(most, buffered), 0)),
  ),
]

export const METRICS: readonly MetricSpec[] = [...CALLS, ...PAGES, ...HOST, ...WIRE]

/** One series for each VM: only on demand. */
export const VM_METRICS: readonly MetricSpec[] = [
  gauge('vm_frames', "Frames of a VM by the hypervisor's state", ({ vms }) =>
    vms.flatMap(({ lpid, frames }) => stateSamples(frames, { lpid })),
  ),
  gauge('vm_state', 'The state that a VM is in; always 1', ({ vms }) =>
    vms.map(({ lpid, state }) => ({ labels: { lpid, state }, value: 1 })),
  ),
  gauge('vm_queue_length', 'Operations of a VM that are under way or wait', ({ vms }) =>
    vms.map(({ lpid, queued }) => ({ labels: { lpid }, value: queued })),
  ),
  counter('vm_calls', 'Calls and operations of a VM that ended, by code', ({ source, vms }) =>
    vms.flatMap(({ lpid }) => callSamples(source.counters.of(lpid).calls.read(), { lpid })),
  ),
]
