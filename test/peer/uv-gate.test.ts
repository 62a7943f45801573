/** An ultravisor that is asked for more than its hypervisor takes: it waits, and nobody is refused. */
import t from 'tap'
import { LIMITS } from '../../schemas/limits.ts'
import type { Outcome } from '../../schemas/messages.ts'
import { hvBinaryCodec, uvBinaryCodec } from '../../src/peer/rpc-binary.ts'
import { CallGate } from '../../src/peer/uv-gate.ts'
import { type FromUv, type PairOptions, pageIn, pair } from './pair.ts'

const limitsOf = (callsInFlightMax: number) => ({ ...LIMITS, callsInFlightMax })

/** A hypervisor that answers when it is told to, and may take fewer calls than its client thinks. */
function newGate(hvMax: number, uvMax: number, options: PairOptions = {}, open?: number) {
  const held: FromUv[] = []
  let most = 0
  const line = pair({
    limits: limitsOf(uvMax),
    hvLimits: limitsOf(hvMax),
    hvServes: (call) => {
      held.push(call)
      most = Math.max(most, held.length)
    },
    ...options,
  })
  const gate = new CallGate(line.uv, open)
  const told: { gpa: number; outcome: Outcome }[] = []
  const ask = (gpa: number): void =>
    gate.call(pageIn(gpa), (outcome) => told.push({ gpa, outcome }))
  /** Answers the oldest calls, as many as that. */
  const answer = (count: number): void => {
    for (const call of held.splice(0, count)) call.answer(0)
    line.settle()
  }
  const refusals = (): number => line.reports.filter(({ text }) => text.includes('Too many')).length
  return { ...line, gate, held, told, ask, answer, refusals, most: () => most }
}

const gpas = (told: readonly { gpa: number }[]): number[] => told.map(({ gpa }) => gpa)
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

t.test('a hypervisor that takes fewer calls is asked for no more, after one round', async (t) => {
  for (const codecs of [undefined, { hv: hvBinaryCodec(), uv: uvBinaryCodec() }]) {
    const world = newGate(4, 16, codecs === undefined ? {} : { codecs })
    for (const n of count(16)) world.ask(n)
    t.equal(world.gate.window, 256, 'nobody has said anything yet')
    world.settle()
    t.equal(world.refusals(), 12, 'the first round finds the limit')
    t.equal(world.gate.window, 4)
    t.same(world.told, [], 'and no caller hears of it')
    for (const n of count(34)) world.ask(16 + n)
    t.equal(world.gate.length, 46)
    while (world.held.length > 0) world.answer(3)
    t.equal(world.refusals(), 12, 'there was no other refusal')
    t.equal(world.most(), 4)
    t.same(gpas(world.told), count(50), 'each call once, those that were refused before later ones')
    t.ok(world.told.every(({ outcome }) => outcome.kind === 'answer' && outcome.ret === 0))
    t.equal(world.gate.length, 0)
  }
})

t.test('at the limit nobody waits; one past it waits, and nothing is refused', async (t) => {
  const world = newGate(4, 4)
  for (const n of count(4)) world.ask(n)
  t.equal(world.gate.length, 0)
  world.ask(4)
  t.equal(world.gate.length, 1)
  world.settle()
  t.equal(world.held.length, 4)
  world.answer(1)
  t.equal(world.held.length, 4, 'the fifth follows when the first is answered')
  world.answer(4)
  t.same(gpas(world.told), count(5))
  t.equal(world.refusals(), 0)
  t.equal(world.gate.window, 256)
})

t.test('256 calls are open, however many more the other side would take; or as told', async (t) => {
  const world = newGate(1_024, 1_024)
  for (const n of count(256)) world.ask(n)
  t.equal(world.gate.length, 0)
  world.ask(256)
  t.equal(world.gate.length, 1, 'one past')
  world.settle()
  t.equal(world.most(), 256)
  const told = newGate(1_024, 1_024, {}, 300)
  for (const n of count(300)) told.ask(n)
  t.equal(told.gate.length, 0)
  told.ask(300)
  t.equal(told.gate.length, 1)
})

t.test('who is refused while nothing else is open is told', async (t) => {
  const world = newGate(0, 16)
  world.ask(1)
  world.settle()
  t.match(world.told, [{ gpa: 1, outcome: { kind: 'error', code: -32003 } }])
  world.ask(2)
  world.ask(3)
  world.settle()
  t.same(gpas(world.told), [1, 2, 3], 'of two at once the second is made again, and told then')
  t.ok(world.told.every(({ outcome }) => outcome.kind === 'error' && outcome.code === -32003))
  t.equal(world.gate.length, 0, 'nothing is left waiting')
})

