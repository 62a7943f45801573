/** The OpenAPI 3.1 document of the REST API, made of the schemas that the server validates with. */
import { z } from 'zod'
import { ACCESS, type Access } from './access.ts'
import { type AnswerSchema, EVENTS, METRICS_TEXT, OCTETS, type Operation } from './operation.ts'
import { OPERATIONS, type OperationName } from './operations.ts'
import { PROBLEM, ProblemDocument, type ProblemName } from './problem.ts'

type Json = Readonly<Record<string, unknown>>

const PROBLEM_TYPE = 'application/problem+json'
const OCTET_CONTENT = {
  'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
}

/** As it is on the wire, in both directions: before anybody has read it. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

function content(schema: AnswerSchema): Json {
  if (schema === OCTETS) return OCTET_CONTENT
  if (schema === EVENTS) return { 'text/event-stream': { schema: { type: 'string' } } }
  if (schema === METRICS_TEXT) return { 'text/plain': { schema: { type: 'string' } } }
  return { 'application/json': { schema: schemaOf(schema) } }
}

/** The parameters of one place: every member of a strict object. */
function parametersOf(place: 'path' | 'query', schema: z.ZodType): Json[] {
  const { properties, required } = schemaOf(schema) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties ?? {}).map(([name, form]) => {
    const { description, ...rest } = form
    return {
      name,
      in: place,
      required: place === 'path' || (required ?? []).includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    }
  })
}

/** What any request may be answered before anybody looks at what it asks for. */
const ANYWHERE: readonly ProblemName[] = [
  'bad-request',
  'forbidden',
  'request-timeout',
  'too-large',
  'unsupported-media-type',
  'header-too-large',
]

const problemsOf = ({ problems }: Operation, access: Access): readonly ProblemName[] => [
  ...(access === 'open' ? [] : (['unauthorized', 'role-missing'] as const)),
  ...ANYWHERE,
  ...problems,
  'internal',
  'disk-failed',
]

/** One answer for each status: its problems share one. */
function problemAnswers(operation: Operation, access: Access): Record<string, Json> {
  const answers: Record<string, Json> = {}
  const names = problemsOf(operation, access)
  for (const { status } of names.map((name) => PROBLEM[name])) {
    const here = names.filter((name) => PROBLEM[name].status === status)
    answers[String(status)] = {
      description: here.map((name) => `\`${name}\`: ${PROBLEM[name].when}`).join(' '),
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return answers
}

function describe(id: OperationName, operation: Operation): Json {
  const { tag, summary, description, path, query, body, status, answer } = operation
  const access = ACCESS[id]
  const parameters = [...parametersOf('path', path), ...parametersOf('query', query)]
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body) } }),
    // Roles beside a scheme: OpenAPI 3.1, security requirement object. Without tokens: nothing.
    security: access === 'open' ? [] : [{ token: [access] }, {}],
    responses: {
      [String(status)]: { description: 'Success.', content: content(answer) },
      ...(operation.conditional === true
        ? { 304: { description: 'Nothing has changed: If-None-Match names the ETag.' } }
        : {}),
      ...problemAnswers(operation, access),
    },
  }
}

/** `version`: of the program. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const id of Object.keys(OPERATIONS) as OperationName[]) {
    const operation: Operation = OPERATIONS[id]
    const here = paths[operation.route] ?? {}
    here[operation.method.toLowerCase()] = describe(id, operation)
    paths[operation.route] = here
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'uvmem',
      version,
      description:
        'Inspect and operate the emulated hypervisor. Ultravisors connect to the WebSocket at /v1/uv, which is described elsewhere. Numbers in paths and queries are decimal, or hexadecimal with 0x; 64-bit values in answers are text with 0x.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: schemaOf(ProblemDocument) },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Only where the server was started with tokens. Each gives roles: a reader looks, an operator does everything here, an ultravisor (uv) uses the WebSocket and nothing else.',
        },
      },
    },
  }
}
