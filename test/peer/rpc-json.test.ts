import t from 'tap'
import { request } from './malformed.ts'
import { inval, pageIn, pair, saidOn } from './pair.ts'

t.test('an unknown method says so; one of our own says who makes it', async (t) => {
  const { hv, uv, hvLine, uvLine, turn } = pair()
  hv.receive(request('{"lpid":1}', 'UV_PAGE_IN'))
  hv.receive(request('{"lpid":1}', 'UV_PAGE_INN'))
  uv.receive(request('{"lpid":1}', 'H_SVM_INIT_START'))
  turn.end()
  const said = [hvLine, uvLine].flatMap(saidOn)
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
    const said = saidOn(hvLine)
    t.same(said[0]?.error, {
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
    t.equal(said[1]?.error.data.value, `${'9'.repeat(64)}…`)
    t.equal(said.length, 4)
    t.notOk(Object.hasOwn(said[2]?.error.data ?? { value: 0 }, 'value'))
    t.ok(hvLine.sent.join('').length < 2_000)
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

t.test('what is just within its limit is served', async (t) => {
  const served: unknown[] = []
  const { hv, hvLine, turn } = pair({ hvServes: ({ body }) => served.push(body) })
  const params: [string, string][] = [
    ['MEM_READ', '{"lpid":4095,"ra":0,"offset":0,"length":65536}'],
    ['MEM_READ', '{"lpid":1,"ra":0,"offset":65535,"length":1}'],
    ['MEM_WRITE', `{"lpid":1,"ra":0,"offset":0,"bytes":"${'A'.repeat(87_382)}=="}`],
    ['MEM_WRITE', '{"lpid":1,"ra":0,"offset":0,"bytes":null}'],
    ['UV_UNREGISTER_MEM_SLOT', '{"lpid":1,"slotid":65535}'],
    ['SESSION_OPEN', `{"name":"${'é'.repeat(64)}","resume":"${'t'.repeat(128)}"}`],
    ['HDSI', '{"lpid":1,"gpa":"0xffffffffffffffff"}'],
  ]
  for (const [index, [method, fields]] of params.entries())
    hv.receive(request(fields, method).replace('"id":5', `"id":${2 ** 32 - 1 - index}`))
  turn.end()
  t.same(hvLine.sent, [], 'no error')
  t.match(served, [
    { call: 'MEM_READ', lpid: 4_095, offset: 0, length: 65_536 },
    { call: 'MEM_READ', offset: 65_535, length: 1 },
    { call: 'MEM_WRITE', offset: 0, bytes: Buffer.alloc(65_536) },
    { call: 'MEM_WRITE', offset: 0, bytes: null },
    { call: 'UV_UNREGISTER_MEM_SLOT', slotId: 65_535 },
    { call: 'SESSION_OPEN', name: 'é'.repeat(64), resume: 't'.repeat(128) },
    { call: 'HDSI', gpa: 2 ** 64 - 2_048 },
  ])
})

t.test('one past its limit is refused', async (t) => {
  const { hv, hvLine, turn } = pair({ hvServes: () => t.fail('nothing is served') })
  hv.receive(request(`{"name":"a","resume":"${'t'.repeat(129)}"}`, 'SESSION_OPEN'))
  hv.receive(request(`{"lpid":1,"ra":0,"offset":0,"bytes":"${'A'.repeat(87_384)}"}`, 'MEM_WRITE'))
  turn.end()
  const said = saidOn(hvLine)
  t.same(
    said.map(({ error }) => error.data.path),
    ['params.resume', 'params.bytes'],
  )
})
