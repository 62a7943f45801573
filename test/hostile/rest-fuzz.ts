/** Fuzzes the REST API: requests grown from the OpenAPI document, answers judged by it. */
import { performance } from 'node:perf_hooks'
import { asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import type { App } from '../../src/server/app.ts'
import { type ServerOptions, server } from '../server/server.ts'
import { oneIn, pick } from './grow.ts'
import { heapBytes } from './heap.ts'
import { misanswer, type Operation, REST_OPERATIONS, type RestAnswer } from './rest-document.ts'
import { growRequest, type RestRequest } from './rest-grow.ts'

export interface RestFigures {
  readonly requests: number
  readonly statuses: Readonly<Record<string, number>>
  /** Operations that were answered with success at least once. */
  readonly succeeded: ReadonlySet<string>
  readonly durationMs: number
  readonly heap: { readonly first: number; readonly last: number }
  readonly failure: string | undefined
}

/** Requests to one server, before the next one is made. */
const requestsPerServer = 2_000
/** Milliseconds in which every request must be answered, on a machine that is busy. */
const answerMsMax = 30_000

/** Asks, and takes the answer; of a stream only its beginning. */
async function ask(app: App, request: RestRequest, isStream: boolean): Promise<RestAnswer> {
  const { method, url, headers, payload } = request
  const response = await app.http.inject({
    method: method as 'GET',
    url,
    headers: { ...headers },
    payloadAsStream: isStream,
    ...(payload === undefined ? {} : { payload }),
  })
  const type = String(response.headers['content-type'] ?? '').split(';')[0] ?? ''
  const { statusCode: status } = response
  if (!isStream) return { status, type, text: response.body }
  const stream = response.stream()
  if (status === 200) {
    stream.destroy()
    return { status, type, text: '' }
  }
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { status, type, text: Buffer.concat(chunks).toString() }
}

/** Every path, those without parameters first: they are meant when both fit. */
const PATHS = [...new Set(REST_OPERATIONS.map(({ path }) => path))]
  .sort((a, b) => a.split('{').length - b.split('{').length)
  .map((path) => {
    // A parameter is whatever stands between two slashes.
    const pattern = path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')
    const operations = REST_OPERATIONS.filter((each) => each.path === path)
    return { pattern: new RegExp(`^${pattern}/?$`), operations }
  })

/** The operation that a request is for, if it is for one. */
function operationFor({ method, url }: RestRequest): Operation | undefined {
  const path = pathOf(url)
  const found = PATHS.find(({ pattern }) => pattern.test(path))
  return found?.operations.find((each) => each.method === method)
}

/** As whoever asks makes it of a URL: without dots for folders. */
function pathOf(url: string): string {
  try {
    return new URL(url, 'http://127.0.0.1').pathname
  } catch {
    return url
  }
}

const shown = ({ method, url, headers, payload }: RestRequest): string => {
  const body = payload === undefined ? 'no body' : JSON.stringify(String(payload)).slice(0, 500)
  return `${method} ${url} ${JSON.stringify(headers)} ${body}`.slice(0, 1_000)
}

export async function fuzzRest(
  requests: number,
  seed: number,
  options: ServerOptions,
  tell: (line: string) => void = () => undefined,
): Promise<RestFigures> {
  const random = prng(seed)
  const statuses = new Map<string, number>()
  const succeeded = new Set<string>()
  const start = performance.now()
  let app = server(options)
  let failure: string | undefined
  let heap: RestFigures['heap'] = { first: 0, last: 0 }
  let done = 0
  for (; done < requests && failure === undefined; done++) {
    if (done > 0 && done % requestsPerServer === 0) {
      await app.close()
      app = server(options)
      const bytes = await heapBytes()
      if (done * 3 >= requests && heap.first === 0) heap = { first: bytes, last: bytes }
      else heap = { ...heap, last: bytes }
      if (done % 100_000 === 0) tell(`${done} requests, heap ${(bytes / 2 ** 20).toFixed(1)} MiB`)
    }
    if (app.hv.host.vms.size === 0) await addVms(app)
    const request = growRequest(random, pick(random, REST_OPERATIONS), wrongness(random.int(10)))
    const operation = operationFor(request)
    const answer = await inTime(ask(app, request, operation?.id === 'followJournal'))
    const wrong = typeof answer === 'string' ? answer : wrongIn(request, operation, answer)
    if (wrong !== undefined)
      failure = `seed ${seed}, request ${done}: ${shown(request)}\n  ${wrong}`
    if (typeof answer === 'string') continue
    const { status } = answer
    statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1)
    if (status < 300 && operation !== undefined) succeeded.add(operation.id)
    // Rules that were added make calls fail: they must not be there for ever.
    if (oneIn(random, 40)) await ask(app, CLEAR, false)
  }
  await app.close()
  const durationMs = Math.round(performance.now() - start)
  return {
    requests: done,
    statuses: Object.fromEntries(statuses),
    succeeded,
    durationMs,
    heap,
    failure,
  }
}

/** VMs for operations to work on: a host without any is soon all there is. */
async function addVms({ vmm }: App): Promise<void> {
  for (const lpid of [1, 2, 3].map(asLpid)) {
    const slots = [{ id: asSlotId(0), base: asGfn(0), pages: 16 }]
    await vmm.create({ lpid, radix: true, svmEnabled: true, slots })
  }
}

/** Pages for people are no part of the document. */
const isPage = (url: string): boolean => !/^\/(v1|livez|readyz|metrics)\b/.test(pathOf(url))

const wrongIn = (
  { url }: RestRequest,
  operation: Operation | undefined,
  answer: RestAnswer,
): string | undefined =>
  operation === undefined && isPage(url) && answer.status < 400
    ? undefined
    : misanswer(operation, answer)

const CLEAR: RestRequest = {
  method: 'DELETE',
  url: '/v1/faults',
  headers: { host: '127.0.0.1' },
  payload: undefined,
}

/** Half of all requests are valid, a third nearly. */
const wrongness = (dice: number): 0 | 1 | 2 => (dice < 5 ? 0 : dice < 8 ? 1 : 2)

async function inTime<T>(answer: Promise<T>): Promise<T | string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((done) => {
    timer = setTimeout(() => done(`no answer within ${answerMsMax} ms`), answerMsMax)
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } finally {
    clearTimeout(timer)
  }
}
