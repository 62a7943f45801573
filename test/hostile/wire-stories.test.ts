/**
 * What long runs of the fuzzer came upon, cut down to the few messages that it takes: what the
 * hypervisor has to say, and that the model of the fuzzer expects that and nothing else.
 */
import t from 'tap'
import type { Again } from './hostile-client.ts'
import { replay } from './wire-fuzz.ts'
import { WireModel } from './wire-model.ts'
import { saidIn } from './wire-said.ts'
import type { Said } from './wire-said-kinds.ts'
import { answersKeptMax, callsMax, WireWorld } from './wire-world.ts'

interface Call {
  readonly jsonrpc: '2.0'
  readonly id: number
  readonly method: string
  readonly params: object
}

const call = (id: number, method: string, params: object): Call => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})
const open = (id: number, more: object = {}): Call =>
  call(id, 'SESSION_OPEN', { name: 'hostile', ...more })
const start = (id: number, lpid: number): Call => call(id, 'H_SVM_INIT_START', { lpid })
const register = (id: number, lpid: number): Call =>
  call(id, 'UV_REGISTER_MEM_SLOT', { lpid, start_gpa: 0, size: 65_536, flags: 0, slotid: 0 })
const done = (id: number): Call => call(id, 'H_SVM_INIT_DONE', { lpid: 1 })
const answer = (id: number) => ({ jsonrpc: '2.0', id, result: { ret: 0 } })
const answered = (id: number, ret: number) => ({ kind: 'answer', id, ret })
const refused = (id: number, code: number, data: object) => ({ kind: 'error', id, code, data })

/** A client that says what it is told, one message each, and is told what came of it. */
function client(world = new WireWorld('spec')) {
  const heard: Said[] = []
  const socket = world.connect('uvmem.v1.json', (data) => heard.push(...saidIn(data)))
  const say = (...items: object[]): readonly Said[] => {
    socket.takes(JSON.stringify(items.length === 1 ? items[0] : items))
    world.turn()
    return heard.splice(0)
  }
  const cut = (): void => {
    socket.ends(1006)
    world.turn()
  }
  return { world, say, cut }
}

const again: Again = { announced: 0, isCut: true }
const modelled = (story: readonly (object | Again)[]): Promise<unknown> =>
  replay('spec', [
    {
      protocol: 'json',
      sent: story.map((each) => (each === again ? again : JSON.stringify(each))),
    },
  ])

t.test('after a resume SESSION_OPEN cannot take the id of a call that is open', async (t) => {
  const first = client()
  first.say(open(1))
  first.say(register(2, 1))
  const [asked] = first.say(start(9, 1))
  t.match(asked, { kind: 'call', method: 'UV_REGISTER_MEM_SLOT' }, 'the call waits for an answer')
  first.cut()
  const { say } = client(first.world)
  t.match(say(open(1, { resume: first.world.lastToken })), [answered(1, 0), asked])
  t.match(
    say(open(9)),
    [refused(0, -32_007, { id: 9 })],
    'an error with its id would be its answer',
  )
  t.same(say(start(9, 1)), [], 'the call itself comes again')
  t.match(say(open(9)), [refused(0, -32_007, { id: 9 })])
  t.match(say(answer(asked?.id ?? 0)), [answered(9, 0)], 'and has its one answer')
  t.match(say(open(9)), [refused(9, -32_012, {})], 'then its id is none of an open call')
  t.match(say(start(9, 1)), [answered(9, 0)], 'and still its own')
  const story = [open(1), register(2, 1), start(9, 1), again, open(9), start(9, 1), open(9)]
  t.equal(await modelled([...story, answer(1), open(9), start(9, 1)]), undefined)
})

t.test('after a resume SESSION_OPEN may take the id of a call that was answered', async (t) => {
  const first = client()
  first.say(open(1))
  first.say(register(2, 1))
  first.cut()
  const { say } = client(first.world)
  say(open(1, { resume: first.world.lastToken }))
  t.match(say(open(2)), [refused(2, -32_012, {})])
  t.equal(await modelled([open(1), register(2, 1), again, open(2), register(2, 1)]), undefined)
})

/** The session is open after the first call of this message, whatever the last one says. */
const BEGINNING = [open(3), register(90, 1), open(1, { parent: 3 })]
/** More answers than are kept. */
const MANY = Array.from({ length: answersKeptMax }, (_, at) => done(10 + at))

t.test('a second SESSION_OPEN leaves the ids of the session as they are', async (t) => {
  const { say } = client()
  t.match(say(...BEGINNING), [answered(3, 0), answered(90, 0), refused(1, -32_008, { parent: 3 })])
  for (const each of MANY) t.match(say(each), [{ kind: 'answer', id: each.id }])
  t.match(
    say(done(89)),
    [refused(89, -32_015, { id: 89, limit: 'answersKeptMax', max: answersKeptMax })],
    'below 90 an id may have come',
  )
  t.match(say(done(91)), [{ kind: 'answer', id: 91 }], 'above it is new')
  t.equal(await modelled([BEGINNING, ...MANY, done(89), done(91)]), undefined)
})

