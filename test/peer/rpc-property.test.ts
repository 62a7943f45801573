import fc from 'fast-check'
import t from 'tap'
import type { Message, Outcome, WireCall } from '../../schemas/messages.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import type { Codec } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import type { FromHv, FromUv } from './pair.ts'
import { inval, pageIn, pair } from './pair.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}`)

const id = fc.integer({ min: 1, max: 2 ** 32 - 1 })
const lpid = fc.integer({ min: 1, max: 4_095 })
const small = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
/** Any register: a safe integer, or one of the doubles from there to below 2^64. */
const register = fc.oneof(
  small,
  fc
    .bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })
    .map((word) => Math.min(Number(word), 2 ** 64 - 2_048)),
)
const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const slotId = fc.integer({ min: 0, max: 65_535 })
const bytes = (length: number) =>
  fc.uint8Array({ minLength: 1, maxLength: 64 }).map((some) => {
    const all = new Uint8Array(length)
    for (let at = 0; at < length; at += some.length) all.set(some.subarray(0, length - at), at)
    return all
  })
const page = fc.oneof(fc.constant(null), word, bytes(65_536))
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((text) => text.length <= 64 && /^\P{Cc}*$/u.test(text))
const range = fc
  .tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 1, max: 65_536 }))
  .map(([offset, length]) => ({ offset, length: Math.min(length, 65_536 - offset) }))

const call = (name: string, fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ call: fc.constant(name), lpid, ...fields })
const registers = { gpa: register, flags: register, order: register }

const UP_BODIES: Record<string, fc.Arbitrary<unknown>> = {
  SESSION_OPEN: fc.oneof(
    fc.record({ call: fc.constant('SESSION_OPEN'), name }),
    fc.record({ call: fc.constant('SESSION_OPEN'), name, resume: name }),
  ),
  H_SVM_INIT_START: call('H_SVM_INIT_START', {}),
  H_SVM_INIT_DONE: call('H_SVM_INIT_DONE', {}),
  H_SVM_INIT_ABORT: call('H_SVM_INIT_ABORT', {}),
  H_SVM_TPM_COMM: call('H_SVM_TPM_COMM', {}),
  H_SVM_PAGE_IN: call('H_SVM_PAGE_IN', registers),
  H_SVM_PAGE_OUT: call('H_SVM_PAGE_OUT', registers),
  UV_REGISTER_MEM_SLOT: call('UV_REGISTER_MEM_SLOT', {
    startGpa: register,
    size: register,
    flags: register,
    slotId,
  }),
  UV_UNREGISTER_MEM_SLOT: call('UV_UNREGISTER_MEM_SLOT', { slotId }),
  HDSI: call('HDSI', { gpa: register }),
  MEM_READ: fc
    .tuple(call('MEM_READ', { ra: register }), range)
    .map(([body, { offset, length }]) => ({ ...body, offset, length })),
  MEM_WRITE: fc
    .tuple(call('MEM_WRITE', { ra: register }), range)
    .chain(([body, { offset, length }]) =>
      fc.oneof(
        fc.constant({ ...body, offset: 0, bytes: null }),
        bytes(length).map((some) => ({ ...body, offset, bytes: some })),
      ),
    ),
}
const DOWN_BODIES: Record<string, fc.Arbitrary<unknown>> = {
  UV_REGISTER_MEM_SLOT: UP_BODIES['UV_REGISTER_MEM_SLOT'] ?? fc.constant(undefined),
  UV_UNREGISTER_MEM_SLOT: UP_BODIES['UV_UNREGISTER_MEM_SLOT'] ?? fc.constant(undefined),
  UV_PAGE_IN: call('UV_PAGE_IN', { ra: register, ...registers, page }),
  UV_PAGE_OUT: call('UV_PAGE_OUT', { ra: register, ...registers }),
  UV_PAGE_INVAL: call('UV_PAGE_INVAL', { gpa: register, order: register }),
  UV_SVM_TERMINATE: call('UV_SVM_TERMINATE', {}),
  UV_WRITE_PATE: call('UV_WRITE_PATE', { dw0: word, dw1: word }),
}

const same = (left: unknown, right: unknown): boolean => {
  if (left instanceof Uint8Array && right instanceof Uint8Array)
    return Buffer.compare(left, right) === 0
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right)
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => same(Reflect.get(left, key), Reflect.get(right, key)))
  )
}

