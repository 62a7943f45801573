/**
 * The server put together: a hypervisor, the ultravisors' WebSocket and the REST API. Listening is
 * somebody else's (src/bin/hv-command.ts, or a test with `inject`).
 */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { HvConfig, HvPorts } from '../hv/config.ts'
import type { Durable } from '../hv/durable.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import { type Inspected, inspectedHypervisor } from '../hv/inspected.ts'
import type { Task } from '../hv/operation.ts'
import { StateControl } from '../hv/state-control.ts'
import { Vmm } from '../hv/vmm.ts'
import type { HvWatch } from '../hv/watch.ts'
import { answerClientError } from './client-error.ts'
import { connectionOptions, limitConnections, type TlsOptions } from './connections.ts'
import { serveDashboard } from './dashboard.ts'
import { serveDocs } from './docs.ts'
import { Ending } from './ending.ts'
import { buildGuard, type GuardOptions } from './guard.ts'
import { NO_LOG } from './log.ts'
import { metricsOf } from './metrics.ts'
import { serveRest } from './rest.ts'
import { answerBadUrl, serveProblems, watchRoutes } from './rest-problems.ts'
import { guardRoutes } from './route-access.ts'
import { UvEndpoint } from './uv-endpoint.ts'

export type { TlsOptions } from './connections.ts'

export interface AppOptions {
  readonly hv: HvConfig
  readonly guard: GuardOptions
  /** Certificate chain and key, in PEM: the server speaks TLS and nothing else. */
  readonly tls?: TlsOptions
  /** The program's version, as the host facts show it. */
  readonly version: string
  /** A pino logger; nothing is logged without one. */
  readonly log?: FastifyBaseLogger
  readonly watch?: HvWatch
  /** Events that the journal keeps: a power of two. */
  readonly journalEvents?: number
  /** Takes the lines of the run's record; `inspected.record` has to be flushed at the end. */
  readonly record?: (line: string) => void
  /** `/metrics` shows series for each VM as well. */
  readonly metricsPerVm?: boolean
  /** Nothing is said that is not on the disk; to be restored and begun before anybody is served. */
  readonly durable?: Durable | undefined
  /** A mistake of ours ends the process instead of one session: for tests. */
  readonly crashOnFailure?: boolean
}

export interface App {
  readonly http: FastifyInstance
  readonly hv: Hypervisor
  /** The hypervisor with its journal, counters, history, waits and fault rules. */
  readonly inspected: Inspected
  readonly vmm: Vmm
  readonly state: StateControl
  readonly uv: UvEndpoint
  /** Ends everything: nobody keeps it waiting for more than a grace time. */
  close(): Promise<void>
}

export const { bodyBytesMax } = REST_LIMITS
/** Milliseconds that open REST requests have when the server ends. */
export const requestGraceMs = 1_000

export function buildApp(options: AppOptions): App {
  const inspected = inspectedOf(options, (lpid, error) => uv.failVm(lpid, error))
  const { hv, counters } = inspected
  const vmm = new Vmm(hv)
  const http = fastify({
    ...connectionOptions(options),
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    clientErrorHandler: answerClientError,
    frameworkErrors: answerBadUrl,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
  })
  limitConnections(http, options.hv.limits)
  const guard = buildGuard({ ...options.guard, isSecure: options.tls !== undefined })
  guardRoutes(http, guard)
  const uv: UvEndpoint = new UvEndpoint({
    hv,
    vmm,
    guard,
    log: options.log ?? NO_LOG,
    crashOnFailure: options.crashOnFailure ?? false,
    durable: options.durable,
  })
  uv.listen(http.server)
  const state = new StateControl(hv, { after })
  const ending = new Ending()
  const { version } = options
  const source = { hv, counters, connections: uv.connections, version }
  const metrics = metricsOf(source, { perVm: options.metricsPerVm ?? false })
  const routes = watchRoutes(http)
  const { durable } = options
  serveRest(http, { hv, inspected, vmm, state, ending, metrics, version, durable })
  serveDashboard(http)
  serveDocs(http)
  serveProblems(http, routes)
  const parts = { http, hv, uv, ending, durable: options.durable }
  const close = (): Promise<void> => end(parts)
  options.durable?.onFailure((why) => {
    options.log?.fatal({ why }, 'the disk failed: nothing is kept any more, and nobody is served')
    hv.stop()
    uv.close('DISK_FAILED')
    ending.end()
  })
  return { http, hv, inspected, vmm, state, uv, close }
}

function inspectedOf(options: AppOptions, failed: NonNullable<HvPorts['failed']>): Inspected {
  const { hv, version, watch, record, journalEvents, durable } = options
  const ports = {
    now: () => performance.now(),
    later: (run: () => void, op?: Task) => {
      if (durable?.takesTurn(run, op) !== true) setImmediate(run)
    },
    after,
    token: () => randomBytes(32).toString('base64url'),
    failed,
  }
  return inspectedHypervisor(hv, ports, {
    watches: [watch, durable?.watch].filter((each) => each !== undefined),
    journalEvents,
    ...(record === undefined ? {} : { record: { write: record, program: `uvmem ${version}` } }),
  })
}

/** A timer that keeps no process alive; what is returned stops it. */
function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

interface Parts {
  readonly http: FastifyInstance
  readonly hv: Hypervisor
  readonly uv: UvEndpoint
  readonly ending: Ending
  readonly durable: Durable | undefined
}

async function end({ http, hv, uv, ending, durable }: Parts): Promise<void> {
  // First the disk: that everything ends here is nothing that the next run should know.
  await durable?.end()
  hv.stop()
  ending.end()
  uv.close(durable === undefined ? 'SHUTTING_DOWN' : 'RESTARTING')
  const cut = setTimeout(() => {
    uv.terminate()
    http.server.closeAllConnections()
  }, requestGraceMs)
  await http.close()
  clearTimeout(cut)
}
