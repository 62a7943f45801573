/** The short way of reading and writing JSON, held against the schemas and the long way. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { DownCall, ErrorData, Message, UpCall, WireCall } from '../../schemas/messages.ts'
import type { Method } from '../../schemas/method.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { asGpa, asLpid, asRa, type Page } from '../../src/abi/page.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import { printMessage } from '../../src/peer/rpc-json-print.ts'
import { scanDown, scanUp } from '../../src/peer/rpc-json-scan.ts'
import { answerText, callText, errorText } from '../../src/peer/rpc-json-text.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}`)
const RUNS = { seed: SEED, numRuns: 400 }

/** Numbers around every place where digits, words or doubles end, and any other. */
const upTo = (max: number) =>
  fc.oneof(
    fc.integer({ min: 0, max: Math.min(max, 300) }),
    fc.integer({ min: Math.max(0, max - 3), max }),
    fc.nat({ max: 53 }).map((bits) => Math.min(max, 2 ** bits)),
    fc.nat({ max: 53 }).map((bits) => Math.min(max, 2 ** bits - 1)),
    fc.integer({ min: 0, max }),
  )
const register = fc.oneof(
  fc.constantFrom(0, 16),
  upTo(Number.MAX_SAFE_INTEGER),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 2_048n }).map((word) => Number(word)),
  fc.constant(2 ** 64 - 2_048),
)
const tag = fc.oneof(
  upTo(Number.MAX_SAFE_INTEGER).map(BigInt),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)
const page: fc.Arbitrary<Page> = fc.oneof(fc.constant(null), tag)
const id = upTo(2 ** 32 - 2).map((n) => n + 1)
const parent = fc.oneof(fc.constant(0), id)
const lpid = upTo(4_094).map((n) => asLpid(n + 1))

const up: fc.Arbitrary<UpCall> = fc.record({
  call: fc.constantFrom('H_SVM_PAGE_IN' as const, 'H_SVM_PAGE_OUT' as const),
  lpid,
  gpa: register.map(asGpa),
  flags: register,
  order: register,
})
const downFields = {
  lpid,
  ra: register.map(asRa),
  gpa: register.map(asGpa),
  flags: register,
  order: register,
}
const down: fc.Arbitrary<DownCall> = fc.oneof(
  fc.record({ call: fc.constant('UV_PAGE_IN' as const), ...downFields, page }),
  fc.record({ call: fc.constant('UV_PAGE_OUT' as const), ...downFields }),
)
const answer = fc.record({
  kind: fc.constant('answer' as const),
  id,
  call: fc.constantFrom('H_SVM_PAGE_IN' as const, 'H_SVM_PAGE_OUT' as const, 'UV_PAGE_IN' as const),
  ret: fc.constant(0),
})
const callOf = <Body>(body: fc.Arbitrary<Body>) =>
  fc.record({ kind: fc.constant('call' as const), id, parent, body })
const some = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { minLength: 1, maxLength: 6 })

const methods = new Map<string, Method<WireCall>>(
  Object.entries({ ...UP_METHODS, ...DOWN_METHODS }) as unknown as [string, Method<WireCall>][],
)
const methodOf = (name: string): Method<WireCall> => {
  const method = methods.get(name)
  if (method === undefined) throw new Error(name)
  return method
}

/** The text of one item, by the functions that write every kind. */
const longText = (item: Message<WireCall>): string => {
  if (item.kind === 'call') return callText(item, methodOf(item.body.call))
  return item.kind === 'answer' ? answerText(item) : errorText(item)
}
const longMessage = (items: readonly Message<WireCall>[]): string => {
  const text = items.map(longText).join()
  return items.length === 1 ? text : `[${text}]`
}

/** What the schemas make of a text: undefined when they refuse any of it. */
function judged(text: string, open: (id: number) => WireCall | undefined): unknown[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const items = (Array.isArray(parsed) ? parsed : [parsed]) as Record<string, unknown>[]
  const read = items.map((item) => {
    if (typeof item['method'] === 'string') return methodOf(item['method']).read(item)
    const body = open(Number(item['id']))
    return body === undefined ? { kind: 'unfit' } : methodOf(body.call).readAnswer(item, body)
  })
  return read.some(({ kind }) => kind === 'unfit') ? undefined : read
}

/** Calls of ours that are open: the id says which call it is. */
const openAt =
  (items: readonly Message<WireCall>[]) =>
  (wanted: number): WireCall | undefined => {
    const found = items.find(({ kind, id }) => kind === 'answer' && id === wanted)
    return found?.kind === 'answer' ? ({ call: found.call } as WireCall) : undefined
  }

t.test('what is written the short way is the text of the long way, to the character', async (t) => {
  const any = some<Message<WireCall>>(fc.oneof(callOf(up), callOf(down), answer))
  let same = 0
  fc.assert(
    fc.property(any, (items) => {
      const printed = printMessage(items, 0, items.length)
      const holds = printed?.data === longMessage(items) && printed.next === items.length
      if (holds) same++
      return holds
    }),
    RUNS,
  )
  t.equal(same, RUNS.numRuns, 'every page call and success')
})

