import t from 'tap'
import { Line, listening, stateOf, until } from './line.ts'

const SLOT = { lpid: 1, start_gpa: 0, size: 131_072, flags: 0, slotid: 0 }
const PAGE = { lpid: 1, gpa: '0x0', flags: '0x0', order: '0x10' }

async function withVm(t: Parameters<typeof listening>[0], options = {}) {
  const { app, uv } = await listening(t, options)
  const line = await Line.open(t, uv)
  await line.call('UV_REGISTER_MEM_SLOT', SLOT)
  await line.call('H_SVM_INIT_START', { lpid: 1 })
  return { app, line, uv }
}

/** A member of this value is left out. */
const NONE = () => undefined

const call = (method: string, params: unknown, id: unknown = 100) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

t.test(
  'a message that does not fit gets its error; the session goes on, nothing changes',
  async (t) => {
    const { app, line } = await withVm(t)
    const before = stateOf(app)
    const cases: [string, number | null, number, Record<string, unknown>, string][] = [
      ['{', null, -32700, {}, 'no JSON'],
      ['', null, -32700, {}, 'an empty message'],
      ['"text"', null, -32600, {}, 'no object'],
      ['[]', null, -32600, {}, 'an empty batch'],
      ['null', null, -32600, {}, 'null'],
      ['{"jsonrpc":"1.0","id":1}', 1, -32600, {}, 'no method'],
      [call('H_SVM_PAGE_IN', PAGE, NONE), null, -32600, { path: 'id' }, 'a notification'],
      [call('H_SVM_PAGE_IN', PAGE, 0), null, -32600, { path: 'id' }, 'id 0'],
      [call('H_SVM_PAGE_IN', PAGE, -1), null, -32600, { path: 'id' }, 'a negative id'],
      [call('H_SVM_PAGE_IN', PAGE, 2 ** 32), null, -32600, { path: 'id' }, 'an id too big'],
      [call('H_SVM_PAGE_IN', PAGE, 1.5), null, -32600, { path: 'id' }, 'a broken id'],
      [call('H_SVM_PAGE_IN', PAGE, '1'), null, -32600, { path: 'id' }, 'an id of text'],
      [call('H_SVM_SING', {}), 100, -32601, { value: 'H_SVM_SING' }, 'an unknown method'],
      [call('toString', {}), 100, -32601, {}, 'a name that every object has'],
      [call('__proto__', {}), 100, -32601, {}, 'the prototype'],
      [call('UV_PAGE_IN', PAGE), 100, -32601, { path: 'method' }, 'the wrong direction'],
      [call('H_SVM_PAGE_IN', []), 100, -32602, { path: 'params' }, 'params as a list'],
      [
        call('H_SVM_PAGE_IN', { ...PAGE, gpa: undefined }),
        100,
        -32602,
        { path: 'params.gpa' },
        'none',
      ],
      [call('H_SVM_PAGE_IN', { ...PAGE, lpid: 0 }), 100, -32602, { path: 'params.lpid' }, 'LPID 0'],
      [call('H_SVM_PAGE_IN', { ...PAGE, lpid: 4096 }), 100, -32602, { value: 4096 }, 'LPID 4096'],
      [call('H_SVM_PAGE_IN', { ...PAGE, lpid: '1' }), 100, -32602, { path: 'params.lpid' }, 'text'],
      [
        call('H_SVM_PAGE_IN', { ...PAGE, gpa: -1 }),
        100,
        -32602,
        { path: 'params.gpa' },
        'negative',
      ],
      [call('H_SVM_PAGE_IN', { ...PAGE, gpa: 1e300 }), 100, -32602, { path: 'params.gpa' }, 'huge'],
      [call('H_SVM_PAGE_IN', { ...PAGE, gpa: '0x1ffffffffffffffff' }), 100, -32602, {}, '65 bits'],
      [call('H_SVM_PAGE_IN', { ...PAGE, gpa: null }), 100, -32602, { value: null }, 'null'],
      [
        call('H_SVM_PAGE_IN', { ...PAGE, more: 1 }),
        100,
        -32602,
        { reason: 'unknown' },
        'a member more',
      ],
      [call('H_SVM_PAGE_IN', { ...PAGE, parent: 5 }), 100, -32008, { parent: 5 }, 'no such parent'],
      [
        call('H_SVM_PAGE_IN', PAGE).replace('"lpid"', '"__proto__":{"x":1},"lpid"'),
        100,
        -32602,
        { path: 'params.__proto__' },
        'a prototype among the params',
      ],
      [
        `{"jsonrpc":"2.0","id":100,"method":"H_SVM_INIT_DONE","params":{"lpid":1},"extra":1}`,
        100,
        -32600,
        { path: 'extra' },
        'a member more beside the params',
      ],
    ]
    for (const [text, id, code, data, why] of cases) {
      line.socket.send(text)
      const item = await line.answerTo(id)
      t.equal(item.error?.code, code, why)
      t.match(item.error?.data ?? {}, data, why)
      t.equal(stateOf(app), before, `${why}: the state is as it was`)
    }
    t.match(await line.call('H_SVM_PAGE_IN', PAGE), { result: { ret: 0, name: 'H_SUCCESS' } })
  },
)

