/**
 * `fetch` for a server whose certificate is not signed by an authority that Node.js knows: Node's own
 * `fetch` takes no certificates. Only what the REST client needs of it.
 */
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** A request as the REST client makes it. */
export interface FetchInit {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  readonly signal?: AbortSignal | undefined
}

export type Fetch = (url: string, init: FetchInit) => Promise<Response>

/** Node's own, which streams bodies when it is told so. */
export const plainFetch: Fetch = (url, init) => {
  const { body, signal, ...rest } = init
  return fetch(url, {
    ...rest,
    ...(body === undefined ? {} : { body, duplex: 'half' }),
    ...(signal === undefined ? {} : { signal }),
  } as RequestInit)
}

/** `ca`: certificates of authorities in PEM, the only ones that are trusted. */
export function httpsFetch(ca: string): Fetch {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const options = { method, headers: { ...headers }, ca, ...(signal ? { signal } : {}) }
      const asked = request(url, options, (answer) => resolve(responseOf(answer)))
      asked.on('error', reject)
      if (body === undefined || typeof body === 'string') asked.end(body)
      // A failure of the request shows above; one of the source has to end the request.
      else pipeline(Readable.from(chunksOf(body)), asked).catch(reject)
    })
}

const chunksOf = (body: Uint8Array | AsyncIterable<Uint8Array>) =>
  body instanceof Uint8Array ? [body] : body

/** Statuses that have no body: a Response refuses one. */
const BARE: ReadonlySet<number> = new Set([204, 304])

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText = '', headers } = answer
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  const isBare = BARE.has(status)
  if (isBare) answer.resume()
  const body = isBare ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
  return new Response(body, { status, statusText, headers: pairs })
}
