/**
 * How a call is described: its params as a schema, the ABI's call type they stand for, and the text
 * it is sent as. One `defineMethod` per call, in the file of its family.
 */
import { z } from 'zod'
import type { CallName } from '../src/abi/calls.ts'
import { ResultName, Version } from './envelope.ts'
import type { AnswerMessage, AnswerOutput, CallMessage } from './messages.ts'
import { CallId, LpidValue, Ret } from './values.ts'

/** The first thing about a message that does not fit. `path` starts at the message. */
export interface Unfit {
  readonly kind: 'unfit'
  readonly path: readonly PropertyKey[]
  /** What would have fitted. */
  readonly expected: string
  /** The members that nobody knows, if that is what is wrong. */
  readonly unknown?: readonly string[]
}

type Named = { readonly call: CallName }

/** One call of the wire. `Body` is its type inside the program. */
export interface Method<Body extends Named> {
  readonly name: Body['call']
  /** Schema of the params. */
  readonly params: z.ZodType
  /** Schema of the whole request. */
  readonly request: z.ZodType
  /** Schema of the result. */
  readonly result: z.ZodType
  /** Schema of the whole response. */
  readonly response: z.ZodType
  /** Reads a whole request. */
  read(item: unknown): CallMessage<Body> | Unfit
  /** Reads the whole response to the call `body`. */
  readAnswer(item: unknown, body: Body): AnswerMessage | Unfit
  /** The params as JSON text: the members, without braces and without `parent`. */
  write(body: Body): string
}

/** A method whose params are known by type, too. */
export interface DefinedMethod<Body extends Named, Params> extends Method<Body> {
  readonly params: z.ZodType<Params>
}

/** A rule over several fields that is broken: the field to blame, and what would have been right. */
export interface Breach {
  readonly field: string
  readonly expected: string
}

/** What `defineMethod` is told. */
export interface MethodSpec<Body extends Named, Params, Result> {
  readonly name: Body['call']
  /** A strict object; every call but SESSION_OPEN has `commonParams` in it. */
  readonly params: z.ZodType<Params>
  readonly body: (params: Params) => Body
  readonly rule?: (body: Body) => Breach | undefined
  readonly write: (body: Body) => string
  readonly result: z.ZodType<Result>
  /** What the result holds besides its code, or why that is not what the call asked for. */
  readonly output?: (result: Result, body: Body) => AnswerOutput | Breach
}

/** Params that every call for a VM has. `parent` is the call of the other side it is made in. */
export const commonParams = { lpid: LpidValue, parent: CallId.optional() }

/** A result of a code and nothing else. */
export const PlainResult = z.strictObject({ ret: Ret, name: ResultName })

/** The first issue of a failed parse. */
export function unfitOf(error: z.core.$ZodError): Unfit {
  const issue = error.issues[0]
  if (issue === undefined) return { kind: 'unfit', path: [], expected: 'another form' }
  const { path } = issue
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return { kind: 'unfit', path, expected: 'an object' }
  if (issue.code !== 'unrecognized_keys') return { kind: 'unfit', path, expected: issue.message }
  const unknown = issue.keys
  return { kind: 'unfit', path, expected: 'no member of that name', unknown }
}

const breachOf = (where: string, { field, expected }: Breach): Unfit => ({
  kind: 'unfit',
  path: [where, field],
  expected,
})

export function defineMethod<
  Body extends Named,
  Params extends { readonly parent?: number | undefined },
  Result extends { readonly ret: number },
>(spec: MethodSpec<Body, Params, Result>): DefinedMethod<Body, Params> {
  const { name, params, body, rule, write, result, output } = spec
  const request: z.ZodType<{ id: number; params: Params }> = z.strictObject({
    jsonrpc: Version,
    id: CallId,
    method: z.literal(name),
    params,
  })
  const response: z.ZodType<{ id: number; result: Result }> = z.strictObject({
    jsonrpc: Version,
    id: CallId,
    result,
  })
  const readRequest = z.compile(request)
  const readResponse = z.compile(response)
  const read = (item: unknown): CallMessage<Body> | Unfit => {
    const parsed = readRequest.safeParse(item)
    if (!parsed.success) return unfitOf(parsed.error)
    const { data } = parsed
    const called = body(data.params)
    const breach = rule?.(called)
    if (breach !== undefined) return breachOf('params', breach)
    return { kind: 'call', id: data.id, parent: data.params.parent ?? 0, body: called }
  }
  const readAnswer = (item: unknown, called: Body): AnswerMessage | Unfit => {
    const parsed = readResponse.safeParse(item)
    if (!parsed.success) return unfitOf(parsed.error)
    const { id, result } = parsed.data
    if (output === undefined) return { kind: 'answer', id, call: name, ret: result.ret }
    const outputs = output(result, called)
    if ('expected' in outputs) return breachOf('result', outputs)
    return { kind: 'answer', id, call: name, ret: result.ret, ...outputs }
  }
  return { name, params, request, result, response, read, readAnswer, write }
}