t.test(
  'so is what who calls too often is told, whoever says it and of whatever limit',
  async (t) => {
    const refusal = (id: number, data?: ErrorData): Message<WireCall> => ({
      kind: 'error',
      id,
      code: -32_003,
      message: 'Too many calls in flight.',
      ...(data === undefined ? {} : { data }),
    })
    const [four, seven] = [
      { limit: 'callsInFlightMax', max: 4 },
      { limit: 'nestedCallsInFlightMax', max: 7 },
    ]
    const ok = { kind: 'answer', id: 3, call: 'H_SVM_PAGE_IN', ret: 0 } as const
    const items = [refusal(1, four), refusal(2, four), ok, refusal(4, seven), refusal(5, four)]
    t.equal(
      printMessage(items, 0, 2)?.data,
      '[{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"Too many calls in flight.","data":{"limit":"callsInFlightMax","max":4}}},' +
        '{"jsonrpc":"2.0","id":2,"error":{"code":-32003,"message":"Too many calls in flight.","data":{"limit":"callsInFlightMax","max":4}}}]',
    )
    t.equal(printMessage(items, 0, 5)?.data, longMessage(items))
    for (const other of [
      refusal(0, four),
      refusal(1),
      refusal(1, { text: 'x'.repeat(200) }),
      { ...refusal(1, four), message: 'Não.' },
      { ...refusal(1, four), code: -32_009 },
    ]) {
      t.equal(printMessage([other], 0, 1), undefined, `the long way: ${JSON.stringify(other)}`)
    }
  },
)

t.test('what is read the short way is what the schemas make of it', async (t) => {
  let scanned = 0
  const check = (
    items: readonly Message<WireCall>[],
    scan: typeof scanUp | typeof scanDown,
  ): boolean => {
    const text = longMessage(items)
    const open = openAt(items) as never
    const read = scan(text, open)
    if (read === undefined) return true
    scanned++
    return isDeepStrictEqual(read, judged(text, open))
  }
  const upItems = some<Message<WireCall>>(fc.oneof(callOf(up), answer))
  const downItems = some<Message<WireCall>>(fc.oneof(callOf(down), answer))
  fc.assert(
    fc.property(upItems, (items) => check(items, scanUp)),
    RUNS,
  )
  fc.assert(
    fc.property(downItems, (items) => check(items, scanDown)),
    RUNS,
  )
  t.ok(scanned > 100, `${scanned} messages were read the short way`)
})

/** A text with one thing wrong, or different, at a random place. */
const SPLICES = [
  ...['"', '{', '}', '[', ']', ',', ':', ' ', '\\', '0', '00', '1', '9', '-', '.', 'e', 'x', 'f'],
  ...['F', 'A', 'g', '0x', 'null', 'true', '\u0000', 'é', '}}', '","', '"parent":1,', '"lpid":1,'],
]
const spoiled = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(text, fc.nat(), fc.nat({ max: 3 }), fc.constantFrom('', ...SPLICES))
    .map(([whole, at, gone, put]) => {
      const place = at % (whole.length + 1)
      return whole.slice(0, place) + put + whole.slice(place + gone)
    })
/** A text with one digit changed: often it is a message still, of another value. */
const redigited = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.nat(), fc.constantFrom(...'0123456789abcdef')).map(([whole, at, digit]) => {
    const digits = [...whole.matchAll(/[0-9a-f]/g)]
    const place = digits[at % digits.length]?.index ?? 0
    return whole.slice(0, place) + digit + whole.slice(place + 1)
  })

t.test('a text that was changed anywhere is never read as something else', async (t) => {
  let differed = 0
  let same = 0
  const check = (text: string, scan: typeof scanUp | typeof scanDown): boolean => {
    const open = ((wanted: number) =>
      wanted % 2 === 0 ? { call: 'H_SVM_PAGE_IN' } : { call: 'UV_PAGE_IN' }) as never
    const read = scan(text, open)
    if (read === undefined) differed++
    else if (isDeepStrictEqual(read, judged(text, open))) same++
    else t.fail(text)
    return true
  }
  const upText = some<Message<WireCall>>(fc.oneof(callOf(up), answer)).map(longMessage)
  const downText = some<Message<WireCall>>(fc.oneof(callOf(down), answer)).map(longMessage)
  const many = { seed: SEED, numRuns: 2_000 }
  for (const change of [spoiled, redigited]) {
    fc.assert(
      fc.property(change(upText), (text) => check(text, scanUp)),
      many,
    )
    fc.assert(
      fc.property(change(downText), (text) => check(text, scanDown)),
      many,
    )
  }
  t.ok(differed > 1_000, `${differed} texts were left to the schemas`)
  t.ok(same > 100, `${same} were read all the same, and as the schemas do`)
})

