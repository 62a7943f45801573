/**
 * A typed client of the hypervisor's REST API, made of the same descriptions as the server.
 *
 * Answers are checked against their schema; problems become RestError. Bytes are streamed in both
 * directions and never held whole.
 */
import { z } from 'zod'
import { JournalEventFacts } from '../../schemas/rest/journal.ts'
import { OPERATIONS, type OperationName } from '../../schemas/rest/operations.ts'
import { ProblemDocument } from '../../schemas/rest/problem.ts'
import type { Gpa, Lpid } from '../abi/page.ts'
import { messagesOf } from './event-stream.ts'
import { type Fetch, type FetchInit, httpsFetch, plainFetch } from './https-fetch.ts'

type Operations = typeof OPERATIONS
type Values = Readonly<Record<string, string | number | boolean>>

type NotJson =
  | 'readMemory'
  | 'writeMemory'
  | 'getFrameMap'
  | 'getMetrics'
  | 'followJournal'
  | 'getSnapshot'
  | 'putSnapshot'
  | 'getVmSnapshot'
  | 'addVmSnapshot'

/** One message of the stream of `followJournal`. */
const JournalMessage = z.strictObject({ events: z.array(JournalEventFacts), lost: z.int() })
type JournalMessage = z.output<typeof JournalMessage>

/** Operations whose bodies and answers are JSON. */
export type JsonOperation = Exclude<OperationName, NotJson>

export interface Asked<Name extends JsonOperation> {
  readonly path?: Values
  readonly query?: Values
  readonly body?: Operations[Name]['body'] extends z.ZodType
    ? z.input<Operations[Name]['body']>
    : undefined
}
export type Given<Name extends JsonOperation> = Operations[Name]['answer'] extends z.ZodType
  ? z.output<Operations[Name]['answer']>
  : never

/** An operation ended with a problem, or there was no answer that could be read. */
export class RestError extends Error {
  override readonly name = 'RestError'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** As the server sent it, if it did. */
  readonly problem: ProblemDocument | undefined

  constructor(what: string, status: number, problem: ProblemDocument | undefined, why: string) {
    super(`${what}: ${why}`)
    this.status = status
    this.problem = problem
  }
}

export interface RestOptions {
  /** `http://127.0.0.1:8080`, without a path. */
  readonly url: string
  readonly token?: string | undefined
  /** Certificates in PEM that an https server's own is checked with, in place of the known ones. */
  readonly ca?: string | undefined
}

export class HvRest {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #send: Fetch

  constructor({ url, token, ca }: RestOptions) {
    this.#send = ca === undefined ? plainFetch : httpsFetch(ca)
    this.url = url.replace(/\/+$/, '')
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** One operation with JSON. Rejects with RestError. */
  async call<Name extends JsonOperation>(
    name: Name,
    asked: Asked<Name> = {},
  ): Promise<Given<Name>> {
    const { method, route, answer } = OPERATIONS[name]
    const { path = {}, query = {}, body } = asked
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const reply = await this.#fetch(method, pathOf(route, path), query, { ...json, headers: type })
    const given: unknown = await reply.json()
    const read = (answer as z.ZodType).safeParse(given)
    if (read.success) return read.data as Given<Name>
    const why = `the answer does not fit: ${read.error.issues[0]?.message ?? ''}`
    throw new RestError(`${method} ${route}`, reply.status, undefined, why)
  }

  /** Stores bytes in a VM's memory as they come; @returns how many. */
  async write(lpid: Lpid, gpa: Gpa, content: Uint8Array | AsyncIterable<Uint8Array>) {
    const { method, route, answer } = OPERATIONS.writeMemory
    const headers = { 'content-type': 'application/octet-stream' }
    const init = { headers, body: content }
    const reply = await this.#fetch(method, pathOf(route, { lpid }), { gpa }, init)
    return answer.parse(await reply.json()).written
  }

  /** Reads a VM's memory as the host does, piece by piece. */
  async *read(lpid: Lpid, gpa: Gpa, length: number): AsyncGenerator<Uint8Array> {
    const { method, route } = OPERATIONS.readMemory
    const reply = await this.#fetch(method, pathOf(route, { lpid }), { gpa, length }, {})
    if (reply.body === null) return
    try {
      yield* reply.body as AsyncIterable<Uint8Array>
    } catch (error) {
      throw new RestError(`${method} ${route}`, reply.status, undefined, causeOf(error))
    }
  }

  /**
   * What happens, as it happens: events that fit the query of `followJournal`, and how many more there
   * were. Ends with `signal`; rejects with RestError when the server ends it.
   */
  async *follow(query: Values, signal: AbortSignal): AsyncGenerator<JournalMessage> {
    const { method, route } = OPERATIONS.followJournal
    try {
      const reply = await this.#fetch(method, route, query, { signal })
      if (reply.body !== null) {
        const messages = messagesOf(reply.body as AsyncIterable<Uint8Array>)
        for await (const data of messages) yield JournalMessage.parse(JSON.parse(data))
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof RestError) throw error
      throw new RestError(`${method} ${route}`, 200, undefined, causeOf(error))
    }
    if (!signal.aborted) {
      throw new RestError(`${method} ${route}`, 200, undefined, 'the server ended the stream')
    }
  }

  async #fetch(
    method: string,
    path: string,
    query: Values,
    init: Partial<FetchInit>,
  ): Promise<Response> {
    const params = new URLSearchParams()
    for (const [key, value] of Object.entries(query)) params.append(key, String(value))
    const text = params.toString()
    const url = `${this.url}${path}${text === '' ? '' : `?${text}`}`
    const headers = { ...this.#headers, ...init.headers }
    let reply: Response
    try {
      reply = await this.#send(url, { ...init, method, headers })
    } catch (error) {
      throw new RestError(`${method} ${url}`, 0, undefined, causeOf(error))
    }
    if (reply.ok) return reply
    throw await problemOf(`${method} ${path}`, reply)
  }
}

const pathOf = (route: string, values: Values): string =>
  route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name] ?? '')))

async function problemOf(what: string, reply: Response): Promise<RestError> {
  const text = await reply.text()
  try {
    const problem = ProblemDocument.parse(JSON.parse(text))
    return new RestError(what, reply.status, problem, sentenceOf(problem))
  } catch {
    const why = `${reply.status} ${reply.statusText} ${text.slice(0, 200)}`
    return new RestError(what, reply.status, undefined, why.trim())
  }
}

/** The detail names code and reason already. */
function sentenceOf({ status, detail, errors }: ProblemDocument): string {
  const fields = (errors ?? []).map(({ field, expected }) => `${field}: expected ${expected}`)
  return [`${status} ${detail}`, ...fields].join('; ')
}

/** What `fetch` hides behind "fetch failed". */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message
}