/** A hypervisor of somebody else's: what it says is written out here. */
function newStranger(data: object | undefined) {
  const line = pair({ limits: limitsOf(100) })
  const gate = new CallGate(line.uv)
  const told: number[] = []
  const ask = (n: number): void => {
    for (const gpa of count(n)) {
      gate.call(pageIn(gpa), (end) => told.push(end.kind === 'error' ? end.code : end.ret))
    }
    line.turn.end()
  }
  const error = { code: -32003, message: 'Too many.', ...(data === undefined ? {} : { data }) }
  const say = (ids: readonly number[], what: object): void => {
    for (const id of ids) line.uv.receive(JSON.stringify({ jsonrpc: '2.0', id, ...what }))
    line.turn.end()
  }
  const refuse = (ids: readonly number[]): void => say(ids, { error })
  const answer = (ids: readonly number[]): void =>
    say(ids, { result: { ret: 0, name: 'H_SUCCESS' } })
  return { gate, told, ask, refuse, answer }
}

const from = (first: number, last: number): number[] =>
  count(last - first + 1).map((n) => first + n)

t.test('without a limit in the refusal half of what was open counts, once a round', async (t) => {
  const { gate, told, ask, refuse, answer } = newStranger(undefined)
  ask(40)
  refuse(from(31, 40))
  t.equal(
    gate.window,
    15,
    'the first one refused was the 31st of those open; the nine others say no more',
  )
  t.equal(gate.length, 10)
  answer(from(1, 15))
  t.equal(gate.window, 16, 'fifteen answers: one more may be tried')
  t.equal(gate.length, 9, '15 were still open: one of those refused is made again, as number 41')
  answer(from(16, 30))
  t.equal(gate.window, 16, 'fifteen are one too few for the next')
  refuse([44])
  t.equal(gate.window, 8, 'sixteen were open when it was made, in a new round: half of that')
  t.equal(told.length, 30)
  t.ok(told.every((ret) => ret === 0))
})

t.test('the first call of a new round counts like any other', async (t) => {
  const { gate, ask, refuse, answer } = newStranger(undefined)
  ask(40)
  refuse(from(31, 40))
  answer(from(1, 15))
  t.equal(gate.window, 16)
  refuse([41])
  t.equal(gate.window, 8, 'sixteen were open when it was made')
})

t.test('who is refused at the limit that is named takes half of it', async (t) => {
  for (const [open, window] of [
    [10, 5],
    [11, 10],
  ] as const) {
    const { gate, ask, refuse } = newStranger({ limit: 'callsInFlightMax', max: 10 })
    ask(open)
    refuse([open])
    t.equal(gate.window, window, `${open} open`)
  }
})

t.test('who asks as it is answered comes behind those that wait', async (t) => {
  const world = newGate(2, 2)
  const order: string[] = []
  const ask = (name: string, then: () => void = () => undefined): void =>
    world.gate.call(pageIn(0), () => {
      order.push(name)
      then()
    })
  ask('first', () => ask('late'))
  for (const name of ['second', 'third', 'fourth']) ask(name)
  world.settle()
  while (world.held.length > 0) world.answer(1)
  t.same(order, ['first', 'second', 'third', 'fourth', 'late'])
})

t.test('a limit that is none is not believed', async (t) => {
  for (const data of [{ max: 0 }, { max: -3 }, { max: 1.5 }, { max: '7' }, {}]) {
    const { gate, ask, refuse } = newStranger(data)
    ask(9)
    refuse([9])
    t.equal(gate.window, 4, JSON.stringify(data))
  }
})

t.test('who is refused although the limit is kept takes half, and grows back to it', async (t) => {
  const { gate, ask, refuse, answer } = newStranger({ limit: 'callsInFlightMax', max: 10 })
  ask(8)
  refuse([8])
  t.equal(gate.window, 4)
  ask(60)
  let id = 1
  for (; gate.length > 0; id++) if (id !== 8) answer([id])
  t.equal(gate.window, 10, 'not one more than the other side has named')
})

t.test('when the connection ends everybody is told, those that wait as well', async (t) => {
  const world = newGate(4, 8)
  for (const n of count(20)) world.ask(n)
  world.settle()
  t.ok(world.gate.length > 8, 'some were refused, some were never sent')
  world.uv.end()
  world.turn.end()
  t.equal(world.told.length, 20)
  t.ok(world.told.every(({ outcome }) => outcome.kind === 'error' && outcome.code === -32010))
  t.equal(world.gate.length, 0)
})
