/** Members of an object: as many as the limit are looked at, one more is an error, and cheap. */
import t from 'tap'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'

const membersMax = 64
const openCall = (id: number) =>
  id === 9 ? ({ call: 'UV_SVM_TERMINATE', lpid: 1 } as never) : undefined

const members = (count: number, value: unknown = 1): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]))
const decode = (item: object) => hvJsonCodec().decode(JSON.stringify(item), openCall)

const HDSI = { jsonrpc: '2.0', id: 7, method: 'HDSI' }
const LIMIT = { reason: 'invalid', expected: 'at most 64 members', limit: 'membersMax', max: 64 }

t.test('at the limit a member too many is named; one past it the limit is', async (t) => {
  const params = (count: number) => ({
    ...HDSI,
    params: { lpid: 1, gpa: '0x0', ...members(count - 2) },
  })
  const fault = { kind: 'fault', error: 'BAD_PARAMS', id: 7 }
  t.match(decode(params(membersMax)), [{ ...fault, data: { path: 'params.k0' } }])
  t.match(decode(params(membersMax + 1)), [{ ...fault, data: { path: 'params', ...LIMIT } }])

  const top = (count: number) => ({
    ...HDSI,
    params: { lpid: 1, gpa: '0x0' },
    ...members(count - 4),
  })
  const request = { kind: 'fault', error: 'NOT_A_REQUEST', id: 7 }
  t.match(decode(top(membersMax)), [{ ...request, data: { path: 'k0' } }])
  t.match(decode(top(membersMax + 1)), [{ ...request, data: { path: '', ...LIMIT } }])
})

t.test('an error has as much to tell as the limit, and no more', async (t) => {
  const error = (id: number | null, data: object) => ({
    jsonrpc: '2.0',
    id,
    error: { code: -1, message: 'no', data },
  })
  t.match(decode(error(9, members(membersMax))), [{ kind: 'error', id: 9, code: -1 }])
  const bad = { kind: 'error', id: 9, code: -32_011 }
  t.match(decode(error(9, members(membersMax + 1))), [
    { ...bad, data: { path: 'error.data', ...LIMIT } },
  ])
  t.match(decode(error(8, members(membersMax + 1))), [{ kind: 'stray' }], 'of no call')
  t.match(decode(error(null, members(membersMax + 1))), [{ kind: 'stray' }])
  t.match(decode(error(9, members(3, []))), [
    { ...bad, data: { path: 'error.data.k0', expected: 'a text, a number, true, false or null' } },
  ])
  const result = { jsonrpc: '2.0', id: 9, result: { ret: 0, ...members(membersMax) } }
  t.match(decode(result), [{ ...bad, data: { path: 'result', ...LIMIT } }])
})

t.test('what does not fit costs little more than to read it', async (t) => {
  const flood = {
    jsonrpc: '2.0',
    id: 9,
    error: { code: 1, message: '', data: members(50_000, []) },
  }
  const batch = Array.from({ length: 2_000 }, () => ({
    jsonrpc: '2.0',
    id: 9,
    error: { code: 1, message: '', data: members(membersMax, []) },
  }))
  const cost = (run: () => void): number => {
    run()
    const before = process.cpuUsage()
    for (let n = 0; n < 3; n++) run()
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  for (const [what, message] of Object.entries({ flood, batch })) {
    const text = JSON.stringify(message)
    const codec = hvJsonCodec()
    const ratio = cost(() => codec.decode(text, openCall)) / cost(() => JSON.parse(text))
    // With a sentence for every member it was 24 times as much.
    t.ok(ratio < 12, `${what}: ${ratio.toFixed(1)} times`)
  }
})