t.test('what comes before the SESSION_OPEN that succeeds is no part of the session', async (t) => {
  const { say } = client()
  const beginning = [open(3, { parent: 3 }), done(90), open(1), register(5, 1)]
  t.match(say(...beginning), [
    refused(3, -32_008, { parent: 3 }),
    refused(90, -32_002, {}),
    answered(1, 0),
    answered(5, 0),
  ])
  for (const each of MANY) t.match(say(each), [{ kind: 'answer', id: each.id }])
  t.match(say(done(89)), [{ kind: 'answer', id: 89 }], 'the highest id before it was 39')
  t.equal(await modelled([beginning, ...MANY, done(89)]), undefined)
})

/** The first id comes round, when as many answers as are kept have been given. */
const ROUND = [done(100), done(2 ** 31), done(2 ** 32 - 1), ...MANY.slice(3)]

t.test(
  'an id that comes round is used by what is refused, and new when it is forgotten',
  async (t) => {
    const { say } = client()
    say(open(1))
    for (const each of ROUND) t.match(say(each), [{ kind: 'answer', id: each.id }])
    const refusals = [start(100, 1), done(80), start(100, 1)]
    t.match(say(...refusals), [
      refused(100, -32_014, { id: 100 }),
      { kind: 'answer', id: 80 },
      refused(100, -32_015, { id: 100 }),
    ])
    t.equal(await modelled([open(1), ...ROUND, refusals, done(101)]), undefined)
    const other = client()
    other.say(open(1))
    for (const each of ROUND) other.say(each)
    const forgets = [done(80), register(100, 1)]
    t.match(other.say(...forgets), [{ kind: 'answer', id: 80 }, answered(100, 0)])
    t.equal(await modelled([open(1), ...ROUND, forgets, register(100, 1), done(101)]), undefined)
  },
)

t.test(
  'the model of the fuzzer knows which ids are forgotten, and which must not be',
  async (t) => {
    const verdict = (each: Call, parent = 0) =>
      ({ kind: 'call', id: each.id, parent, method: each.method, payload: each.method }) as const
    const forgotten = (id: number): Said => ({
      kind: 'error',
      id,
      code: -32_015,
      message: 'The call came before, and its answer is not kept any more.',
      data: {},
    })
    const orphan: Said = {
      kind: 'error',
      id: 1,
      code: -32_008,
      message: 'The parent is no open call of this side.',
      data: {},
    }
    const ready = (): WireModel => {
      const model = new WireModel(callsMax, answersKeptMax)
      const [first, second, third] = BEGINNING as [Call, Call, Call]
      model.sends([verdict(first), verdict(second), verdict(third, 3)])
      model.hears([{ kind: 'answer', id: 3, ret: 0 }, { kind: 'answer', id: 90, ret: 0 }, orphan])
      for (const each of MANY) {
        model.sends([verdict(each)])
        model.hears([{ kind: 'answer', id: each.id, ret: 0 }])
      }
      return model
    }
    const below = ready()
    t.equal(below.highest, 90)
    below.sends([verdict(done(89))])
    t.throws(() => below.hears([{ kind: 'answer', id: 89, ret: 0 }]), /due is/, 'it is not begun')
    const above = ready()
    above.sends([verdict(done(91))])
    t.throws(() => above.hears([forgotten(91)]), /not due/, 'what is new is not forgotten')
    const ended = ready()
    ended.sends([verdict(open(90))])
    const inUse = { ...forgotten(0), code: -32_007, data: { id: 90 } }
    t.throws(() => ended.hears([inUse]), /not due/, 'a call that is answered is not open')
  },
)

t.test('addresses from 2^53 on that one double stands for are one payload', async (t) => {
  const frame = (id: number, gpa: bigint): Buffer => {
    const bytes = Buffer.alloc(56)
    bytes.set([1, 0, 3])
    bytes.writeUInt32LE(id, 4)
    bytes.writeUInt32LE(0xef00, 12)
    bytes.writeBigUInt64LE(gpa, 16)
    bytes.writeBigUInt64LE(1n, 24)
    bytes.writeBigUInt64LE(16n, 32)
    return bytes
  }
  const session = Buffer.from(
    '01030000010000000000000004000100070000000000000000000000000000000000000000000000' +
      '000000000000000000000000000000000700000000000000686f7374696c6500',
    'hex',
  )
  const sent = [
    session,
    frame(4, 2n ** 63n),
    frame(4, 2n ** 63n + 2n),
    frame(4, 2n ** 63n + 2n ** 40n),
  ]
  t.equal(await replay('spec', [{ protocol: 'bin', sent }]), undefined)
  const nearer = [session, frame(4, 2n ** 53n), frame(4, 2n ** 53n - 1n), frame(4, 2n ** 53n + 1n)]
  t.equal(await replay('spec', [{ protocol: 'bin', sent: nearer }]), undefined)
})
