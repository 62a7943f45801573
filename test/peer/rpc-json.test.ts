import t from 'tap'
import { inval, pageIn, pair } from './pair.ts'

interface Case {
  readonly why: string
  readonly text: string
  readonly id?: number
  readonly code: number
  readonly path?: string
  readonly reason?: string
}

const request = (params: string, method = 'H_SVM_PAGE_IN'): string =>
  `{"jsonrpc":"2.0","id":5,"method":"${method}","params":${params}}`
const PAGE = '"lpid":1,"gpa":"0x10000","flags":"0x0","order":"0x10"'
const at = (why: string, params: string, path: string, reason = 'invalid'): Case => ({
  why,
  text: request(params),
  id: 5,
  code: -32602,
  path,
  reason,
})

const NOT_JSON: readonly Case[] = ['', '{', 'nonsense', '{"a":1}}', '[1,', "{'a':1}", '\u0000'].map(
  (text) => ({ why: `not JSON: ${JSON.stringify(text)}`, text, code: -32700 }),
)

const NOT_REQUESTS: readonly Case[] = [
  { why: 'empty batch', text: '[]', code: -32600, path: '', reason: 'invalid' },
  { why: 'a number', text: '1', code: -32600, path: '' },
  { why: 'null', text: 'null', code: -32600, path: '' },
  { why: 'a text', text: '"H_SVM_INIT_START"', code: -32600, path: '' },
  { why: 'an empty object', text: '{}', code: -32600, path: 'method', reason: 'missing' },
  { why: 'a batch in a batch', text: '[[]]', code: -32600, path: '' },
  {
    why: 'a notification',
    text: `{"jsonrpc":"2.0","method":"H_SVM_INIT_START","params":{"lpid":1}}`,
    code: -32600,
    path: 'id',
    reason: 'missing',
  },
  ...['0', '-1', '4294967296', '1.5', '"7"', 'null', 'true', '1e30', '{}', '[1]'].map((id) => ({
    why: `id ${id}`,
    text: `{"jsonrpc":"2.0","id":${id},"method":"H_SVM_INIT_START","params":{"lpid":1}}`,
    code: -32600,
    path: 'id',
    reason: 'invalid',
  })),
  {
    why: 'no version',
    text: '{"id":5,"method":"H_SVM_INIT_START","params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'jsonrpc',
    reason: 'missing',
  },
  {
    why: 'version 1.0',
    text: '{"jsonrpc":"1.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'jsonrpc',
  },
  {
    why: 'a member too many',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1},"extra":1}',
    id: 5,
    code: -32600,
    path: 'extra',
    reason: 'unknown',
  },
  {
    why: 'method is a number',
    text: '{"jsonrpc":"2.0","id":5,"method":61184,"params":{"lpid":1}}',
    id: 5,
    code: -32600,
    path: 'method',
  },
  {
    why: 'call and answer at once',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_INIT_START","params":{"lpid":1},"result":{"ret":0}}',
    id: 5,
    code: -32600,
    path: 'result',
    reason: 'unknown',
  },
  {
    why: 'a notification of an unknown method',
    text: '{"jsonrpc":"2.0","method":"exit"}',
    code: -32600,
    path: 'id',
    reason: 'missing',
  },
]

const UNKNOWN_METHODS: readonly Case[] = [
  'H_SVM_PAGE_INN',
  'h_svm_page_in',
  '',
  '__proto__',
  'constructor',
  'toString',
  'H_SVM_TPM_COMM',
  'UV_ESM',
  'UV_PAGE_IN',
  'UV_WRITE_PATE',
].map((method) => ({
  why: `method ${JSON.stringify(method)}`,
  text: request('{"lpid":1}', method),
  id: 5,
  code: -32601,
  path: 'method',
  reason: 'unknown',
}))

