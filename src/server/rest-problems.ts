/** Whatever goes wrong before or beside an operation, as a problem document. */
import type { FastifyError, FastifyInstance, FastifyReply, HTTPMethods } from 'fastify'
import type { ProblemName } from '../../schemas/rest/problem.ts'
import { PROBLEM_TYPE, type Problem, problem } from './problem.ts'

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The problem for a status that Fastify answers with by itself. */
const BY_STATUS: ReadonlyMap<number, ProblemName> = new Map([
  [413, 'too-large'],
  [415, 'unsupported-media-type'],
])

const send = (reply: FastifyReply, { status, document }: Problem): FastifyReply =>
  reply.code(status).type(PROBLEM_TYPE).send(JSON.stringify(document))

/** `routes`: the methods of every path that is served. */
export function serveProblems(
  http: FastifyInstance,
  routes: ReadonlyMap<string, readonly string[]>,
): void {
  http.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (status < 500) {
      return send(reply, problem(BY_STATUS.get(status) ?? 'bad-request', error.message))
    }
    request.log.error({ err: error, url: request.url }, 'a rule of ours did not hold')
    return send(reply, problem('internal', 'The log has the details.'))
  })
  http.setNotFoundHandler((request, reply) => {
    const [path] = request.url.split('?')
    return send(reply, problem('not-found', `${request.method} ${path?.slice(0, 128)}`))
  })
  for (const [url, served] of routes) {
    const others = METHODS.filter((method) => !served.includes(method))
    const allow = served.join(', ')
    http.route({
      method: others,
      url,
      handler: (_request, reply) => {
        reply.header('allow', allow)
        return send(reply, problem('method-not-allowed', `Allowed: ${allow}.`))
      },
    })
  }
}
