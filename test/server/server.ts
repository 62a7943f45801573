/** A server for tests, asked by `inject`: every answer is checked against its schema. */
import type { LightMyRequestResponse } from 'fastify'
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Operation } from '../../schemas/rest/operation.ts'
import { OPERATIONS, type OperationName } from '../../schemas/rest/operations.ts'
import { PROBLEM, ProblemDocument, type ProblemName } from '../../schemas/rest/problem.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import { serve } from '../../src/hv/up-calls.ts'
import { type App, type AppOptions, buildApp } from '../../src/server/app.ts'
import { parseTokens, type TokenEntry } from '../../src/server/tokens.ts'

export interface ServerOptions {
  readonly hv?: Partial<HvConfig>
  readonly limits?: Partial<Limits>
  readonly app?: Partial<AppOptions>
  readonly token?: string
  /** The text of a tokens file. */
  readonly tokens?: string
  readonly host?: string
  readonly allowedHosts?: readonly string[]
  readonly allowedOrigins?: readonly string[]
}

/** A small host: 64 device pages, profile linux-6. */
export function server(options: ServerOptions = {}): App {
  return buildApp({
    hv: {
      profile: 'linux-6',
      poolPages: 64,
      autoCreateVms: true,
      notifiesMigrations: false,
      orphans: 'keep',
      window: 16,
      ...options.hv,
      limits: { ...LIMITS, ...options.limits },
    },
    guard: {
      token: options.token,
      tokens: tokensIn(options.tokens),
      allowedHosts: options.allowedHosts ?? [],
      host: options.host ?? '127.0.0.1',
      allowedOrigins: options.allowedOrigins ?? [],
    },
    version: '1.2.3',
    crashOnFailure: true,
    ...options.app,
  })
}

function tokensIn(text: string | undefined): readonly TokenEntry[] {
  const tokens = text === undefined ? [] : parseTokens(text)
  if (typeof tokens === 'string') throw new Error(tokens)
  return tokens
}

export interface Asked {
  readonly path?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: LightMyRequestResponse['headers']
  /** JSON; undefined for bytes. */
  readonly body: Record<string, unknown>
  readonly bytes: Buffer
}

const ALWAYS: readonly ProblemName[] = [
  'bad-request',
  'unauthorized',
  'role-missing',
  'forbidden',
  'too-large',
  'unsupported-media-type',
  'disk-failed',
]

/** Asks for an operation by its name. Throws when the answer is not what the schemas promise. */
export async function ask(app: App, name: OperationName, asked: Asked = {}): Promise<Answer> {
  const operation: Operation = OPERATIONS[name]
  const path = operation.route.replace(/\{(\w+)\}/g, (_, key: string) => `${asked.path?.[key]}`)
  const isBytes = asked.body instanceof Uint8Array
  const response = await app.http.inject({
    method: operation.method,
    url: path,
    headers: {
      host: '127.0.0.1',
      ...(isBytes ? { 'content-type': 'application/octet-stream' } : {}),
      ...asked.headers,
    },
    ...(asked.query === undefined ? {} : { query: { ...asked.query } }),
    ...(asked.body === undefined ? {} : { payload: payloadOf(asked.body) }),
  })
  return checked(operation, response)
}

const payloadOf = (body: unknown): object =>
  body instanceof Uint8Array ? Buffer.from(body) : (body as object)

function checked(operation: Operation, response: LightMyRequestResponse): Answer {
  const { statusCode: status, headers, rawPayload: bytes } = response
  const kind = String(headers['content-type'])
  if (status >= 400) {
    if (!kind.startsWith('application/problem+json')) throw new Error(`a problem of type ${kind}`)
    const body = ProblemDocument.parse(response.json())
    const problem = body.type.replace('urn:uvmem:problem:', '') as ProblemName
    if (PROBLEM[problem].status !== status || body.status !== status)
      throw new Error(`${problem} with status ${status}`)
    if (![...ALWAYS, ...operation.problems].includes(problem))
      throw new Error(`${operation.route} does not document ${problem}`)
    return { status, headers, body, bytes }
  }
  if (status !== operation.status) throw new Error(`status ${status} is not documented`)
  if (operation.answer === 'octets') return { status, headers, body: {}, bytes }
  if (operation.answer === 'events') throw new Error('a stream never ends: follow it instead')
  if (operation.answer === 'metrics') {
    if (!kind.startsWith('text/plain')) throw new Error(`metrics of type ${kind}`)
    return { status, headers, body: {}, bytes }
  }
  if (!kind.startsWith('application/json')) throw new Error(`an answer of type ${kind}`)
  const body = operation.answer.parse(response.json()) as Record<string, unknown>
  return { status, headers, body, bytes }
}

/** The problem's name without its prefix. */
export const problemOf = ({ body }: Answer): string =>
  String(body['type']).replace('urn:uvmem:problem:', '')

/** The fields that a bad request names. */
export const fieldsOf = ({ body }: Answer): string[] =>
  ((body['errors'] ?? []) as { field: string }[]).map(({ field }) => field)

/** An ultravisor inside the test: it answers every ultracall at once, 0 unless told otherwise. */
export class FakeUv {
  readonly asked: DownCall[] = []
  answers: (call: DownCall) => number = () => 0
  readonly #app: App
  readonly #caller: Parameters<typeof serve>[1]
  #calls = 0

  constructor(app: App) {
    this.#app = app
    const session = app.hv.openSession('fake', {
      call: (body, _parent, done) => {
        this.asked.push(body)
        const ret = this.answers(body)
        const page = body.call === 'UV_PAGE_OUT' ? { page: 0xc0dedn } : {}
        queueMicrotask(() => done({ kind: 'answer', id: 1, call: body.call, ret, ...page }))
      },
      end: () => undefined,
      givenUp: () => undefined,
    })
    if ('limit' in session) throw new Error('no session')
    this.#caller = { session, open: () => undefined }
  }

  /** Makes a call; the code, or the name of the error. */
  call(body: UpCall): Promise<number | string> {
    this.#calls++
    const id = this.#calls
    return new Promise((done) =>
      serve(this.#app.hv, this.#caller, {
        id,
        parent: 0,
        body,
        answer: (ret) => done(ret),
        fail: (error) => done(error),
        ancestors: () => [],
        lose: () => undefined,
        forget: () => undefined,
      }),
    )
  }
}