const BAD_PARAMS: readonly Case[] = [
  at('params is an array', '[1,2]', 'params'),
  at('params is null', 'null', 'params'),
  {
    why: 'no params',
    text: '{"jsonrpc":"2.0","id":5,"method":"H_SVM_PAGE_IN"}',
    id: 5,
    code: -32602,
    path: 'params',
    reason: 'missing',
  },
  at('no lpid', '{"gpa":0,"flags":0,"order":16}', 'params.lpid', 'missing'),
  at('LPID 0 is the host', '{"lpid":0,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID 4096', '{"lpid":4096,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID in hex', '{"lpid":"0x1","gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('LPID 1.5', '{"lpid":1.5,"gpa":0,"flags":0,"order":16}', 'params.lpid'),
  at('negative gpa', '{"lpid":1,"gpa":-1,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 2^53', '{"lpid":1,"gpa":9007199254740992,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 1e400', '{"lpid":1,"gpa":1e400,"flags":0,"order":16}', 'params.gpa'),
  at('gpa 0.5', '{"lpid":1,"gpa":0.5,"flags":0,"order":16}', 'params.gpa'),
  at('17 hex digits', `{"lpid":1,"gpa":"0x10000000000000000","flags":0,"order":16}`, 'params.gpa'),
  at('no digits', '{"lpid":1,"gpa":"0x","flags":0,"order":16}', 'params.gpa'),
  at('no prefix', '{"lpid":1,"gpa":"10000","flags":0,"order":16}', 'params.gpa'),
  at('a space', '{"lpid":1,"gpa":"0x1 ","flags":0,"order":16}', 'params.gpa'),
  at('a line feed', '{"lpid":1,"gpa":"0x1\\n","flags":0,"order":16}', 'params.gpa'),
  at('prefix in capitals', '{"lpid":1,"gpa":"0X10","flags":0,"order":16}', 'params.gpa'),
  at('minus in hex', '{"lpid":1,"gpa":"-0x10","flags":0,"order":16}', 'params.gpa'),
  at('gpa null', '{"lpid":1,"gpa":null,"flags":0,"order":16}', 'params.gpa'),
  at('gpa an object', '{"lpid":1,"gpa":{"hex":"0x1"},"flags":0,"order":16}', 'params.gpa'),
  at('no flags', '{"lpid":1,"gpa":0,"order":16}', 'params.flags', 'missing'),
  at('flags true', '{"lpid":1,"gpa":0,"flags":true,"order":16}', 'params.flags'),
  at('no order', '{"lpid":1,"gpa":0,"flags":0}', 'params.order', 'missing'),
  at('parent 0', `{${PAGE},"parent":0}`, 'params.parent'),
  at('parent null', `{${PAGE},"parent":null}`, 'params.parent'),
  at('parent 2^32', `{${PAGE},"parent":4294967296}`, 'params.parent'),
  at('an unknown field', `{${PAGE},"gpaa":1}`, 'params.gpaa', 'unknown'),
  at('own __proto__', `{${PAGE},"__proto__":{"lpid":2}}`, 'params.__proto__', 'unknown'),
  at('own constructor', `{${PAGE},"constructor":1}`, 'params.constructor', 'unknown'),
  at('own toString', `{${PAGE},"toString":1}`, 'params.toString', 'unknown'),
  at(
    'only __proto__',
    '{"__proto__":{"lpid":1,"gpa":0,"flags":0,"order":16}}',
    'params.lpid',
    'missing',
  ),
]

const inMemory = (why: string, method: string, params: string, path: string): Case => ({
  why: `${method}: ${why}`,
  text: request(params, method),
  id: 5,
  code: -32602,
  path,
})

const BAD_MEMORY: readonly Case[] = [
  inMemory(
    'offset 65536',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":65536,"length":1}',
    'params.offset',
  ),
  inMemory('length 0', 'MEM_READ', '{"lpid":1,"ra":0,"offset":0,"length":0}', 'params.length'),
  inMemory(
    'length 65537',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":0,"length":65537}',
    'params.length',
  ),
  inMemory(
    'over the end',
    'MEM_READ',
    '{"lpid":1,"ra":0,"offset":65535,"length":2}',
    'params.length',
  ),
  inMemory('no bytes', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0}', 'params.bytes'),
  inMemory('empty', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":""}', 'params.bytes'),
  inMemory('no padding', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":"Zg"}', 'params.bytes'),
  inMemory(
    'stray bits',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"Zh=="}',
    'params.bytes',
  ),
  inMemory(
    'URL alphabet',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"Zm-_"}',
    'params.bytes',
  ),
  inMemory('blank', 'MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":"Zm9 "}', 'params.bytes'),
  inMemory(
    'beyond ASCII',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":0,"bytes":"\u01410AA"}',
    'params.bytes',
  ),
  inMemory(
    'over the end',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":65534,"bytes":"Zm9v"}',
    'params.bytes',
  ),
  inMemory(
    'zeros not from 0',
    'MEM_WRITE',
    '{"lpid":1,"ra":0,"offset":1,"bytes":null}',
    'params.bytes',
  ),
  inMemory('slot 65536', 'UV_UNREGISTER_MEM_SLOT', '{"lpid":1,"slotid":65536}', 'params.slotid'),
  inMemory('no name', 'SESSION_OPEN', '{}', 'params.name'),
  inMemory('empty name', 'SESSION_OPEN', '{"name":""}', 'params.name'),
  inMemory('65 characters', 'SESSION_OPEN', `{"name":"${'x'.repeat(65)}"}`, 'params.name'),
  inMemory('a line feed', 'SESSION_OPEN', '{"name":"a\\nb"}', 'params.name'),
  inMemory('an lpid', 'SESSION_OPEN', '{"name":"a","lpid":1}', 'params.lpid'),
]

const CASES = [...NOT_JSON, ...NOT_REQUESTS, ...UNKNOWN_METHODS, ...BAD_PARAMS, ...BAD_MEMORY]

t.test(
  'whatever is malformed gets its error, reaches nobody, and the session goes on',
  async (t) => {
    let served = 0
    const { hv, hvLine, turn } = pair({
      hvServes: (call) => {
        served += 1
        call.answer(0)
      },
    })
    for (const { why, text, id, code, path, reason } of CASES) {
      hv.receive(text)
      turn.end()
      const [sent] = hvLine.sent.splice(0)
      const whole = JSON.parse(String(sent))
      const said = Array.isArray(whole) ? whole[0] : whole
      t.equal(said.error?.code, code, why)
      t.equal(said.id, id ?? null, `${why}: id`)
      if (path !== undefined) t.equal(said.error?.data?.path, path, `${why}: path`)
      if (reason !== undefined) t.equal(said.error?.data?.reason, reason, `${why}: reason`)
      if (code === -32602)
        t.notMatch(said.error?.data?.expected, /^(Invalid|Too|Unrec)/, `${why}: in our words`)
    }
    t.equal(served, 0, 'no handler saw any of them')
    t.equal(hv.callsServed, 0)
    t.equal(hv.counters.faultsReceived, CASES.length)
    t.same(hvLine.closed, [])
    hv.receive(request(`{${PAGE}}`))
    turn.end()
    t.same(hvLine.sent, ['{"jsonrpc":"2.0","id":5,"result":{"ret":0,"name":"H_SUCCESS"}}'])
  },
)

t.test('an unknown method says so; one of our own says who makes it', async (t) => {
  const { hv, uv, hvLine, uvLine, turn } = pair()
  hv.receive(request('{"lpid":1}', 'UV_PAGE_IN'))
  hv.receive(request('{"lpid":1}', 'UV_PAGE_INN'))
  uv.receive(request('{"lpid":1}', 'H_SVM_INIT_START'))
  turn.end()
  const said = [hvLine, uvLine].flatMap((line) => JSON.parse(String(line.sent[0])))
  t.same(
    said.map((item) => item.error.data.expected),
    [
      'a call that this side serves: the hypervisor makes this one',
      'the name of a call',
      'a call that this side serves: an ultravisor makes this one',
    ],
  )
})

t.test(
  'an error repeats what was sent when it is short, and cuts it when it is long',
  async (t) => {
    const { hv, hvLine, turn } = pair()
    hv.receive(request('{"lpid":1,"gpa":-1,"flags":0,"order":16}'))
    hv.receive(request(`{"lpid":1,"gpa":"${'9'.repeat(1_000)}","flags":0,"order":16}`))
    hv.receive(request('{"lpid":1,"gpa":[1],"flags":0,"order":16}'))
    hv.receive(request('{"lpid":1}', 'x'.repeat(100_000)))
    turn.end()
    const said = JSON.parse(String(hvLine.sent[0]))
    t.same(said[0].error, {
      code: -32602,
      message: 'The params do not fit the method.',
      data: {
        path: 'params.gpa',
        reason: 'invalid',
        value: -1,
        expected:
          'a 64-bit value: "0x" and 1 to 16 hex digits, or an integer 0 to 9007199254740991',
      },
    })
    t.equal(said[1].error.data.value, `${'9'.repeat(64)}…`)
    t.notOk('value' in said[2].error.data)
    t.ok(String(hvLine.sent[0]).length < 2_000)
  },
)

t.test('a batch: good and bad items each get their own answer, in order', async (t) => {
  const { hv, hvLine, turn } = pair({ hvServes: (call) => call.answer(call.id) })
  const call = (id: number) =>
    `{"jsonrpc":"2.0","id":${id},"method":"H_SVM_INIT_DONE","params":{"lpid":1}}`
  hv.receive(`[${call(1)},7,${call(2)},{"jsonrpc":"2.0","id":3,"method":"x"},${call(4)}]`)
  turn.end()
  t.equal(hvLine.sent.length, 1)
  const said: { id: number | null; error?: { code: number } }[] = JSON.parse(String(hvLine.sent[0]))
  t.same(
    said.map((item) => [item.id, item.error?.code ?? 0]),
    [
      [1, 0],
      [null, -32600],
      [2, 0],
      [3, -32601],
      [4, 0],
    ],
  )
})

t.test('a batch of 4,096 items is read; one more closes, and nothing of it is begun', async (t) => {
  let served = 0
  const { hv, hvLine, turn } = pair({
    hvServes: (call) => {
      served += 1
      call.answer(0)
    },
  })
  const call = '{"jsonrpc":"2.0","id":1,"method":"H_SVM_INIT_DONE","params":{"lpid":1}}'
  hv.receive(`[${Array(4_096).fill(call).join()}]`)
  turn.end()
  t.equal(served, 4_096)
  t.same(hvLine.closed, [])
  hv.receive(`[${Array(4_097).fill(call).join()}]`)
  t.equal(served, 4_096)
  t.same(hvLine.closed, [{ code: 1009, reason: 'The message is too big.' }])
})

t.test('a binary message on the JSON subprotocol closes', async (t) => {
  const { hv, hvLine } = pair()
  hv.receive(new Uint8Array(16))
  t.same(hvLine.closed, [
    { code: 1003, reason: 'This subprotocol does not use messages of that kind.' },
  ])
  t.equal(hv.ended, true)
})

t.test(
  'an answer that does not fit ends its call with BAD_ANSWER, and only that call',
  async (t) => {
    const answers = [
      { text: '{"jsonrpc":"2.0","id":1,"result":{}}', path: 'result.ret' },
      { text: '{"jsonrpc":"2.0","id":1,"result":null}', path: 'result' },
      { text: '{"jsonrpc":"2.0","id":1,"result":{"ret":"0"}}', path: 'result.ret' },
      { text: '{"jsonrpc":"2.0","id":1,"result":{"ret":0.5}}', path: 'result.ret' },
      { text: '{"jsonrpc":"2.0","id":1,"result":{"ret":0,"page":null}}', path: 'result.page' },
      { text: '{"jsonrpc":"2.0","id":1,"result":{"ret":0},"error":{}}', path: 'error' },
      { text: '{"id":1,"result":{"ret":0}}', path: 'jsonrpc' },
      { text: '{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"y"}}', path: 'error.code' },
      {
        text: '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"y","data":[]}}',
        path: 'error.data',
      },
    ]
    for (const { text, path } of answers) {
      const { uv, uvLine, turn } = pair()
      const told: unknown[] = []
      uv.call(pageIn(0), 0, (outcome) => told.push(outcome))
      uv.call(pageIn(1), 0, () => t.fail('the other call is still open'))
      turn.end()
      uvLine.sent.length = 0
      uv.receive(text)
      turn.end()
      t.match(told, [{ kind: 'error', id: 1, code: -32011, data: { path } }], text)
      t.equal(told.length, 1)
      t.same(uvLine.sent, [], 'an answer is never answered')
      t.equal(uv.callsOpen, 1)
    }
  },
)

t.test('outputs are what the call asked for, or the answer does not fit', async (t) => {
  const read = { call: 'MEM_READ', lpid: 1, ra: 0, offset: 0, length: 3 }
  const cases = [
    { result: '{"ret":0,"bytes":"Zm9v"}', told: { kind: 'answer', ret: 0 } },
    { result: '{"ret":-4}', told: { kind: 'answer', ret: -4 } },
    { result: '{"ret":0}', told: { kind: 'error', code: -32011, data: { path: 'result.bytes' } } },
    { result: '{"ret":0,"bytes":"Zm8="}', told: { kind: 'error', code: -32011 } },
    { result: '{"ret":-4,"bytes":"Zm9v"}', told: { kind: 'error', code: -32011 } },
  ]
  for (const { result, told } of cases) {
    const { uv, turn } = pair()
    const outcomes: unknown[] = []
    uv.call(read as never, 0, (outcome) => outcomes.push(outcome))
    turn.end()
    uv.receive(`{"jsonrpc":"2.0","id":1,"result":${result}}`)
    t.match(outcomes, [told], result)
  }
  const { hv, turn } = pair()
  const pages: unknown[] = []
  const out = { ...inval(0x10000), call: 'UV_PAGE_OUT', ra: 0, flags: 0 } as never
  for (let n = 0; n < 4; n += 1) hv.call(out, 0, (outcome) => pages.push(outcome))
  turn.end()
  for (const [index, result] of [
    '{"ret":0}',
    '{"ret":0,"page":null}',
    '{"ret":0,"page":{"tag":"0x5"}}',
    '{"ret":-4}',
  ].entries())
    hv.receive(`{"jsonrpc":"2.0","id":${index + 1},"result":${result}}`)
  t.same(pages, [
    { kind: 'answer', id: 1, call: 'UV_PAGE_OUT', ret: 0, page: null },
    { kind: 'answer', id: 2, call: 'UV_PAGE_OUT', ret: 0, page: null },
    { kind: 'answer', id: 3, call: 'UV_PAGE_OUT', ret: 0, page: 5n },
    { kind: 'answer', id: 4, call: 'UV_PAGE_OUT', ret: -4 },
  ])
})
