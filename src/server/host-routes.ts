/** Handlers: the host, its sessions, its health. */
import { asyncApiDocument } from '../../schemas/asyncapi.ts'
import { openApiDocument } from '../../schemas/rest/openapi.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import { unexplained, violationsOf } from '../uvmem/invariants.ts'
import type { Handlers } from './handler.ts'
import { problem } from './problem.ts'

/** To make a document of the schemas takes some ten milliseconds: whoever asks often shall not cost that. */
function madeOnce<T>(make: (version: string) => T): (version: string) => T {
  let made: { readonly version: string; readonly document: T } | undefined
  return (version) => {
    if (made?.version !== version) made = { version, document: make(version) }
    return made.document
  }
}
const openApi = madeOnce(openApiDocument)
const asyncApi = madeOnce(asyncApiDocument)

export const HOST_HANDLERS: Handlers<
  | 'getLive'
  | 'getReady'
  | 'getOpenApi'
  | 'getAsyncApi'
  | 'getHost'
  | 'getMetrics'
  | 'denyFrames'
  | 'getInvariants'
  | 'listSessions'
> = {
  getLive: () => ({ status: 'ok' }),
  getReady: ({ hv }) =>
    hv.stopping ? problem('shutting-down', 'The server was told to stop.') : { status: 'ready' },
  getOpenApi: ({ version }) => ({ ...openApi(version) }),
  getAsyncApi: ({ version }) => ({ ...asyncApi(version) }),
  getHost: ({ hv, version }) => {
    const { host, config } = hv
    const { pool } = host.devices
    return {
      version,
      profile: config.profile,
      page_bytes: PAGE_SIZE,
      pool: { size: pool.size, used: pool.taken, free: pool.size - pool.taken },
      frames: { total: hv.framesTotal, used: host.ram.used, denied: host.deniesFrames },
      vms: host.vms.size,
      sessions: hv.sessions.size,
      detached: { sessions: hv.grace.size, ms_left: roundOf(hv.grace.shortest()) },
      deadlocks: hv.deadlocks.found,
      uptime_ms: Math.round(hv.ports.now()),
      limits: config.limits,
    }
  },
  getMetrics: ({ metrics }) => metrics(),
  denyFrames: ({ vmm }, { body }) => {
    vmm.denyFrames(body.denied)
    return { denied: body.denied }
  },
  getInvariants: ({ hv }) => {
    const violations = violationsOf(hv.host)
    return {
      quiet: [...hv.host.vms.keys()].every((lpid) => hv.queueLength(lpid) === 0),
      unexplained: unexplained(violations).length,
      violations: [...violations],
    }
  },
  listSessions: ({ hv }) => {
    const now = hv.ports.now()
    const sessions = [...hv.sessions.list()].map((session) => {
      const left = hv.grace.left(session)
      return {
        id: session.id,
        name: session.name,
        open_ms: Math.round(now - session.openedAt),
        lpids: [...session.lpids].sort((a, b) => a - b),
        state: left === undefined ? ('attached' as const) : ('detached' as const),
        ms_left: left === undefined ? null : Math.round(left),
        resumes: session.resumes,
      }
    })
    return { sessions }
  },
}

const roundOf = (ms: number | undefined): number | null =>
  ms === undefined ? null : Math.round(ms)