t.test('any 64 bits are an address: the kernel refuses them, not the wire', async (t) => {
  const { line } = await withVm(t)
  for (const gpa of ['0xffffffffffffffff', '0x20000000000000', Number.MAX_SAFE_INTEGER])
    t.match(await line.call('H_SVM_PAGE_IN', { ...PAGE, gpa }), { result: { ret: -4 } }, `${gpa}`)
  t.match(await line.call('H_SVM_PAGE_IN', { ...PAGE, flags: '0xffffffffffffffff' }), {
    result: { ret: -55 },
  })
})

t.test('stray answers are passed over', async (t) => {
  const { app, line } = await withVm(t)
  const before = stateOf(app)
  line.send({ jsonrpc: '2.0', id: 77, result: { ret: 0 } })
  line.send({ jsonrpc: '2.0', id: 77, error: { code: 1, message: 'x' } })
  line.send({ jsonrpc: '2.0', id: null, error: { code: 1, message: 'x' } })
  t.match(await line.call('H_SVM_PAGE_IN', PAGE), { result: { ret: 0 } })
  t.not(stateOf(app), before)
})

t.test('an answer that does not fit counts as none', async (t) => {
  const { app, line } = await withVm(t)
  await app.vmm.fill(1 as never, 0 as never, 1, 7n, 1n)
  line.serve = ({ id }) => line.send({ jsonrpc: '2.0', id, result: { ret: 'yes' } })
  t.match(await line.call('H_SVM_PAGE_IN', PAGE), { result: { ret: -4 } })
})

t.test('a batch may hold good and bad: each gets its own answer', async (t) => {
  const { line } = await withVm(t)
  line.socket.send(`[${call('H_SVM_PAGE_IN', PAGE, 50)},7,${call('NOPE', {}, 51)}]`)
  t.match(await line.answerTo(50), { result: { ret: 0 } })
  t.match(await line.answerTo(null), { error: { code: -32600 } })
  t.match(await line.answerTo(51), { error: { code: -32601 } })
})

t.test('what breaks the wire closes it, with its code, and the state stays', async (t) => {
  const limits = { messageBytesMax: 100_000 }
  const { app, uv } = await listening(t, { limits })
  const before = stateOf(app)
  const big = (length: number) => `"${'x'.repeat(length - 2)}"`
  const cases: [string | Buffer, boolean, number, string][] = [
    [Buffer.from('{}'), true, 1003, 'a binary message'],
    [Buffer.from([0x22, 0xff, 0x22]), false, 1007, 'text that is not UTF-8'],
    [big(100_001), false, 1009, 'one byte more than messageBytesMax'],
    [`[${Array(4_097).fill('1').join()}]`, false, 1009, 'one item more than itemsPerMessageMax'],
  ]
  for (const [message, binary, code, why] of cases) {
    const line = await Line.open(t, uv)
    line.socket.send(message, { binary })
    t.match(await line.closed, { code }, why)
  }
  const line = await Line.open(t, uv)
  line.socket.send(big(100_000))
  t.match(await line.answerTo(null), { error: { code: -32600 } }, 'at the limit it is read')
  line.socket.send(`[${Array(4_096).fill('1').join()}]`)
  t.match(await line.answerTo(null), { error: { code: -32600 } }, 'as many items as the limit')
  t.equal(stateOf(app), before)
})

