/** Checks a request against its operation; a problem names every field that does not fit. */
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { OCTETS, type Operation } from '../../schemas/rest/operation.ts'
import type { ProblemDocument } from '../../schemas/rest/problem.ts'
import { Problem, problem } from './problem.ts'

type FieldError = NonNullable<ProblemDocument['errors']>[number]

/** Characters of what was sent that a problem repeats. */
const echoCharsMax = 64

export function checkRequest(
  { path, query, body }: Operation,
  request: FastifyRequest,
): Problem | { path: unknown; query: unknown; body?: unknown } {
  const errors: FieldError[] = []
  const take = (part: string, schema: z.ZodType, value: unknown): unknown => {
    const read = schema.safeParse(value)
    if (read.success) return read.data
    errors.push(...read.error.issues.flatMap((issue) => errorsOf(part, issue, value)))
    return undefined
  }
  const checkedPath = take('path', path, request.params)
  const checkedQuery = take('query', query, request.query)
  if (body === OCTETS)
    return errors.length > 0 ? misfit(errors) : octets(request, checkedPath, checkedQuery)
  if (request.body instanceof Readable) return wrongType(request, body)
  const checkedBody = take('body', body ?? NO_BODY, request.body ?? undefined)
  if (errors.length > 0) return misfit(errors)
  return { path: checkedPath, query: checkedQuery, body: checkedBody }
}

/** Bytes came where none are taken; they have to be read, or the client never sees the answer. */
function wrongType(request: FastifyRequest, body: Operation['body']): Problem {
  request.raw.resume()
  const taken = body === undefined ? 'No body is taken.' : 'The body must be application/json.'
  return problem('unsupported-media-type', taken)
}

const NO_BODY = z.undefined({ error: 'no body' })

function octets(request: FastifyRequest, path: unknown, query: unknown) {
  const type = request.headers['content-type'] ?? ''
  if (request.body === undefined || type.startsWith('application/octet-stream'))
    return { path, query }
  return problem('unsupported-media-type', 'The body must be application/octet-stream.')
}

function misfit(errors: readonly FieldError[]): Problem {
  const [first] = errors
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : ''
  const detail = `${first?.field}: expected ${first?.expected}${more}.`
  return new Problem('bad-request', { detail, errors: [...errors] })
}

function errorsOf(part: string, issue: z.core.$ZodIssue, sent: unknown): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [part, ...issue.path, key].map(short).join('.'),
      expected: 'no member of that name',
    }))
  }
  const field = [part, ...issue.path].map(short).join('.')
  const value = valueAt(sent, issue.path)
  const expected = expectedOf(issue)
  return [value === undefined ? { field, expected } : { field, value: echo(value), expected }]
}

function expectedOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object') return 'an object'
  return issue.message
}

function valueAt(sent: unknown, path: readonly PropertyKey[]): unknown {
  let value = sent
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

const short = (key: PropertyKey): string => String(key).slice(0, echoCharsMax)

/** What was sent, when it can be repeated in a line. */
function echo(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, echoCharsMax)
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'an array' : 'an object'
  return value
}
