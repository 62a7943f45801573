/**
 * What a hypervisor has to make of a JSON message, said a second time: by the generated JSON Schemas,
 * a validator that others wrote, and the sentences of schemas/README.md.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { documentAt } from './documents.ts'
import { itemsMax, UP_CALLS } from './wire-tables.ts'

/** What comes of one item of a message. */
export type Verdict =
  /** It is a call, and it is begun or refused for a reason that is not in the message. */
  | {
      readonly kind: 'call'
      readonly id: number
      readonly parent: number
      readonly method: string
      /** All that it says but its id: two calls with the same one are the same call. */
      readonly payload: string
    }
  /** It is refused with this error; `id` 0 stands for none. */
  | { readonly kind: 'fault'; readonly code: number; readonly id: number }
  /** It is an answer, or an error: to whom it belongs is nobody's business but ours. */
  | { readonly kind: 'reply'; readonly id: number }
  /** The connection ends with this code. */
  | { readonly kind: 'close'; readonly code: number }

const FILES = ['hypercalls', 'ultracalls', 'memory-bus', 'session', 'error']

/** Validates the params of a call, by its name. */
const PARAMS: ReadonlyMap<string, ValidateFunction> = (() => {
  // Lengths are counted as the program does: in UTF-16 units.
  const ajv = new Ajv2020({ strict: false, unicodeRegExp: false, unicode: false, logger: false })
  const found = new Map<string, ValidateFunction>()
  for (const file of FILES) {
    const document = documentAt(`generated/${file}.json`) as {
      $defs?: Record<string, { properties: { params: object } }>
    }
    for (const [key, definition] of Object.entries(document.$defs ?? {})) {
      const [name = '', part] = key.split('.')
      if (part === 'request' && Object.hasOwn(UP_CALLS, name))
        found.set(name, ajv.compile(definition.properties.params))
    }
  }
  return found
})()

const CALL_ID_MAX = 4_294_967_295
const idOf = (id: unknown): number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= CALL_ID_MAX ? id : 0

type Item = Readonly<Record<string, unknown>>
const isItem = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const fault = (code: number, id = 0): Verdict => ({ kind: 'fault', code, id })

/** What comes of a text message, item by item. */
export function judgeText(text: string): readonly Verdict[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return [fault(-32_700)]
  }
  if (!Array.isArray(parsed)) return [judgeItem(parsed)]
  if (parsed.length > itemsMax) return [{ kind: 'close', code: 1009 }]
  return parsed.length === 0 ? [fault(-32_600)] : parsed.map(judgeItem)
}

function judgeItem(item: unknown): Verdict {
  if (!isItem(item)) return fault(-32_600)
  if (Object.hasOwn(item, 'method')) return judgeCall(item)
  if (Object.hasOwn(item, 'result') || Object.hasOwn(item, 'error'))
    return { kind: 'reply', id: idOf(item['id']) }
  return fault(-32_600, idOf(item['id']))
}

const MEMBERS = new Set(['jsonrpc', 'id', 'method', 'params'])

function judgeCall(item: Item): Verdict {
  const id = idOf(item['id'])
  const { method } = item
  if (item['jsonrpc'] !== '2.0' || id === 0 || typeof method !== 'string') return fault(-32_600, id)
  const hasMore = Object.keys(item).some((key) => !MEMBERS.has(key))
  const validate = PARAMS.get(method)
  if (validate === undefined) return fault(hasMore ? -32_600 : -32_601, id)
  const params = Object.hasOwn(item, 'params') ? item['params'] : undefined
  if (!isItem(params) || !validate(params) || !isCanonical(params['bytes']))
    return fault(-32_602, id)
  if (hasMore) return fault(-32_600, id)
  if (!keepsRules(method, params)) return fault(-32_602, id)
  const parent = Number(params['parent'] ?? 0)
  return { kind: 'call', id, parent, method, payload: payloadOf(method, params) }
}

/** The same value in another form is the same. */
function payloadOf(method: string, params: Item): string {
  const said = Object.keys(params)
    .sort()
    .map((name) => {
      const value = params[name]
      const isWord = typeof value === 'string' && value.startsWith('0x') && name !== 'bytes'
      return [name, isWord ? Number(value) : value]
    })
  return JSON.stringify([method, said])
}

/** What no JSON Schema says: base64 that its own decoder would write again, of no more than a page. */
function isCanonical(bytes: unknown): boolean {
  if (typeof bytes !== 'string') return true
  const decoded = Buffer.from(bytes, 'base64')
  return decoded.length <= 65_536 && decoded.toString('base64') === bytes
}

/** Nor this: a load or store that stays in one frame. */
function keepsRules(method: string, params: Item): boolean {
  const { offset, length, bytes } = params
  if (method === 'MEM_READ') return Number(offset) + Number(length) <= 65_536
  if (method !== 'MEM_WRITE') return true
  const stored = bytes === null ? 65_536 : Buffer.byteLength(String(bytes), 'base64')
  return Number(offset) + stored <= 65_536
}