const PAGE_IN =
  '{"jsonrpc":"2.0","id":7,"method":"H_SVM_PAGE_IN","params":{"lpid":1,"gpa":"0x10000","flags":"0x0","order":"0x10"}}'
const nobody = () => undefined

t.test('the forms that are read the short way, and their neighbours that are not', async (t) => {
  const body = { call: 'H_SVM_PAGE_IN', lpid: 1, gpa: 0x10000, flags: 0, order: 16 }
  t.same(scanUp(PAGE_IN, nobody), [{ kind: 'call', id: 7, parent: 0, body }])
  t.equal(scanUp(`[${PAGE_IN},${PAGE_IN}]`, nobody)?.length, 2)
  const left: readonly (readonly [string, string])[] = [
    ['a space', PAGE_IN.replace(':7', ': 7')],
    ['a line end behind it', `${PAGE_IN}\n`],
    ['a letter behind it', `${PAGE_IN}x`],
    ['a batch without end', `[${PAGE_IN}`],
    ['an item too few', `[${PAGE_IN},]`],
    ['id 0', PAGE_IN.replace(':7', ':0')],
    ['id 07', PAGE_IN.replace(':7', ':07')],
    ['id 2^32', PAGE_IN.replace(':7', ':4294967296')],
    ['LPID 4096', PAGE_IN.replace('"lpid":1', '"lpid":4096')],
    ['upper case', PAGE_IN.replace('0x10000', '0xA0000')],
    ['17 digits', PAGE_IN.replace('0x10000', '0x00000000000010000')],
    ['no digit', PAGE_IN.replace('0x10000', '0x')],
    ['a number', PAGE_IN.replace('"0x10000"', '65536')],
    ['another order of the members', PAGE_IN.replace('"id":7,', '').replace('{', '{"id":7,')],
    ['a member more', PAGE_IN.replace('"0x10"}', '"0x10","x":1}')],
    ['another call', PAGE_IN.replace('H_SVM_PAGE_IN', 'UV_PAGE_IN')],
    ['no text', ''],
  ]
  for (const [why, text] of left) t.equal(scanUp(text, nobody), undefined, why)
  const success = '{"jsonrpc":"2.0","id":3,"result":{"ret":0,"name":"U_SUCCESS"}}'
  t.equal(scanUp(success, nobody), undefined, 'an answer to no open call')
  const out = { call: 'UV_PAGE_OUT' } as never
  t.equal(
    scanUp(success, () => out),
    undefined,
    'an answer that should have a page',
  )
})

t.test('one item more than a message may have is left to the rule for that', async (t) => {
  const batch = (items: number): string => `[${Array<string>(items).fill(PAGE_IN).join()}]`
  t.equal(scanUp(batch(4_096), nobody)?.length, 4_096)
  t.equal(scanUp(batch(4_097), nobody), undefined)
})

t.test('a message is filled to the same place the long way and the short way', async (t) => {
  const body: UpCall = {
    call: 'H_SVM_PAGE_IN',
    lpid: asLpid(4_095),
    gpa: asGpa(2 ** 64 - 2_048),
    flags: 2 ** 64 - 2_048,
    order: 2 ** 64 - 2_048,
  }
  const items = Array.from({ length: 8_192 }, () => ({
    kind: 'call' as const,
    id: 2 ** 32 - 1,
    parent: 2 ** 32 - 1,
    body,
  }))
  const printed = printMessage(items, 0, items.length)
  const one = longText(items[0] as Message<WireCall>).length
  const fit = Math.floor((1_048_576 + 1) / (one + 1))
  t.equal(printed?.next, fit, `${fit} items of ${one} characters and their commas`)
})

t.test(
  'the hypervisor sends batches to whom it has had one from, and to nobody else',
  async (t) => {
    const items: readonly Message<DownCall>[] = [1, 2, 3].map((n) => ({
      kind: 'answer',
      id: n,
      call: 'H_SVM_PAGE_IN',
      ret: n === 3 ? -4 : 0,
    }))
    const codec = hvJsonCodec()
    t.equal(codec.encode(items, 0).next, 1, 'nothing came: one by one')
    codec.decode(PAGE_IN, nobody)
    t.equal(codec.encode(items, 0).next, 1, 'one call came')
    t.equal(codec.encode(items, 2).next, 3, 'also what is written the long way')
    codec.decode(` [${PAGE_IN}]`, nobody)
    t.equal(codec.encode(items, 0).next, 3, 'a batch came, of one call')
    const other = hvJsonCodec()
    other.decode(`[${PAGE_IN}]`, nobody)
    t.equal(other.encode(items, 0).next, 3, 'also one that is read the short way')
    t.equal(hvJsonCodec().encode(items, 0).next, 1, 'another connection has its own')
    const uv = uvJsonCodec()
    const calls: readonly Message<UpCall>[] = items as readonly Message<never>[]
    t.equal(uv.encode(calls, 0).next, 3, 'an ultravisor does not wait: every hypervisor reads them')
  },
)