/** What one side encodes the other decodes to the same. */
function comesBack<Ours extends WireCall, Theirs extends WireCall>(
  from: Codec<Ours, Theirs>,
  to: Codec<Theirs, Ours>,
  message: Message<Ours>,
  asked?: Theirs,
): boolean {
  const { data, next } = from.encode([message], 0)
  const [back, ...rest] = to.decode(data, () => asked)
  return next === 1 && rest.length === 0 && same(back, message)
}

t.test('every call comes back as it was sent', async (t) => {
  t.same(Object.keys(UP_BODIES).sort(), Object.keys(UP_METHODS).sort(), 'every call up is tried')
  t.same(Object.keys(DOWN_BODIES).sort(), Object.keys(DOWN_METHODS).sort(), 'and every call down')
  const [up, down] = [uvJsonCodec(), hvJsonCodec()]
  const parent = fc.oneof(fc.constant(0), id)
  const message = (body: fc.Arbitrary<unknown>) =>
    fc.record({ kind: fc.constant('call'), id, parent, body }) as fc.Arbitrary<unknown>
  for (const [call, body] of Object.entries(UP_BODIES)) {
    const holds = fc.property(message(body), (sent) => comesBack(up, down, sent as never))
    t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 60 }), call)
  }
  for (const [call, body] of Object.entries(DOWN_BODIES)) {
    const holds = fc.property(message(body), (sent) => comesBack(down, up, sent as never))
    t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 60 }), call)
  }
})

t.test('every answer and error comes back as it was sent', async (t) => {
  const ret = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
  const failed = ret.filter((code) => code !== 0)
  const kind = fc.constant('answer')
  const answer = (call: string, fields: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record({ kind, id, call: fc.constant(call), ...fields })
  const session = fc.record({
    session: name,
    token: name,
    host: fc.record({ pageShift: fc.constant(16), poolPages: small, profile: name }),
  })
  const toUp: [string, fc.Arbitrary<unknown>, object][] = [
    ['H_SVM_PAGE_IN', answer('H_SVM_PAGE_IN', { ret }), {}],
    ['HDSI', answer('HDSI', { ret }), {}],
    ['MEM_READ refused', answer('MEM_READ', { ret: failed }), { length: 100 }],
    ['MEM_READ', answer('MEM_READ', { ret: fc.constant(0), bytes: bytes(100) }), { length: 100 }],
    ['SESSION_OPEN', answer('SESSION_OPEN', { ret: fc.constant(0), session }), {}],
  ]
  const toDown: [string, fc.Arbitrary<unknown>, object][] = [
    ['UV_PAGE_IN', answer('UV_PAGE_IN', { ret }), {}],
    ['UV_PAGE_OUT', answer('UV_PAGE_OUT', { ret: fc.constant(0), page }), {}],
    ['UV_PAGE_OUT refused', answer('UV_PAGE_OUT', { ret: failed }), {}],
  ]
  const [uv, hv] = [uvJsonCodec(), hvJsonCodec()]
  const asked = (label: string, more: object) => ({ call: label.split(' ')[0], ...more }) as never
  for (const [label, arbitrary, more] of toUp) {
    const holds = fc.property(arbitrary, (sent) =>
      comesBack(hv, uv, sent as never, asked(label, more)),
    )
    t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 60 }), label)
  }
  for (const [label, arbitrary, more] of toDown) {
    const holds = fc.property(arbitrary, (sent) =>
      comesBack(uv, hv, sent as never, asked(label, more)),
    )
    t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 60 }), label)
  }
  const value = fc.oneof(fc.string(), small, fc.boolean(), fc.constant(null))
  const error = fc.record(
    {
      kind: fc.constant('error'),
      id: fc.oneof(fc.constant(0), id),
      code: fc.integer(),
      message: fc.string({ maxLength: 100 }),
      data: fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        value,
        { noNullPrototype: true },
      ),
    },
    { requiredKeys: ['kind', 'id', 'code', 'message'], noNullPrototype: true },
  )
  const holds = fc.property(error, (sent) =>
    comesBack(hv, uv, sent as never, { call: 'HDSI' } as never),
  )
  t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 300 }), 'errors')
})

