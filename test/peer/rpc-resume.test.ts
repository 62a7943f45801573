/** Calls that survive their connection: each is executed once, and told its one answer. */
import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import { asLpid, asRa } from '../../src/abi/page.ts'
import { type FromUv, inval, pageIn } from './pair.ts'
import { type ResumableOptions, ResumablePair } from './resumable-pair.ts'

const PAGE = 65_536

/** Depth of nesting: hypercall, ultracall, hypercall, ultracall. */
const DEPTH = 4

/** A pair whose calls nest four deep; every call is noted when it is executed. */
function nesting(options: ResumableOptions) {
  const executed: string[] = []
  const seen: string[] = []
  const world = new ResumablePair({
    ...options,
    hvServes: (call, hv) => {
      executed.push(`hv ${call.body.call} ${call.id}`)
      if (call.ancestors().length >= DEPTH - 1) return call.answer(-call.id)
      hv.call(inval(call.id * PAGE), call.id, (outcome) => {
        call.answer(outcome.kind === 'answer' ? outcome.ret : -99)
      })
    },
    uvServes: (call, uv) => {
      executed.push(`uv ${call.body.call} ${call.id}`)
      seen.push(`served ${call.id}`)
      if (call.ancestors().length >= DEPTH - 1) return call.answer(-100 - call.id)
      uv.call(pageIn(call.id * PAGE), call.id, (outcome) => {
        seen.push(`told ${outcome.id}`)
        call.answer(outcome.kind === 'answer' ? outcome.ret : -99)
      })
    },
  })
  const told: Outcome[] = []
  const call = (): void => {
    world.uv.call(pageIn(0), 0, (outcome) => {
      seen.push(`told ${outcome.id}`)
      told.push(outcome)
    })
  }
  return { world, executed, seen, told, call }
}

const idle = ({ hv, uv }: ResumablePair): number =>
  hv.callsOpen + hv.callsServed + uv.callsOpen + uv.callsServed

for (const protocol of ['json', 'bin'] as const) {
  t.test(`${protocol}: a nested call survives two cuts, wherever they come`, async (t) => {
    const whole = nesting({ protocol })
    whole.call()
    whole.call()
    const messages = whole.world.settle()
    t.ok(messages >= 8, `${messages} messages`)
    for (const unnoticed of [undefined, 'hv', 'uv'] as const) {
      for (let first = 0; first <= messages; first++) {
        for (let second = 0; second <= messages; second++) {
          const { world, executed, seen, told, call } = nesting({ protocol })
          call()
          call()
          for (let n = 0; n < first; n++) world.deliver()
          world.cut(unnoticed)
          world.resume()
          for (let n = 0; n < second; n++) world.deliver()
          world.cut(unnoticed)
          world.resume()
          world.settle()
          const where = `cuts after ${first} and ${second} more, unnoticed by ${unnoticed ?? 'nobody'}`
          t.same(executed.toSorted(), whole.executed.toSorted(), where)
          t.same(told, whole.told, where)
          t.same(seen, whole.seen, `${where}: in the same order`)
          t.same([idle(world), world.reports], [0, []], where)
        }
      }
    }
  })
}

t.test('what is said again is the same to the byte', async (t) => {
  for (const protocol of ['json', 'bin'] as const) {
    const { world, call } = nesting({ protocol })
    call()
    world.turn()
    const [sent] = world.uvLine.sent
    world.cut()
    world.resume()
    t.same(world.uvLine.sent, [sent], `${protocol}: the call`)
    world.deliver()
    const [asked] = world.hvLine.sent
    world.cut()
    world.resume()
    t.same(world.uvLine.sent, [sent])
    t.same(world.hvLine.sent, [], 'nothing before the ultravisor has said all')
    world.deliver()
    t.same(world.hvLine.sent, [asked], `${protocol}: the ultracall`)
  }
})

t.test('an answer that was lost is repeated to the byte, with its page', async (t) => {
  const bytes = new Uint8Array(PAGE).map((_, i) => i % 251)
  let executed = 0
  const world = new ResumablePair({
    protocol: 'bin',
    hvServes: (call) => {
      executed++
      call.answer(0, { bytes })
    },
  })
  const told: Outcome[] = []
  const read = {
    call: 'MEM_READ',
    lpid: asLpid(1),
    ra: asRa(PAGE),
    offset: 0,
    length: PAGE,
  } as const
  world.uv.call(read, 0, (outcome) => told.push(outcome))
  world.deliver()
  const [answer] = world.hvLine.sent.map((data) => Buffer.from(data))
  for (let n = 0; n < 3; n++) {
    world.cut()
    world.resume()
    world.deliver()
    t.same(
      world.hvLine.sent.map((data) => Buffer.from(data)),
      [answer],
    )
  }
  world.settle()
  t.equal(executed, 1)
  t.equal(world.hv.counters.answersRepeated, 3)
  t.match(told, [{ kind: 'answer', ret: 0 }])
  t.same(told[0]?.kind === 'answer' ? Buffer.from(told[0].bytes ?? []) : '', Buffer.from(bytes))
})