t.test(
  'more calls in flight than the limit are refused, those before them are served',
  async (t) => {
    const { app, line } = await withVm(t, { limits: { callsInFlightMax: 2 } })
    await app.vmm.fill(1 as never, 0 as never, 2, 7n, 1n)
    line.serve = () => undefined
    const texts = [70, 71, 72].map((id) =>
      call('H_SVM_PAGE_IN', { ...PAGE, gpa: (id - 70) * 65_536 }, id),
    )
    line.socket.send(`[${texts.join()}]`)
    t.match(await line.answerTo(72), {
      error: { code: -32003, data: { limit: 'callsInFlightMax', max: 2 } },
    })
    for (const _ of [0, 1]) line.answer(await line.next(({ method }) => method === 'UV_PAGE_IN'))
    t.match(await line.answerTo(70), { result: { ret: 0 } })
    t.match(await line.answerTo(71), { result: { ret: 0 } })
  },
)

t.test('memory limits hold on the wire as well', async (t) => {
  const limits = { vmsMax: 1, slotsPerVmMax: 1, framesPerSlotMax: 3 }
  const { uv } = await listening(t, { limits })
  const line = await Line.open(t, uv)
  const past = async (params: object, limit: string) => {
    const answer = await line.call('UV_REGISTER_MEM_SLOT', { ...SLOT, ...params })
    t.match(answer, { error: { code: -32009, data: { limit } } })
  }
  await past({ size: 4 * 65_536 }, 'framesPerSlotMax')
  t.match(await line.call('UV_REGISTER_MEM_SLOT', { ...SLOT, size: 3 * 65_536 }), {
    result: { ret: 0 },
  })
  await past({ slotid: 1, start_gpa: 2 ** 30 }, 'slotsPerVmMax')
  await past({ lpid: 2 }, 'vmsMax')
})

t.test('who does not take its answers is not read from, and loses nothing', async (t) => {
  const limits = { sendBufferHighBytes: 200_000, callsInFlightMax: 4_000 }
  const { app, line } = await withVm(t, { limits })
  await app.vmm.writePage(1 as never, 1 as never, 0, new Uint8Array(65_536).fill(1))
  const [connection] = app.uv.connections
  const before = connection?.peer.counters.callsReceived ?? 0
  line.socket.pause()
  const read = { lpid: 1, ra: '0x10000', offset: 0, length: 65_536 }
  const count = 2_000
  for (let id = 1_000; id < 1_000 + count; id++) line.socket.send(call('MEM_READ', read, id))
  await new Promise((done) => setTimeout(done, 700))
  const received = (connection?.peer.counters.callsReceived ?? 0) - before
  t.ok(received < count, `the server stopped reading after ${received} calls`)
  line.socket.resume()
  for (let id = 1_000; id < 1_000 + count; id++) {
    const { result } = await line.answerTo(id)
    if (result?.ret !== 0) t.fail(`call ${id} failed`)
  }
  t.equal((connection?.peer.counters.callsReceived ?? 0) - before, count)
})

t.test('who reads too slowly is cut, and the server goes on', async (t) => {
  // It is not paused before: what it asks for leaves by four pages, and would wait for it.
  const limits = {
    sendBufferBytesMax: 1_000_000,
    sendBufferHighBytes: 1_000_000,
    sessionGraceMs: 0,
  }
  const { app, line, uv } = await withVm(t, { limits })
  await app.vmm.writePage(1 as never, 1 as never, 0, new Uint8Array(65_536).fill(1))
  const other = await Line.open(t, uv)
  line.socket.pause()
  const read = { lpid: 1, ra: '0x10000', offset: 0, length: 65_536 }
  const calls = Array.from({ length: 500 }, (_, i) => call('MEM_READ', read, 1_000 + i))
  line.socket.send(`[${calls.join()}]`)
  await until(() => app.uv.connections.size === 1, 'the slow reader is cut')
  t.equal(app.hv.sessions.size, 1)
  t.match(await other.call('H_SVM_INIT_DONE', { lpid: 1 }), { result: { ret: 0 } })
})
