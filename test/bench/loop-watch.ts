/** Loaded into the server: tells its parent, when asked, how late the event loop ran since then. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()
const msOf = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS)

process.on('message', () => {
  process.send?.({ p99Ms: msOf(delay.percentile(99)), maxMs: msOf(delay.max) })
  delay.reset()
})
// The server ends when it is told to, not when its parent lets go.
process.channel?.unref()
