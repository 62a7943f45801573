/** Grows requests from the OpenAPI document: valid, nearly valid, and wild. */
import type { Prng } from '../../src/lib/prng.ts'
import { type Message, oneIn, pick } from './grow.ts'
import { spoilText, spoilValue } from './mutate.ts'
import type { Operation, Schema } from './rest-document.ts'

export interface RestRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string | Buffer | undefined
}

/** Texts for parameters by their names: values that a small host has a use for. */
const TEXTS: Readonly<Record<string, (random: Prng) => string>> = {
  lpid: (random) => String(1 + random.int(6)),
  slot: (random) => String(random.int(4)),
  gfn: (random) => pick(random, [String(random.int(40)), `0x${random.int(20).toString(16)}`]),
  gpa: (random) => String(random.int(20) * 65_536 + (oneIn(random, 6) ? 5 : 0)),
  length: (random) => pick(random, ['1', '65536', '131072', '100000']),
  // Without a timeout a request that waits would wait for half a minute.
  timeout: (random) => pick(random, ['0ms', '1ms', '3ms']),
  limit: (random) => String(1 + random.int(50)),
  most: (random) => String(1 + random.int(50)),
  name: (random) => pick(random, ['a', 'b.c', 'x_y-1', 'share-refused', 'slot-refused']),
  id: (random) => pick(random, ['f1', 'f2', 'f17', 'x']),
  code: (random) => pick(random, ['0', '-4', '-67']),
  at_least: (random) => String(random.int(3)),
}
const FALLBACKS = ['0', '1', '5', 'true', 'false', 'H_SVM_PAGE_IN', 'normal', 'open', 'x']

/** Numbers of bodies by their names. */
const NUMBERS: Readonly<Record<string, (random: Prng) => unknown>> = {
  lpid: (random) => 1 + random.int(6),
  size: (random) => (1 + random.int(8)) * 65_536,
  gpa: (random) => random.int(20) * 65_536,
  id: (random) => random.int(5),
  ms: (random) => 1 + random.int(3),
  error: (random) => -random.int(3) * 6,
}

/** What is wrong nearly everywhere in a path or a query. */
const WILD = [
  '',
  '-1',
  '0',
  '0x',
  '0X10',
  '1e9',
  '1.5',
  ' 1',
  '+1',
  '4096',
  '65536',
  '9007199254740992',
  '99999999999999999999',
  '0xffffffffffffffff',
  'null',
  'NaN',
  'true',
  '__proto__',
  'constructor',
  '..',
  '../..',
  '%00',
  '%2e%2e',
  '\u0000',
  'é',
  '😀',
  '\ud800',
  "'",
  '"',
  '<script>',
  '$(x)',
  'x'.repeat(300),
]

export function textFor(random: Prng, name: string, schema: Schema): string {
  const { enum: values, pattern } = schema as { enum?: string[]; pattern?: string }
  if (values !== undefined) return pick(random, values)
  const grown = TEXTS[name]?.(random)
  if (grown !== undefined) return grown
  const fitting = FALLBACKS.filter(
    (text) => pattern === undefined || new RegExp(pattern).test(text),
  )
  return fitting.length > 0 ? pick(random, fitting) : pick(random, FALLBACKS)
}

/** A value that fits a JSON Schema, as far as the schema says it all. */
export function valueFor(random: Prng, name: string, schema: Schema): unknown {
  const {
    const: fixed,
    enum: values,
    anyOf,
    oneOf,
    type,
  } = schema as {
    const?: unknown
    enum?: unknown[]
    anyOf?: Schema[]
    oneOf?: Schema[]
    type?: string | string[]
  }
  if (fixed !== undefined) return fixed
  if (values !== undefined) return pick(random, values)
  const choices = anyOf ?? oneOf
  if (choices !== undefined) {
    const number = NUMBERS[name]?.(random)
    return number ?? valueFor(random, name, pick(random, choices))
  }
  switch (String(Array.isArray(type) ? type[0] : type)) {
    case 'object':
      return objectFor(random, schema)
    case 'array':
      return Array.from({ length: random.int(3) }, () =>
        valueFor(random, name, (schema['items'] ?? {}) as Schema),
      )
    case 'boolean':
      return oneIn(random, 2)
    case 'integer':
    case 'number':
      return NUMBERS[name]?.(random) ?? numberFor(random, schema)
    case 'string':
      return hexOrText(random, name, schema)
    default:
      return null
  }
}

function hexOrText(random: Prng, name: string, schema: Schema): string {
  const { pattern } = schema as { pattern?: string }
  return pattern?.includes('0x') === true
    ? `0x${random.int(100).toString(16)}`
    : textFor(random, name, schema)
}

function numberFor(random: Prng, schema: Schema): number {
  const { minimum = 0, maximum = 100 } = schema as { minimum?: number; maximum?: number }
  return oneIn(random, 4)
    ? pick(random, [minimum, maximum])
    : Math.min(maximum, minimum + random.int(10))
}

function objectFor(random: Prng, schema: Schema): Message {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Schema>
    required?: string[]
  }
  const names = Object.keys(properties).filter(
    (name) => required.includes(name) || oneIn(random, 3),
  )
  return Object.fromEntries(
    names.map((name) => [name, valueFor(random, name, properties[name] ?? {})]),
  )
}