t.test('any interleaving of calls and answers tells every caller exactly once', async (t) => {
  // Each number decides the next thing that somebody does; what it calls is answered some time.
  const scripts = fc.array(fc.nat({ max: 2 ** 20 }), { minLength: 1, maxLength: 200 })
  const holds = fc.property(scripts, (script) => {
    const atHv: FromUv[] = []
    const atUv: FromHv[] = []
    const told = new Map<number, number[]>()
    const wanted = new Map<number, number>()
    const { uv, hv, settle, turn } = pair({
      hvServes: (call) => atHv.push(call),
      uvServes: (call) => atUv.push(call),
    })
    const takeFrom = <Call>(calls: Call[], pick: number) => calls.splice(pick % calls.length, 1)[0]
    const bodyNumber = (call: { body: object }): number => Number(Reflect.get(call.body, 'gpa'))
    const tell = (number: number) => (outcome: Outcome) => {
      const list = told.get(number) ?? []
      told.set(number, list)
      list.push(outcome.kind === 'answer' ? outcome.ret : outcome.code)
    }
    const reply = (call: FromUv | FromHv, pick: number): void => {
      wanted.set(bodyNumber(call), pick % 3 === 0 ? -32_005 : pick)
      if (pick % 3 === 0) call.fail('LPID_UNKNOWN')
      else call.answer(pick)
    }
    let made = 0
    for (const pick of script) {
      const action = pick % 7
      if (action < 2) {
        made += 1
        const parent = pick % 2 === 0 ? (atUv.at(-1)?.id ?? 0) : 0
        uv.call(pageIn(made), parent, tell(made))
      } else if (action < 4) {
        made += 1
        const parent = pick % 2 === 0 ? (atHv.at(-1)?.id ?? 0) : 0
        hv.call(inval(made), parent, tell(made))
      } else if (action === 4 && atHv.length > 0) reply(takeFrom(atHv, pick) ?? never(), pick)
      else if (action === 5 && atUv.length > 0) reply(takeFrom(atUv, pick) ?? never(), pick)
      else if (pick % 2 === 0) settle()
      else turn.end()
    }
    // A settle that follows a lone turn.end() still delivers what that sent.
    for (settle(); atHv.length + atUv.length > 0; settle()) {
      for (const call of atHv.splice(0)) reply(call, bodyNumber(call))
      for (const call of atUv.splice(0)) reply(call, bodyNumber(call))
    }
    const numbers = Array.from({ length: made }, (_, index) => index + 1)
    return (
      numbers.every((number) => same(told.get(number), [wanted.get(number)])) &&
      uv.callsOpen + uv.callsServed + hv.callsOpen + hv.callsServed === 0 &&
      uv.counters.straysReceived + hv.counters.straysReceived === 0
    )
  })
  t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 500 }))
})

const never = (): never => {
  throw new Error('a call was there')
}

t.test('whatever text comes, the peer says something in JSON or nothing, and lives', async (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.anything({ withNullPrototype: false }).map((value) => JSON.stringify(value) ?? ''),
    fc
      .record(
        {
          jsonrpc: fc.constantFrom('2.0', '1.0', 2),
          id: fc.oneof(fc.integer(), fc.string(), fc.constant(null)),
          method: fc.oneof(
            fc.constantFrom('H_SVM_PAGE_IN', 'MEM_WRITE', 'UV_PAGE_OUT'),
            fc.string(),
          ),
          params: fc.oneof(
            fc.anything({ withNullPrototype: false }),
            fc.record({
              lpid: fc.integer(),
              gpa: fc.anything(),
              flags: fc.integer(),
              order: fc.nat(),
            }),
          ),
          result: fc.anything({ withNullPrototype: false }),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? 1 : one)) ?? ''),
  )
  const holds = fc.property(fc.array(texts, { maxLength: 20 }), (all) => {
    const { hv, hvLine, turn } = pair({ hvServes: (call) => call.answer(0) })
    for (const text of all) hv.receive(text)
    turn.end()
    for (const data of hvLine.sent) JSON.parse(String(data))
    return !hv.ended && hv.callsServed === 0 && hvLine.closed.length === 0
  })
  t.doesNotThrow(() => fc.assert(holds, { seed: SEED, numRuns: 300 }))
})
