/**
 * The subprotocol `uvmem.v1.json`: JSON-RPC 2.0 in text messages. Source: spec of the wire, section
 * 2; schemas/README.md documents every message.
 *
 * What comes in is validated whole: by the schemas, or, in the one form in which this program writes
 * what comes most often, by rpc-json-scan.ts, which is held against them. What goes out is written as
 * text directly: its types are checked by the compiler, and the tests validate every kind of message
 * that is sent.
 *
 * A client that calls with one message after the other, as most JSON-RPC libraries do, is answered and
 * called the same way: the hypervisor sends batches to whom it has had one from.
 */
import { ErrorResponse, RequestHead } from '../../schemas/envelope.ts'
import { WIRE_ERROR } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, ErrorData, Message, UpCall, WireCall } from '../../schemas/messages.ts'
import type { Method, Unfit } from '../../schemas/method.ts'
import { unfitOf } from '../../schemas/method.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { CALL_ID_MAX } from '../../schemas/values.ts'
import { present, unreachable } from '../lib/assert.ts'
import type { Codec, Encoded, Fault, Received, Stray, WireData } from './rpc-codec.ts'
import { faultData, type Misshapen, misshapen, shortText } from './rpc-json-fault.ts'
import { printMessage } from './rpc-json-print.ts'
import { type Scan, scanDown, scanUp } from './rpc-json-scan.ts'
import { answerText, callText, errorText } from './rpc-json-text.ts'

export const JSON_SUBPROTOCOL = 'uvmem.v1.json'

type Methods<Body extends WireCall> = ReadonlyMap<string, Method<Body>>
type Item = Readonly<Record<string, unknown>>

const isItem = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The id of an item, 0 when it has none that is allowed. */
const idOf = ({ id }: Item): number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= CALL_ID_MAX ? id : 0

const badRequest = (item: unknown, unfit: Unfit, more: ErrorData = {}): Fault => {
  const error = unfit.path[0] === 'params' ? 'BAD_PARAMS' : 'NOT_A_REQUEST'
  const id = isItem(item) ? idOf(item) : 0
  return { kind: 'fault', error, id, data: { ...faultData(item, unfit), ...more } }
}

const stray = (why: string): Stray => ({ kind: 'stray', why })

/** Which side a codec is for. */
interface Side<Ours extends WireCall, Theirs extends WireCall> {
  readonly ours: Methods<Ours>
  readonly theirs: Methods<Theirs>
  readonly scan: Scan<Ours, Theirs>
  /** Who makes our calls, in the words of an error. */
  readonly us: string
  /** The other side reads batches, also when it never sends one. */
  readonly batches: boolean
}

class JsonCodec<Ours extends WireCall, Theirs extends WireCall> implements Codec<Ours, Theirs> {
  readonly subprotocol = JSON_SUBPROTOCOL
  readonly itemsPerSend = 128
  readonly #ours: Methods<Ours>
  readonly #theirs: Methods<Theirs>
  readonly #us: string
  /** The other side reads batches. */
  #batches: boolean
  readonly #scan: Scan<Ours, Theirs>

  constructor(side: Side<Ours, Theirs>) {
    this.#us = side.us
    this.#batches = side.batches
    this.#ours = side.ours
    this.#theirs = side.theirs
    this.#scan = side.scan
  }

  encode(items: readonly Message<Ours>[], start: number): Encoded {
    const most = this.#batches ? LIMITS.itemsPerMessageMax : 1
    const end = Math.min(items.length, start + most)
    const printed = printMessage(items, start, end)
    if (printed !== undefined) return printed
    let text = ''
    let next = start
    for (; next < end; next += 1) {
      const one = this.#textOf(present(items[next], 'an item to send'))
      if (next > start && text.length + one.length > LIMITS.batchBytesMax) break
      text = next === start ? one : `${text},${one}`
    }
    return { data: next === start + 1 ? text : `[${text}]`, next }
  }

