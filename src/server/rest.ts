/**
 * Serves the operations of the REST API: checks what comes, hands it to the handler, sends what it
 * gives. What an operation is called and takes is described in schemas/rest; what it does is in the
 * handlers.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ACCESS } from '../../schemas/rest/access.ts'
import { EVENTS, METRICS_TEXT, OCTETS, type Operation } from '../../schemas/rest/operation.ts'
import { OPERATIONS, type OperationName } from '../../schemas/rest/operations.ts'
import type { Durable } from '../hv/durable.ts'
import { checkRequest } from './check-request.ts'
import type { Download, Handlers, Hosted, MetricsText, Stream, Tagged, Upload } from './handler.ts'
import { HANDLERS } from './handlers.ts'
import { PROBLEM_TYPE, Problem, problem } from './problem.ts'
import { allow } from './route-access.ts'

/** Nothing that these say is about the state. */
const ALWAYS_SERVED: ReadonlySet<string> = new Set(['/livez', '/metrics', '/openapi.json'])

type AnyHandler = (hosted: Hosted, asked: object) => unknown

export const send = (reply: FastifyReply, refusal: Problem): FastifyReply =>
  reply.code(refusal.status).type(PROBLEM_TYPE).send(JSON.stringify(refusal.document))

export function serveRest(http: FastifyInstance, hosted: Hosted): void {
  http.removeContentTypeParser('text/plain')
  http.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
    done(null, payload),
  )
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const operation = OPERATIONS[name] as Operation
    const url = operation.route.replace(/\{(\w+)\}/g, ':$1')
    const handler = (HANDLERS as Handlers<OperationName>)[name] as unknown as AnyHandler
    http.route({
      method: operation.method,
      url,
      ...allow(ACCESS[name]),
      handler: (request, reply) => serve(hosted, operation, handler, request, reply),
    })
  }
}

async function serve(
  hosted: Hosted,
  operation: Operation,
  handler: AnyHandler,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const asked = checkRequest(operation, request)
  if (asked instanceof Problem) return send(reply, asked)
  const durable = ALWAYS_SERVED.has(operation.route) ? undefined : hosted.durable
  if (durable?.failure !== undefined) return send(reply, diskFailed(durable))
  const takesBytes = operation.body === OCTETS
  const { headers } = request
  const gone = (): AbortSignal => goneSignal(hosted, reply)
  const body = takesBytes ? { body: uploadOf(request) } : {}
  const given = await handler(hosted, { ...asked, headers, gone, ...body })
  if (durable !== undefined && !(await durable.safe())) return send(reply, diskFailed(durable))
  // The rest of an upload that was given up has to be read, or the client never sees the answer.
  if (takesBytes) request.raw.resume()
  if (hosted.hv.stopping) reply.header('connection', 'close')
  if (given instanceof Problem) return send(reply, given)
  if (operation.answer === EVENTS) return sendEvents(reply, given as Stream, gone())
  if (operation.answer === METRICS_TEXT) return sendText(reply, given as MetricsText)
  if (operation.conditional === true) return sendTagged(request, reply, given as Tagged)
  if (operation.answer === OCTETS) return sendBytes(reply, given as Download)
  if (operation.location !== undefined) reply.header('location', operation.location(given))
  return reply.code(operation.status).type('application/json').send(JSON.stringify(given))
}

const diskFailed = ({ failure }: Durable): Problem =>
  failure === undefined
    ? problem('shutting-down', 'The server ended before it was kept.')
    : problem('disk-failed', `${failure}.`)

/** Made anew for each upload: a stream that all of them share would gather listeners. */
async function* noChunks(): AsyncGenerator<Uint8Array> {}

function uploadOf({ body, headers }: FastifyRequest): Upload {
  const announced = headers['content-length']
  return {
    // Leaving the loop early must not destroy the stream: the socket would go with it.
    chunks: body instanceof Readable ? body.iterator({ destroyOnReturn: false }) : noChunks(),
    length: announced === undefined ? undefined : Number(announced),
  }
}

const sendText = (reply: FastifyReply, { type, text }: MetricsText): FastifyReply =>
  reply.code(200).type(type).send(text)

function sendBytes(reply: FastifyReply, { length, chunks }: Download): FastifyReply {
  return reply
    .code(200)
    .type('application/octet-stream')
    .header('content-length', length)
    .send(Readable.from(chunks, { objectMode: false }))
}

/** Source: RFC 9110, If-None-Match. The tags of this server hold no commas. */
function sendTagged(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { etag, bytes }: Tagged,
): FastifyReply {
  const quoted = `"${etag}"`
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim())
  reply.header('etag', quoted).header('cache-control', 'no-cache')
  if (known.some((tag) => tag === '*' || tag.replace(/^W\//, '') === quoted)) {
    return reply.code(304).send()
  }
  return reply.code(200).type('application/octet-stream').send(bytes())
}

/** Source: the HTML standard, server-sent events. */
function sendEvents(reply: FastifyReply, { events }: Stream, gone: AbortSignal): FastifyReply {
  return (
    reply
      .code(200)
      .header('cache-control', 'no-store')
      // It has ended because somebody goes: nobody asks for anything else on this connection.
      .header('connection', 'close')
      .type('text/event-stream')
      .send(Readable.from(events(gone), { objectMode: false }))
  )
}

/** Aborted when the client goes away before its answer is whole, or the server ends. */
function goneSignal({ ending }: Hosted, { raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  const letGo = ending.add(() => gone.abort())
  raw.once('close', () => {
    letGo()
    gone.abort()
  })
  return gone.signal
}
