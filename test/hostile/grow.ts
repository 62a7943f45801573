/**
 * Grows messages for the fuzzer: calls and answers that could be right, from the generated schemas,
 * with values that the hypervisor has a use for.
 */
import type { Prng } from '../../src/lib/prng.ts'
import { documentAt } from './documents.ts'
import { GOOD_LPID } from './good-client.ts'
import { UP_CALLS } from './wire-tables.ts'

/** A call or an answer as JSON has it. */
export type Message = Record<string, unknown>

/** What a client knows and may use. */
export interface Known {
  readonly open: ReadonlyMap<number, unknown>
  /** Ids of calls that were answered. */
  readonly ended: readonly number[]
  /** The highest id that a call came with. */
  readonly highest: number
  readonly asked: ReadonlyMap<number, string>
  readonly ras: readonly string[]
  readonly hasSession: boolean
}

interface Family {
  readonly $defs?: Readonly<
    Record<string, { readonly properties: { readonly params?: { readonly properties: object } } }>
  >
}

/** The names of the params of each call, from the generated schemas. */
const PARAMS: ReadonlyMap<string, readonly string[]> = new Map(
  ['hypercalls', 'ultracalls', 'memory-bus', 'session'].flatMap((file) => {
    const { $defs = {} } = documentAt(`generated/${file}.json`) as Family
    return Object.entries($defs).flatMap(([key, { properties }]) => {
      const [method = '', part] = key.split('.')
      if (part !== 'request' || !Object.hasOwn(UP_CALLS, method)) return []
      return [[method, Object.keys(properties.params?.properties ?? {})] as const]
    })
  }),
)
const NAMES = [...PARAMS.keys()]
/** Calls that move pages are the most interesting ones. */
const WEIGHTED = [
  ...NAMES,
  ...Array<string>(6).fill('H_SVM_PAGE_IN'),
  'H_SVM_PAGE_OUT',
  'H_SVM_PAGE_OUT',
  'H_SVM_INIT_START',
  'UV_REGISTER_MEM_SLOT',
]

export const pick = <T>(random: Prng, list: readonly T[]): T => list[random.int(list.length)] as T
/** True once in so many times. */
export const oneIn = (random: Prng, times: number): boolean => random.int(times) === 0

const hex = (value: number): string => `0x${value.toString(16)}`
/** A 64-bit value in one of its forms. */
const word = (random: Prng, value: number): string | number =>
  oneIn(random, 4) ? value : hex(value)

const EDGES: readonly (string | number)[] = [
  '0xffffffffffffffff',
  '0x8000000000000000',
  '0x20000000000000',
  9_007_199_254_740_991,
  '0x1fffffffffffff',
  '0xffff',
  65_536,
  1,
  '0x7fffffffffff0000',
  '0x0',
]

type Chooser = (random: Prng, known: Known) => unknown

const address: Chooser = (random) =>
  oneIn(random, 20)
    ? pick(random, EDGES)
    : word(random, random.int(12) * 65_536 + (oneIn(random, 8) ? random.int(65_536) : 0))

const CHOOSERS: Readonly<Record<string, Chooser>> = {
  lpid: (random) => (oneIn(random, 40) ? pick(random, [GOOD_LPID, 4_095, 77]) : 1 + random.int(3)),
  gpa: address,
  start_gpa: (random) => word(random, random.int(4) * 4 * 65_536),
  ra: (random, { ras }) =>
    ras.length > 0 && !oneIn(random, 4) ? pick(random, ras) : address(random, NOBODY),
  flags: (random) => (oneIn(random, 12) ? pick(random, EDGES) : word(random, random.int(2))),
  order: (random) => (oneIn(random, 20) ? pick(random, EDGES) : word(random, 16)),
  size: (random) =>
    oneIn(random, 12) ? pick(random, EDGES) : word(random, (1 + random.int(8)) * 65_536),
  slotid: (random) => (oneIn(random, 12) ? pick(random, [511, 512, 65_535]) : random.int(4)),
  offset: (random) => pick(random, [0, 0, 1, 65_535, random.int(65_536)]),
  length: (random) => pick(random, [1, 8, 100, 65_536, 1 + random.int(200)]),
  bytes: (random) =>
    oneIn(random, 6) ? null : Buffer.alloc(1 + random.int(40), random.int(256)).toString('base64'),
  name: (random) => pick(random, ['rack 3', 'Köln', 'x'.repeat(64), '😀', ' ']),
  attempt: (random) => pick(random, [0, 1, 4_294_967_295]),
  unanswered: (random) => pick(random, [0, 1, 65_535]),
  resume: (random) => pick(random, ['token-999999', 'x'.repeat(128), 'nothing']),
}
const NOBODY: Known = {
  open: new Map(),
  ended: [],
  highest: 0,
  asked: new Map(),
  ras: [],
  hasSession: false,
}