  decode(data: WireData, openCall: (id: number) => Ours | undefined): readonly Received<Theirs>[] {
    if (typeof data !== 'string') return [{ kind: 'breakage', close: 'WRONG_KIND' }]
    this.#batches ||= data.startsWith('[')
    const scanned = this.#scan(data, openCall)
    if (scanned !== undefined) return scanned
    let parsed: unknown
    try {
      parsed = JSON.parse(data)
    } catch (error) {
      const reason = shortText(error instanceof Error ? error.message : 'no JSON')
      return [{ kind: 'fault', error: 'UNPARSABLE', id: 0, data: { reason } }]
    }
    if (!Array.isArray(parsed)) return [this.#read(parsed, openCall)]
    this.#batches = true
    if (parsed.length > LIMITS.itemsPerMessageMax) return [{ kind: 'breakage', close: 'TOO_BIG' }]
    if (parsed.length > 0) return parsed.map((item: unknown) => this.#read(item, openCall))
    return [
      badRequest(parsed, { kind: 'unfit', path: [], expected: 'a batch of one item or more' }),
    ]
  }

  #textOf(item: Message<Ours>): string {
    switch (item.kind) {
      case 'call':
        return callText(item, present(this.#ours.get(item.body.call), 'the method of a call'))
      case 'answer':
        return answerText(item)
      case 'error':
        return errorText(item)
      default:
        return unreachable(item)
    }
  }

  #read(item: unknown, openCall: (id: number) => Ours | undefined): Received<Theirs> {
    if (!isItem(item))
      return badRequest(item, { kind: 'unfit', path: [], expected: 'a request object' })
    const shape = misshapen(item)
    if (shape !== undefined) return this.#readMisshapen(item, shape, openCall)
    if (Object.hasOwn(item, 'method')) return this.#readCall(item)
    if (Object.hasOwn(item, 'result')) return this.#readAnswer(item, openCall)
    if (Object.hasOwn(item, 'error')) return this.#readError(item, openCall)
    return badRequest(item, { kind: 'unfit', path: ['method'], expected: 'the name of a call' })
  }

  /** What is said about it is said about a call, an answer or an error as ever. */
  #readMisshapen(
    item: Item,
    { unfit, more }: Misshapen,
    openCall: (id: number) => Ours | undefined,
  ): Received<Theirs> {
    const isReply =
      !Object.hasOwn(item, 'method') && ['result', 'error'].some((name) => name in item)
    if (!isReply) return badRequest(item, unfit, more)
    const id = idOf(item)
    return openCall(id) === undefined
      ? stray('an answer in no known form')
      : badAnswer(id, item, unfit, more)
  }

  #readCall(item: Item): Received<Theirs> {
    const name = item['method']
    const method = typeof name === 'string' ? this.#theirs.get(name) : undefined
    if (method !== undefined) {
      const read = method.read(item)
      return read.kind === 'unfit' ? badRequest(item, read) : read
    }
    const head = RequestHead.safeParse(item)
    if (!head.success) return badRequest(item, unfitOf(head.error))
    const isOurs = this.#ours.has(head.data.method)
    const expected = isOurs
      ? `a call that this side serves: ${this.#us} makes this one`
      : 'the name of a call'
    const data = { path: 'method', reason: 'unknown', value: shortText(head.data.method), expected }
    return { kind: 'fault', error: 'UNKNOWN_METHOD', id: head.data.id, data }
  }

  #readAnswer(item: Item, openCall: (id: number) => Ours | undefined): Received<Theirs> {
    const id = idOf(item)
    const body = openCall(id)
    if (body === undefined) return stray(`an answer to call ${id}, which is not open`)
    const method = present(this.#ours.get(body.call), 'the method of an open call')
    const read = method.readAnswer(item, body)
    return read.kind === 'unfit' ? badAnswer(id, item, read) : read
  }

  #readError(item: Item, openCall: (id: number) => Ours | undefined): Received<Theirs> {
    const read = ErrorResponse.safeParse(item)
    const id = idOf(item)
    const isOpen = openCall(id) !== undefined
    if (!read.success)
      return isOpen ? badAnswer(id, item, unfitOf(read.error)) : stray('an error in no known form')
    if (read.data.id !== null && !isOpen)
      return stray(`an error for call ${id}, which is not open: ${read.data.error.message}`)
    const { code, message, data } = read.data.error
    return data === undefined
      ? { kind: 'error', id, code, message }
      : { kind: 'error', id, code, message, data }
  }
}

/** What the caller of `id` is told about an answer that does not fit. */
const badAnswer = (
  id: number,
  item: unknown,
  unfit: Unfit,
  more: ErrorData = {},
): Received<never> => {
  const { code, text: message } = WIRE_ERROR.BAD_ANSWER
  return { kind: 'error', id, code, message, data: { ...faultData(item, unfit), ...more } }
}

const UP: Methods<UpCall> = new Map<string, Method<UpCall>>(Object.entries(UP_METHODS))
const DOWN: Methods<DownCall> = new Map<string, Method<DownCall>>(Object.entries(DOWN_METHODS))

/** For the hypervisor: it makes ultracalls and serves what an ultravisor sends. */
export const hvJsonCodec = (): Codec<DownCall, UpCall> =>
  new JsonCodec({ ours: DOWN, theirs: UP, scan: scanUp, us: 'the hypervisor', batches: false })
/** For an ultravisor: it makes hypercalls and serves ultracalls. */
export const uvJsonCodec = (): Codec<UpCall, DownCall> =>
  new JsonCodec({ ours: UP, theirs: DOWN, scan: scanDown, us: 'an ultravisor', batches: true })
