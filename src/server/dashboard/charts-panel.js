/** Charts: calls a second, how long they take, and the frames of the chosen VM by state. */
import { get } from './api.js'
import { Chart } from './chart.js'
import { byId } from './dom.js'
import { duration, short } from './format.js'
import { poll } from './poll.js'
import { STATE_LABELS } from './states.js'
import { frameCounts } from './vm-panel.js'
import { chosen } from './vms-panel.js'

const POLL_MS = 1_000

/**
 * Sums of calls at some time.
 * @typedef {{ up: number, down: number, other: number }} Sums
 */

export function startCharts() {
  const rates = new Chart(
    'Calls a second',
    [
      { label: 'hypercalls', colour: ({ accent }) => accent },
      { label: 'ultracalls', colour: ({ states }) => states[1] ?? '' },
      { label: 'host', colour: ({ states }) => states[2] ?? '' },
    ],
    short,
  )
  const times = new Chart(
    'Latency of hypercalls',
    [
      { label: 'half within', colour: ({ accent }) => accent },
      { label: '99 % within', colour: ({ warn }) => warn },
    ],
    (ms) => (ms === 0 ? '–' : duration(ms)),
  )
  const frames = new Chart(
    'Frames by state',
    STATE_LABELS.map((label, i) => ({
      label: label.toLowerCase(),
      colour: ({ states }) => states[i] ?? '',
    })),
    short,
    true,
  )
  byId('charts-panel').append(rates.box, times.box, frames.box)
  chosen.watch(() => frames.clear())
  /** @type {{ time: number, sums: Sums, buckets: number[] } | undefined} */
  let before
  return poll(async () => {
    const counters = await get('/v1/host/counters')
    const now = {
      time: performance.now(),
      sums: sumsOf(counters.calls),
      buckets: bucketsOf(counters),
    }
    if (before !== undefined) {
      const seconds = (now.time - before.time) / 1_000
      const { up, down, other } = before.sums
      rates.add([
        (now.sums.up - up) / seconds,
        (now.sums.down - down) / seconds,
        (now.sums.other - other) / seconds,
      ])
      const buckets = now.buckets.map((each, i) => each - (before?.buckets[i] ?? 0))
      times.add([quantile(buckets, 0.5), quantile(buckets, 0.99)])
      if (frameCounts.value !== undefined) frames.add(frameCounts.value)
    }
    before = now
    return POLL_MS
  })
}

/**
 * @param {{ call: string, count: number }[]} calls
 * @returns {Sums}
 */
function sumsOf(calls) {
  const sums = { up: 0, down: 0, other: 0 }
  for (const { call, count } of calls) {
    if (call.startsWith('H_') || call === 'HDSI') sums.up += count
    else if (call.startsWith('UV_')) sums.down += count
    else sums.other += count
  }
  return sums
}

/**
 * Hypercalls by how long they took: bucket `i` up to 2^i microseconds.
 * @param {any} counters
 */
function bucketsOf({ latencies }) {
  /** @type {number[]} */
  const sum = []
  for (const { call, buckets } of latencies) {
    if (!call.startsWith('H_')) continue
    buckets.forEach((/** @type {number} */ each, /** @type {number} */ i) => {
      sum[i] = (sum[i] ?? 0) + each
    })
  }
  return sum
}

/**
 * Milliseconds that a share of the calls keeps.
 * @param {number[]} buckets
 * @param {number} share
 */
export function quantile(buckets, share) {
  const all = buckets.reduce((sum, each) => sum + each, 0)
  if (all === 0) return 0
  let left = share * all
  const at = buckets.findIndex((each) => {
    left -= each
    return left <= 0
  })
  return 2 ** (at < 0 ? buckets.length : at) / 1_000
}
