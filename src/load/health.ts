/**
 * Whether a worker keeps up: how late its event loop runs. A worker that is late measures
 * itself instead of the server.
 */
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** How late a worker's timers ran, in milliseconds, and which share of the time it was busy. */
export interface Health {
  readonly lagP50Ms: number
  readonly lagP99Ms: number
  readonly lagMaxMs: number
  /** 0 to 1. */
  readonly busy: number
}

/** Above this lag at the 99th percentile a run says nothing of the server. */
export const lagP99MsMax = 100

const RESOLUTION_MS = 10

export class HealthWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  #since: EventLoopUtilization = performance.eventLoopUtilization()

  /** Begins to measure, or begins anew. */
  start(): void {
    this.#delay.enable()
    this.#delay.reset()
    this.#since = performance.eventLoopUtilization()
  }

  stop(): void {
    this.#delay.disable()
  }

  read(): Health {
    return {
      lagP50Ms: this.#lagAt(50),
      lagP99Ms: this.#lagAt(99),
      lagMaxMs: this.#lagAt(100),
      busy: performance.eventLoopUtilization(this.#since).utilization,
    }
  }

  /** What the monitor records is the time between two timers: the resolution and the lag. */
  #lagAt(percentile: number): number {
    const ms = this.#delay.percentile(percentile) / 1e6 - RESOLUTION_MS
    return Number.isFinite(ms) ? Math.max(0, ms) : 0
  }
}

export const isSaturated = ({ lagP99Ms }: Health): boolean => lagP99Ms > lagP99MsMax
