/**
 * How an operation of the REST API is described. The server serves what is described here, and the
 * OpenAPI document is made of it.
 */
import { z } from 'zod'
import type { ProblemName } from './problem.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** A body that is plain bytes, in either direction. */
export const OCTETS = 'octets'

/** An answer that is a stream of server-sent events. */
export const EVENTS = 'events'

/** An answer that is text in the exposition format of Prometheus. */
export const METRICS_TEXT = 'metrics'

/** What a body can be: a JSON document, plain bytes, or nothing. */
export type BodySchema = z.ZodType | typeof OCTETS | undefined
export type AnswerSchema = z.ZodType | typeof OCTETS | typeof EVENTS | typeof METRICS_TEXT

export interface Operation<
  Path extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends BodySchema = BodySchema,
  Answer extends AnswerSchema = AnswerSchema,
> {
  readonly method: HttpMethod
  /** With its parameters in braces: `/v1/vms/{lpid}`. */
  readonly route: string
  /** The chapter of the documentation. */
  readonly tag: string
  /** A few words. */
  readonly summary: string
  /** Sentences. */
  readonly description: string
  readonly path: Path
  readonly query: Query
  /** undefined: no body. */
  readonly body: Body
  /** Status of success. */
  readonly status: 200 | 201
  readonly answer: Answer
  /** True: the answer has an ETag, and If-None-Match may get 304. */
  readonly conditional?: boolean
  /** Where what was created is; for the Location header. */
  readonly location?: (answer: unknown) => string
  /** What it may end with besides the problems that every operation may end with. */
  readonly problems: readonly ProblemName[]
}

/** No parameters. */
export const NOTHING = z.strictObject({})

type Optional = 'path' | 'query' | 'body' | 'status' | 'problems'

/** Describes an operation; what is left out is nothing, and success is 200. */
export function defineOperation<
  Answer extends AnswerSchema,
  Path extends z.ZodType = typeof NOTHING,
  Query extends z.ZodType = typeof NOTHING,
  Body extends BodySchema = undefined,
>(
  described: Omit<Operation<Path, Query, Body, Answer>, Optional> &
    Partial<Pick<Operation<Path, Query, Body, Answer>, Optional>>,
): Operation<Path, Query, Body, Answer> {
  const { path, query, body, status, problems } = described
  return {
    ...described,
    path: path ?? (NOTHING as z.ZodType as Path),
    query: query ?? (NOTHING as z.ZodType as Query),
    body: body as Body,
    status: status ?? 200,
    problems: problems ?? [],
  }
}