/** A request for an operation, with so much wrong: 0 nothing, 1 something, 2 anything. */
export function growRequest(random: Prng, operation: Operation, wrong: 0 | 1 | 2): RestRequest {
  // One thing is spoilt in a request that is nearly valid.
  const part = wrong === 1 ? pick(random, ['path', 'query', 'body', 'headers', 'method']) : ''
  const isSpoilt = (name: string): boolean => (wrong === 2 ? oneIn(random, 2) : part === name)
  const path = pathFor(random, operation, isSpoilt('path'))
  const query = queryFor(random, operation, isSpoilt('query'))
  const { type, payload } = bodyFor(random, operation, isSpoilt('body'))
  const headers = {
    host: '127.0.0.1',
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(isSpoilt('headers') ? pick(random, HEADERS) : {}),
  }
  const method = isSpoilt('method') ? pick(random, METHODS) : operation.method
  return { method, url: `${path}${query}`, headers, payload }
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { host: 'evil.example' },
  { origin: 'https://evil.example' },
  { authorization: 'Bearer x' },
  { authorization: 'Basic eDp5' },
  { accept: 'text/html' },
  { 'accept-encoding': 'gzip' },
  { 'content-type': 'text/plain' },
  { 'content-type': 'application/json; charset=latin1' },
  { 'content-type': 'application/xml' },
  { 'content-type': '' },
  { 'content-type': 'multipart/form-data' },
  { 'content-type': 'application/octet-stream' },
  { 'content-type': 'application/json' },
  { 'content-type': ';;;' },
  { 'content-length': '5' },
  { 'content-length': '0' },
  { 'content-length': '999999999' },
  { 'if-none-match': '*' },
  { 'if-none-match': '"x", W/"y"' },
  { 'last-event-id': '99' },
  { 'last-event-id': 'x'.repeat(400) },
  { expect: 'the-worst' },
  { 'x-forwarded-host': 'evil.example' },
  { cookie: 'a=b' },
  { range: 'bytes=0-1' },
  { 'transfer-encoding': 'gzip' },
  { 'x-long': 'x'.repeat(9_000) },
  { 'x-http-method-override': 'DELETE' },
]

function pathFor(random: Prng, { path, parameters }: Operation, isSpoilt: boolean): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const schema = parameters.find((each) => each.name === name)?.schema ?? {}
    const text = isSpoilt ? pick(random, WILD) : textFor(random, name, schema)
    return oneIn(random, 10) ? text : encoded(text)
  })
  if (!isSpoilt || !oneIn(random, 3)) return filled
  return pick(random, [
    `${filled}/`,
    `/${filled}`,
    `${filled}/x`,
    filled.toUpperCase(),
    `${filled}%zz`,
    `${filled};a=b`,
    filled.slice(0, -1),
  ])
}

/** Percent-encoded; a lone surrogate has no UTF-8 form. */
const encoded = (text: string): string =>
  encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\ufffd'))

function queryFor(random: Prng, { parameters }: Operation, isSpoilt: boolean): string {
  const pairs = parameters
    .filter((each) => each.in === 'query')
    .filter(({ required, name }) => required || name === 'timeout' || oneIn(random, 3))
    .map(({ name, schema }) => [name, textFor(random, name, schema)])
  if (isSpoilt) {
    const at = random.int(pairs.length + 1)
    const [name = 'extra', value = ''] = pairs[at] ?? []
    if (oneIn(random, 3) && name !== 'timeout') pairs.splice(at, 1)
    else if (oneIn(random, 2)) pairs.push([name, value])
    else pairs[at] = [pick(random, [name, 'extra', '__proto__', 'a[b]', '']), pick(random, WILD)]
  }
  const text = pairs
    .map(([name = '', value = '']) => `${encoded(name)}=${encoded(value)}`)
    .join('&')
  return text === '' ? '' : `?${text}`
}

interface Body {
  readonly type: string | undefined
  readonly payload: string | Buffer | undefined
}

function bodyFor(random: Prng, { body }: Operation, isSpoilt: boolean): Body {
  if (body === undefined) {
    return isSpoilt ? pick(random, STRAYS) : { type: undefined, payload: undefined }
  }
  const { type, schema } = body
  if (type !== 'application/json') {
    const bytes = Buffer.alloc(pick(random, [0, 1, 100, 65_536, 70_000]), random.int(256))
    return isSpoilt ? pick(random, STRAYS) : { type, payload: bytes }
  }
  const value = valueFor(random, 'body', schema) as Message
  if (!isSpoilt) return { type, payload: JSON.stringify(value) }
  if (oneIn(random, 4)) return pick(random, STRAYS)
  const spoilt = JSON.stringify(spoilValue(random, value)) ?? ''
  return { type, payload: shortened(oneIn(random, 4) ? spoilText(random, spoilt) : spoilt) }
}

/** A rule that puts calls off for long would only keep the fuzzer waiting. */
const shortened = (text: string): string => text.replace(/("ms":)\s*\d+/g, '$12')

const json = 'application/json'
const STRAYS: readonly Body[] = [
  { type: json, payload: '' },
  { type: json, payload: '{' },
  { type: json, payload: 'null' },
  { type: json, payload: '[]' },
  { type: json, payload: '{"__proto__":{"x":1}}' },
  { type: json, payload: '{"constructor":{"prototype":{"x":1}}}' },
  { type: json, payload: `${'['.repeat(20_000)}${']'.repeat(20_000)}` },
  { type: json, payload: `"${'x'.repeat(100_000)}"` },
  { type: json, payload: ' '.repeat(1_048_577) },
  { type: json, payload: Buffer.from([0xff, 0xfe, 0x7b]) },
  { type: 'application/octet-stream', payload: Buffer.from('UVMEM') },
  { type: 'application/octet-stream', payload: Buffer.alloc(0) },
  { type: 'text/plain', payload: 'x' },
  { type: undefined, payload: 'x' },
]