const newId = (random: Prng, { open, ended, highest }: Known): number => {
  const [first] = open.keys()
  if (first !== undefined && oneIn(random, 25)) return first
  if (ended.length > 0 && oneIn(random, 25)) return pick(random, ended)
  if (!oneIn(random, 8) && highest < 100_000) return highest + 1 + random.int(3)
  return oneIn(random, 60) ? 4_294_967_295 - random.int(2) : 1 + random.int(100_000)
}

/** Params that make a call another one. */
const RARE = new Set(['resume', 'unanswered', 'attempt'])

/** A call that fits its schema. Whether it makes sense is for the hypervisor to say. */
export function growCall(random: Prng, known: Known): Message {
  const method = known.hasSession || oneIn(random, 6) ? pick(random, WEIGHTED) : 'SESSION_OPEN'
  const params: Message = {}
  for (const name of PARAMS.get(method) ?? []) {
    if (name === 'parent' || (RARE.has(name) && !oneIn(random, 10))) continue
    params[name] = CHOOSERS[name]?.(random, known)
  }
  if (oneIn(random, 8)) {
    const [parent] = known.asked.keys()
    params['parent'] = parent ?? 1 + random.int(50)
  }
  return { jsonrpc: '2.0', id: newId(random, known), method, params }
}

/** A session, a VM with memory, and the beginning of its way to a secure one. */
export function growBeginning(random: Prng): Message[] {
  const lpid = 1 + random.int(3)
  const slot = { lpid, start_gpa: '0x0', size: '0x80000', flags: '0x0', slotid: 0 }
  const calls: [string, object][] = [
    ['SESSION_OPEN', { name: 'hostile' }],
    ['UV_REGISTER_MEM_SLOT', slot],
    ['H_SVM_INIT_START', { lpid }],
  ]
  return calls.map(([method, params], at) => ({ jsonrpc: '2.0', id: at + 1, method, params }))
}

/** An answer to a call of the hypervisor, if there is one. */
export function growAnswer(random: Prng, { asked }: Known): Message | undefined {
  const [id, method] = pick(random, [...asked]) ?? []
  if (id === undefined) return undefined
  if (oneIn(random, 25)) return growError(random, id)
  const ret = oneIn(random, 5) ? pick(random, [-4, 1, -55, -5, 9_007_199_254_740_991]) : 0
  const page = method === 'UV_PAGE_OUT' && ret === 0 ? growPage(random) : {}
  return { jsonrpc: '2.0', id, result: { ret, ...page } }
}

const growPage = (random: Prng): Message => {
  if (oneIn(random, 4)) return {}
  if (oneIn(random, 4)) return { page: null }
  if (oneIn(random, 30))
    return { page: { bytes: Buffer.alloc(65_536, random.int(256)).toString('base64') } }
  return { page: { tag: hex(random.int(2 ** 32)) } }
}

const growError = (random: Prng, id: number | null): Message => ({
  jsonrpc: '2.0',
  id,
  error: {
    code: -32_000 - random.int(20),
    message: 'no',
    ...(oneIn(random, 2) ? {} : { data: { a: 1 } }),
  },
})

/** An answer to a call that nobody has made. */
export const growStray = (random: Prng): Message =>
  oneIn(random, 3)
    ? growError(random, oneIn(random, 2) ? null : 70_000 + random.int(9))
    : { jsonrpc: '2.0', id: 70_000 + random.int(9), result: { ret: 0, name: 'x' } }