t.test('a call that is under way is joined: one execution, one answer', async (t) => {
  const held: FromUv[] = []
  const world = new ResumablePair({ hvServes: (call) => held.push(call) })
  const told: number[] = []
  world.uv.call(pageIn(0), 0, (outcome) => told.push(outcome.kind === 'answer' ? outcome.ret : 1))
  world.settle()
  for (let n = 0; n < 5; n++) {
    world.cut()
    world.resume()
    world.settle()
  }
  t.equal(held.length, 1)
  t.equal(world.hv.counters.callsRepeated, 5)
  held[0]?.answer(-4)
  world.settle()
  t.same(told, [-4])
  t.equal(world.uv.counters.straysReceived, 0, 'the answer came once')
})

t.test(
  'an answer that is given while the line is cut waits for its call to come again',
  async (t) => {
    const held: FromUv[] = []
    const world = new ResumablePair({ hvServes: (call) => held.push(call), saysNothing: true })
    const told: number[] = []
    world.uv.call(pageIn(0), 0, (outcome) => told.push(outcome.kind === 'answer' ? outcome.ret : 1))
    world.settle()
    world.cut()
    held[0]?.answer(-4)
    world.resume()
    t.same(world.hvLine.sent, [], 'nobody has asked on this line')
    world.settle()
    t.same(told, [-4])
    t.same(world.reports, [])
  },
)

t.test('calls and answers that were lost come in the order in which they were said', async (t) => {
  const held: FromUv[] = []
  const seen: string[] = []
  const world = new ResumablePair({
    hvServes: (call) => held.push(call),
    uvServes: (call) => {
      seen.push(`served ${call.id}`)
      call.answer(0)
    },
  })
  for (let n = 0; n < 4; n++) {
    world.uv.call(pageIn(n * PAGE), 0, ({ id }) => seen.push(`told ${id}`))
  }
  world.settle()
  const ask = (): void => world.hv.call(inval(0), 0, () => undefined)
  world.cut()
  ask()
  held[2]?.answer(0)
  held[0]?.answer(0)
  ask()
  ask()
  held[3]?.answer(0)
  world.resume()
  world.settle()
  t.same(seen, ['served 1', 'told 3', 'told 1', 'served 2', 'served 3', 'told 4'])
  held[1]?.answer(0)
  world.settle()
  t.equal(seen.at(-1), 'told 2')
})

t.test('a fenced line can do nothing more', async (t) => {
  let executed = 0
  const world = new ResumablePair({
    hvServes: (call) => {
      executed++
      call.answer(0)
    },
  })
  world.settle()
  const old = world.hv.connection
  const line = world.hvLine
  world.cut('hv')
  world.resume()
  t.same(line.closed, [{ code: 4007, reason: 'The session goes on over another connection.' }])
  old?.receive('{"jsonrpc":"2.0","id":1,"method":"H_SVM_INIT_DONE","params":{"lpid":1}}')
  world.turn()
  t.equal(executed, 0)
  t.same(line.sent, [])
  t.equal(world.hv.ended, false, 'its end is not that of the session')
})

t.test('a session may go on in the other subprotocol', async (t) => {
  const { world, told, executed, call } = nesting({ protocol: 'json' })
  call()
  world.deliver()
  world.deliver()
  world.cut()
  world.resume('bin')
  t.ok(world.uvLine.sent[0] instanceof Uint8Array)
  world.settle()
  t.match(told, [{ kind: 'answer', id: 1 }])
  t.equal(new Set(executed).size, executed.length)
})

t.test('when the time is over every call has its outcome, and late ones too', async (t) => {
  const held: FromUv[] = []
  const world = new ResumablePair({ hvServes: (call) => held.push(call) })
  const told: number[] = []
  const tell = (outcome: Outcome) => told.push(outcome.kind === 'error' ? outcome.code : 0)
  world.uv.call(pageIn(0), 0, tell)
  world.settle()
  world.hv.call(inval(0), 1, tell)
  world.cut()
  world.uv.call(pageIn(PAGE), 0, tell)
  t.same(told, [], 'they wait')
  world.hv.end()
  world.uv.end()
  t.same(told, [-32010, -32010, -32010])
  held[0]?.answer(0)
  world.uv.call(pageIn(0), 0, tell)
  world.turn()
  t.same(told, [-32010, -32010, -32010, -32010])
})
