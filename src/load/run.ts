/** A load run from its first connection to its report. */
import { setTimeout as sleep } from 'node:timers/promises'
import { HvRest } from '../peer/hv-rest.ts'
import type { AuditPart } from './messages.ts'
import type { LoadPlan } from './plan.ts'
import { Recorder } from './recorder.ts'
import type { LoadReport } from './report.ts'
import { reportOf } from './report-made.ts'
import { lengthOf } from './stages.ts'
import type { Threshold } from './threshold.ts'
import { Workers, type WorkerWords } from './workers.ts'

/** How far a run is. */
export interface Progress {
  readonly phase: 'starting' | 'running' | 'ending' | 'audit'
  /** Milliseconds since the start, and in all. */
  readonly ms: number
  readonly msTotal: number
  readonly clients: number
  readonly operations: number
  readonly failed: number
  /** Over the whole run so far. */
  readonly p99Ms: number
  /** The worst lag of a worker. */
  readonly lagMs: number
}

export interface RunPorts {
  /** The words that start a worker. */
  readonly words: WorkerWords
  /** Told a few times a second. */
  readonly progress: (progress: Progress) => void
  /** Resolves when the run shall end early. */
  readonly interrupted: Promise<void>
}

/** The server cannot take this run. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
}

/** Milliseconds that operations have to end when nobody is waited for any more. */
const QUIET_MS = 5_000
const TICK_MS = 200
/** Milliseconds that all workers have to hear of the start. */
const LEAD_MS = 100

export interface ServerFacts {
  readonly version: string
  readonly profile: string
  readonly poolPages: number
}

/** Rejects with LoadError or RestError when there is no server that could take the run. */
export async function runLoad(
  plan: LoadPlan,
  thresholds: readonly Threshold[],
  ports: RunPorts,
): Promise<LoadReport> {
  const rest = new HvRest({ url: plan.http, token: plan.token, ca: plan.ca })
  const server = await lookAtServer(rest, plan)
  const recorder = new Recorder()
  const workers = new Workers(plan, ports.words, recorder)
  try {
    const unfit = await workers.ready()
    if (unfit !== undefined) throw new LoadError(`no guest fits into the VMs: ${unfit}`)
    const startedAt = new Date()
    const epochMs = Date.now() + LEAD_MS
    workers.start(epochMs)
    const tell = (phase: Progress['phase']): void =>
      ports.progress(progressOf(plan, phase, Date.now() - epochMs, workers, recorder))
    const interrupted = await waitOut(plan, epochMs, workers, recorder, ports, tell)
    const ms = Math.min(Date.now() - epochMs, lengthOf(plan.stages))
    tell('ending')
    const unended = await workers.stop()
    tell('audit')
    const parts = unended === 0 ? await workers.audit() : []
    const violations = unended === 0 ? await violationsOf(rest) : []
    const audit = auditOf(parts, violations)
    const measured = { recorder, ms, startedAt, interrupted, unended, health: workers.health }
    return reportOf(plan, server, measured, audit, thresholds)
  } finally {
    await workers.end()
  }
}

/** Whether the server has room for the VMs of the plan, with the slot that is added to each. */
async function lookAtServer(rest: HvRest, plan: LoadPlan): Promise<ServerFacts> {
  const { version, profile, pool, limits } = await rest.call('getHost')
  const vms = plan.clients * plan.vmsPerClient
  const needed = vms * (plan.vmPages + 16)
  if (needed > pool.free) {
    throw new LoadError(
      `the server has ${pool.free} free pages of secure memory; ${vms} VMs need ${needed} (uvmem hv --pool)`,
    )
  }
  const sessions = limits['sessionsMax'] ?? plan.clients
  if (plan.clients > sessions) {
    throw new LoadError(
      `the server takes ${sessions} sessions, the run has ${plan.clients} clients`,
    )
  }
  return { version, profile, poolPages: pool.size }
}

/** True when it was interrupted. */
async function waitOut(
  plan: LoadPlan,
  epochMs: number,
  workers: Workers,
  recorder: Recorder,
  { interrupted }: RunPorts,
  tell: (phase: Progress['phase']) => void,
): Promise<boolean> {
  let isInterrupted = false
  void interrupted.then(() => {
    isInterrupted = true
  })
  const end = epochMs + lengthOf(plan.stages)
  while (!isInterrupted && Date.now() < end) {
    await Promise.race([sleep(Math.min(TICK_MS, end - Date.now())), workers.failed, interrupted])
    recorder.observe(workers.clients, workers.lagMs)
    recorder.tick(Date.now() - epochMs)
    tell('running')
  }
  return isInterrupted
}

function progressOf(
  plan: LoadPlan,
  phase: Progress['phase'],
  ms: number,
  workers: Workers,
  recorder: Recorder,
): Progress {
  const { count, failed, latencies } = recorder.total
  return {
    phase,
    ms: Math.max(0, ms),
    msTotal: lengthOf(plan.stages),
    clients: workers.clients,
    operations: count,
    failed,
    p99Ms: latencies.find(({ percentile }) => percentile === 99)?.ms ?? 0,
    lagMs: workers.lagMs,
  }
}

/**
 * What does not hold at the server. Operations of clients that were killed wait for them until the grace
 * time of their sessions is over: so long it is given to become quiet.
 */
async function violationsOf(rest: HvRest): Promise<readonly string[]> {
  const { limits } = await rest.call('getHost')
  const until = Date.now() + limits.sessionGraceMs + QUIET_MS
  let { quiet, violations } = await rest.call('getInvariants')
  while (!quiet && Date.now() < until) {
    await sleep(TICK_MS)
    ;({ quiet, violations } = await rest.call('getInvariants'))
  }
  const unexplained = violations.filter(({ defect }) => defect === undefined)
  const lines = unexplained.map(({ invariant, lpid, count }) => {
    const of = lpid === undefined ? '' : `LPID ${lpid}: `
    return `${of}${invariant} (${count})`
  })
  return quiet ? lines : ['the server is not quiet', ...lines]
}

const auditOf = (
  parts: readonly AuditPart[],
  violations: readonly string[],
): LoadReport['audit'] => ({
  vms: sum(parts, ({ vms }) => vms),
  skipped: sum(parts, ({ skipped }) => skipped),
  frames: sum(parts, ({ frames }) => frames),
  differencesTotal: sum(parts, ({ differencesTotal }) => differencesTotal),
  differences: parts.flatMap(({ differences }) => differences),
  violations: [...violations],
})

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
