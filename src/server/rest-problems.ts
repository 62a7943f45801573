/** Whatever goes wrong before or beside an operation, as a problem document. */
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HTTPMethods,
} from 'fastify'
import type { Access } from '../../schemas/rest/access.ts'
import type { ProblemName } from '../../schemas/rest/problem.ts'
import { PROBLEM_TYPE, Problem, problem } from './problem.ts'
import { allow } from './route-access.ts'
import { SUBPROTOCOLS, UV_PATH } from './subprotocols.ts'

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The problem for a status that Fastify answers with by itself. */
const BY_STATUS: ReadonlyMap<number, ProblemName> = new Map([
  [413, 'too-large'],
  [415, 'unsupported-media-type'],
])

const send = (reply: FastifyReply, { status, document }: Problem): FastifyReply =>
  reply.code(status).type(PROBLEM_TYPE).send(JSON.stringify(document))

/** Without the query, in which somebody may have put a secret. */
const pathOf = (url: string): string => url.split('?')[0] ?? ''

function problemOf(status: number, { code, message }: FastifyError): Problem {
  const name = BY_STATUS.get(status) ?? 'bad-request'
  if (code !== 'FST_ERR_CTP_INVALID_JSON_BODY') return problem(name, message)
  return new Problem(name, { detail: message, errors: [{ field: 'body', expected: 'JSON' }] })
}

/** The path is no URL, or a part of it is too long: Fastify says so before any route is looked for. */
export function answerBadUrl(
  _error: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  send(
    reply,
    problem('bad-request', 'The path is no URL, or has a part of more than 100 characters.'),
  )
}

/** What a path serves. */
interface Served {
  readonly methods: readonly string[]
  /** Who is told that it has no other methods. */
  readonly access: Access
}

/** Every path that is served from now on. */
export function watchRoutes(http: FastifyInstance): ReadonlyMap<string, Served> {
  const routes = new Map<string, Served>()
  http.addHook('onRoute', ({ url, method, config }) => {
    const access = config?.access === 'operator' ? 'reader' : (config?.access ?? 'reader')
    const methods = [routes.get(url)?.methods ?? [], method].flat()
    routes.set(url, { access, methods })
  })
  return routes
}

/** Comes after the last route; `routes`: what `watchRoutes` has seen. */
export function serveProblems(http: FastifyInstance, routes: ReadonlyMap<string, Served>): void {
  http.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (request.raw.destroyed && !request.raw.complete) {
      request.log.info(
        { path: pathOf(request.url) },
        'the client went away in the middle of its request',
      )
      return reply.hijack()
    }
    if (status < 500) return send(reply, problemOf(status, error))
    request.log.error({ err: error, path: pathOf(request.url) }, 'a rule of ours did not hold')
    return send(reply, problem('internal', 'The log has the details.'))
  })
  http.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url)
    return send(reply, problem('not-found', `${request.method} ${path.slice(0, 128)}`))
  })
  http.get(UV_PATH, allow('uv'), (_request, reply) => {
    reply.header('upgrade', 'websocket')
    const known = SUBPROTOCOLS.join(', ')
    return send(reply, problem('upgrade-required', `This is a WebSocket. Subprotocols: ${known}.`))
  })
  for (const [url, { methods, access }] of [...routes]) {
    const others = METHODS.filter((method) => !methods.includes(method))
    const allowed = methods.join(', ')
    http.route({
      method: others,
      url,
      ...allow(access),
      handler: (_request, reply) => {
        reply.header('allow', allowed)
        return send(reply, problem('method-not-allowed', `Allowed: ${allowed}.`))
      },
    })
  }
}
