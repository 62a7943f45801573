/**
 * Guards every route: none is served that does not say who may use it. A route of ours has its access
 * in its Fastify config; what is no route at all is kept from strangers as well.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Access } from '../../schemas/rest/access.ts'
import { invariant } from '../lib/assert.ts'
import { type Guard, isRefusal, type Refusal } from './guard.ts'
import { hostsIn } from './handshake.ts'
import { PROBLEM_TYPE, problem } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The role that a request for this route must have. */
    access?: Access
  }
}

interface BadRequest {
  readonly problem: 'bad-request'
  readonly detail: string
  readonly challenge?: undefined
}

/** For the config of a route. */
export const allow = (access: Access) => ({ config: { access } })

/** Comes before the first route. */
export function guardRoutes(http: FastifyInstance, guard: Guard): void {
  http.addHook('onRoute', ({ url, config }) => {
    invariant(config?.access !== undefined, `a rule says who may use ${url}`)
  })
  http.addHook('onRequest', async (request, reply) => {
    const { headers, url, routeOptions, raw } = request
    if (hostsIn(raw) > 1) return refuse(reply, TWO_HOSTS)
    const visit = { headers, url, access: routeOptions.config.access ?? 'reader' }
    const told = guard.origin(visit) ?? guard.principal(visit)
    return isRefusal(told) ? refuse(reply, told) : undefined
  })
}

/** Source: RFC 9112, section 3.2. Node.js takes the first one. */
const TWO_HOSTS = { problem: 'bad-request', detail: 'There must be one Host header.' } as const

function refuse(
  reply: FastifyReply,
  { problem: name, detail, challenge }: Refusal | BadRequest,
): FastifyReply {
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  const { status, document } = problem(name, detail)
  return reply.code(status).type(PROBLEM_TYPE).send(JSON.stringify(document))
}
