/**
 * The server put together: a hypervisor, the ultravisors' WebSocket and the REST API. Listening is
 * somebody else's (src/bin/hv-command.ts, or a test with `inject`).
 */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { HvConfig } from '../hv/config.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import { type Inspected, inspectedHypervisor } from '../hv/inspected.ts'
import { Vmm } from '../hv/vmm.ts'
import type { HvWatch } from '../hv/watch.ts'
import { type GuardOptions, originGuard, tokenGuard } from './guard.ts'
import { NO_LOG } from './log.ts'
import { serveMetrics } from './metrics.ts'
import { serveRest } from './rest.ts'
import { UvEndpoint } from './uv-endpoint.ts'

export interface AppOptions {
  readonly hv: HvConfig
  readonly guard: GuardOptions
  /** The program's version, as the host facts show it. */
  readonly version: string
  /** A pino logger; nothing is logged without one. */
  readonly log?: FastifyBaseLogger
  readonly watch?: HvWatch
  /** `/metrics` shows series for each VM as well. */
  readonly metricsPerVm?: boolean
  /** A mistake of ours ends the process instead of one session: for tests. */
  readonly crashOnFailure?: boolean
}

export interface App {
  readonly http: FastifyInstance
  readonly hv: Hypervisor
  /** The hypervisor with its journal, counters, history, waits and fault rules. */
  readonly inspected: Inspected
  readonly vmm: Vmm
  readonly uv: UvEndpoint
  /** Ends everything: nobody keeps it waiting for more than a grace time. */
  close(): Promise<void>
}

/** Bytes of a JSON body. */
export const bodyBytesMax = 1_048_576
/** Milliseconds that open REST requests have when the server ends. */
export const requestGraceMs = 1_000

export function buildApp(options: AppOptions): App {
  const inspected = inspectedHypervisor(
    options.hv,
    {
      now: () => performance.now(),
      later: (run) => setImmediate(run),
      after,
      token: () => randomBytes(32).toString('base64url'),
      failed: (lpid, error) => uv.failVm(lpid, error),
    },
    { watches: options.watch === undefined ? [] : [options.watch] },
  )
  const { hv, counters } = inspected
  const vmm = new Vmm(hv)
  const http = fastify({
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: 'idle',
  })
  const origin = originGuard(options.guard)
  const token = tokenGuard(options.guard)
  const uv: UvEndpoint = new UvEndpoint({
    hv,
    vmm,
    guards: [origin, token],
    log: options.log ?? NO_LOG,
    crashOnFailure: options.crashOnFailure ?? false,
  })
  uv.listen(http.server)
  serveRest(http, { hv, vmm, version: options.version }, { origin, token })
  const source = { hv, counters, connections: uv.connections, version: options.version }
  serveMetrics(http, source, { perVm: options.metricsPerVm ?? false })
  return { http, hv, inspected, vmm, uv, close: () => close(http, hv, uv) }
}

/** A timer that keeps no process alive; what is returned stops it. */
function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

async function close(http: FastifyInstance, hv: Hypervisor, uv: UvEndpoint): Promise<void> {
  hv.stop()
  uv.close()
  const cut = setTimeout(() => {
    uv.terminate()
    http.server.closeAllConnections()
  }, requestGraceMs)
  await http.close()
  clearTimeout(cut)
}
