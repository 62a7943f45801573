/** Ids after a resume: which calls are known, which are refused, and what happens when ids go round. */
import t from 'tap'
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { OpenCalls } from '../../src/peer/rpc-open-calls.ts'
import { type FromUv, inval, pageIn } from './pair.ts'
import { ResumablePair } from './resumable-pair.ts'

interface Said {
  readonly id: number | null
  readonly result?: { readonly ret: number }
  readonly error?: { readonly code: number; readonly data?: object }
}

const done = (id: number, lpid = 1, parent?: number): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'H_SVM_INIT_DONE',
    params: { lpid, ...(parent === undefined ? {} : { parent }) },
  })
const read = (id: number, length: number): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'MEM_READ',
    params: { lpid: 1, ra: 65_536, offset: 0, length },
  })

/** A hypervisor's peer that is spoken to by hand. */
function server(serve: (call: FromUv) => void, limits: Partial<Limits> = {}) {
  const world = new ResumablePair({ hvServes: serve, limits })
  const say = (...texts: string[]): readonly Said[] => {
    for (const text of texts) world.hv.receive(text)
    world.turn()
    return world.hvLine.sent.splice(0).flatMap((data) => ResumablePair.items(data)) as Said[]
  }
  const resume = (): void => {
    world.cut()
    world.resume()
  }
  return { world, say, resume }
}

/** Answers with 1, 2, 3 ...: whoever is executed twice shows. */
function counting() {
  const state = { executed: 0 }
  const serve = (call: FromUv): void => {
    state.executed++
    call.answer(state.executed)
  }
  return { state, serve }
}

t.test('after a resume an id that was answered stands for its call', async (t) => {
  const { state, serve } = counting()
  const { say, resume, world } = server(serve)
  say(done(1), done(2), done(3))
  resume()
  t.match(say(done(2), done(2), done(1)), [
    { id: 2, result: { ret: 2 } },
    { id: 2, result: { ret: 2 } },
    { id: 1, result: { ret: 1 } },
  ])
  t.match(say(done(2, 9)), [{ id: 2, error: { code: -32014, data: { id: 2 } } }], 'another VM')
  t.match(say(done(3, 1, 5)), [{ id: 3, error: { code: -32014 } }], 'another context')
  t.match(say(read(1, 8)), [{ id: 1, error: { code: -32014 } }], 'another call')
  t.equal(state.executed, 3, 'nothing was begun')
  t.match(say(done(4)), [{ id: 4, result: { ret: 4 } }], 'a higher id is new')
  t.equal(world.hv.counters.callsRepeated, 3)
})

t.test('after a resume an id that is open stands for its call', async (t) => {
  const held: FromUv[] = []
  const { say, resume } = server((call) => held.push(call))
  say(done(1))
  t.match(say(done(1)), [{ id: null, error: { code: -32007 } }], 'on one line it cannot come twice')
  resume()
  t.match(say(done(1, 2)), [{ id: null, error: { code: -32007, data: { id: 1 } } }], 'another one')
  t.match(say(done(1, 1, 9)), [{ id: null, error: { code: -32007 } }], 'in another context')
  const start = done(1).replace('DONE', 'START')
  t.match(say(start), [{ id: null, error: { code: -32007 } }], 'another call about the same')
  t.same(say(done(1)), [], 'joined')
  t.match(say(done(1)), [{ id: null, error: { code: -32007 } }], 'and now it is here')
  t.equal(held.length, 1)
  held[0]?.answer(5)
  t.match(say(), [{ id: 1, result: { ret: 5 } }])
})

t.test(
  'as many answers as answersKeptMax are repeated; one that is older is refused',
  async (t) => {
    for (const answersKeptMax of [1, 64, 100]) {
      const { state, serve } = counting()
      const { say, resume } = server(serve, { answersKeptMax })
      const ids = Array.from({ length: answersKeptMax + 1 }, (_, i) => i + 1)
      say(...ids.map((id) => done(id)))
      resume()
      t.match(say(done(1)), [
        {
          id: 1,
          error: { code: -32015, data: { id: 1, limit: 'answersKeptMax', max: answersKeptMax } },
        },
      ])
      t.match(say(done(2)), [{ id: 2, result: { ret: 2 } }], `${answersKeptMax}: at the limit`)
      t.equal(state.executed, answersKeptMax + 1, 'nothing was executed twice')
    }
  },
)

t.test(
  'pages in answers are repeated up to answerBytesKeptMax; older ones are refused',
  async (t) => {
    let executed = 0
    const serve = (call: FromUv): void => {
      executed++
      const length = call.body.call === 'MEM_READ' ? call.body.length : 0
      call.answer(0, { bytes: new Uint8Array(length) })
    }
    const { say, resume } = server(serve, { answerBytesKeptMax: 1_000 })
    say(read(1, 400), read(2, 600))
    resume()
    t.match(say(read(1, 400)), [{ id: 1, result: { ret: 0 } }], 'at the limit')
    say(read(3, 1))
    resume()
    t.match(say(read(1, 400)), [
      { id: 1, error: { code: -32015, data: { id: 1, limit: 'answerBytesKeptMax', max: 1_000 } } },
    ])
    t.match(say(read(2, 600)), [{ id: 2, result: { ret: 0 } }])
    t.equal(executed, 3)
  },
)

t.test('what was refused is refused again, also when there would be room now', async (t) => {
  const held: FromUv[] = []
  const { say, resume } = server((call) => held.push(call), { callsInFlightMax: 1 })
  const lost = done(3, 1, 9)
  const refused = say(done(1), done(2), lost, done(4))
  t.match(refused, [
    { id: 2, error: { code: -32003, data: { max: 1 } } },
    { id: 3, error: { code: -32008, data: { parent: 9 } } },
    { id: 4, error: { code: -32003, data: { max: 1 } } },
  ])
  held[0]?.answer(0)
  resume()
  t.same(say(done(2), lost, done(4)), refused, 'each with its own id and reason')
  t.equal(held.length, 1)
  t.same(say(done(5)), [])
  t.equal(held.length, 2, 'a new one is begun')
})

t.test('each refusal is repeated as it was, whatever was refused beside it', async (t) => {
  const held: FromUv[] = []
  const { say, resume } = server((call) => held.push(call), { callsInFlightMax: 1 })
  const calls = [done(1), done(2, 1, 7), done(3), done(4, 1, 9), done(5, 1, 7), done(6)]
  const refused = say(...calls)
  const unknown = (id: number, parent: number) => ({
    id,
    error: { code: -32008, data: { parent } },
  })
  const full = (id: number) => ({ id, error: { code: -32003, data: { max: 1 } } })
  t.match(refused, [unknown(2, 7), full(3), unknown(4, 9), unknown(5, 7), full(6)])
  t.equal(refused.length, 5)
  resume()
  t.same(say(...calls), refused)
  t.equal(held.length, 1)
})

t.test('a call that counts as never come is new when it comes again', async (t) => {
  const served: FromUv[] = []
  const { say, resume } = server((call) => served.push(call))
  say(done(1), done(2))
  served[0]?.forget()
  resume()
  say(done(1), done(2))
  t.same(
    served.map(({ id }) => id),
    [1, 2, 1],
  )
  served[2]?.answer(4)
  t.match(say(), [{ id: 1, result: { ret: 4 } }])
})

t.test('an answer that is lost on its way is repeated when its call comes again', async (t) => {
  const { say, resume, world } = server((call) => {
    call.lose()
    call.answer(6)
  })
  t.same(say(done(1)), [])
  t.equal(world.hv.callsServed, 0)
  resume()
  t.match(say(done(1)), [{ id: 1, result: { ret: 6 } }])
})

t.test('ids go round, and an old one is told from a new one', async (t) => {
  const { state, serve } = counting()
  const { say, resume } = server(serve)
  say(done(4_294_967_294), done(4_294_967_295), done(1))
  resume()
  t.match(say(done(4_294_967_295), done(1)), [{ result: { ret: 2 } }, { result: { ret: 3 } }])
  t.match(say(done(2)), [{ id: 2, result: { ret: 4 } }], 'new')
  t.match(say(done(4_294_967_293)), [{ result: { ret: 5 } }], 'lower, and never came: all are kept')
  t.equal(state.executed, 5)
})

t.test('ids go round, and one that is too old is refused', async (t) => {
  const { state, serve } = counting()
  const { say, resume } = server(serve, { answersKeptMax: 2 })
  say(done(4_294_967_294), done(4_294_967_295), done(1))
  resume()
  const refused = { error: { code: -32015, data: { limit: 'answersKeptMax', max: 2 } } }
  t.match(say(done(4_294_967_293)), [{ id: 4_294_967_293, ...refused }])
  t.match(say(done(4_294_967_294)), [{ id: 4_294_967_294, ...refused }])
  t.match(say(done(4_294_967_295), done(1)), [{ result: { ret: 2 } }, { result: { ret: 3 } }])
  t.match(say(done(2)), [{ id: 2, result: { ret: 4 } }], 'new')
  t.equal(state.executed, 4)
})

t.test('calls go round as well, over a cut at every place', async (t) => {
  for (let cut = 0; cut < 12; cut++) {
    const executed: number[] = []
    const told: number[] = []
    const world = new ResumablePair({
      uvFirstId: 4_294_967_293,
      hvServes: (call) => {
        executed.push(call.id)
        call.answer(0)
      },
    })
    for (let n = 0; n < 6; n++) {
      world.uv.call(pageIn(n * 65_536), 0, ({ id }) => told.push(id))
      if (n * 2 >= cut) continue
      world.deliver()
      if (n * 2 + 1 < cut) world.deliver()
    }
    world.cut()
    world.resume()
    world.settle()
    const ids = [4_294_967_293, 4_294_967_294, 4_294_967_295, 1, 2, 3]
    t.same([executed, told], [ids, ids], `after ${cut} messages`)
  }
})

t.test('a call that is open while 2^31 others pass is known when it comes again', async (t) => {
  const held: FromUv[] = []
  const { say, resume } = server((call) => {
    if (call.id === 5) held.push(call)
    else call.answer(0)
  })
  say(done(5))
  // The client has counted on: two steps of less than 2^31 stand for all the ids between.
  say(done(2_000_000_000), done(2_200_000_000))
  held[0]?.answer(77)
  t.match(say(), [{ id: 5, result: { ret: 77 } }])
  resume()
  t.match(say(done(5)), [{ id: 5, result: { ret: 77 } }], 'not executed again')
  t.equal(held.length, 1)
})

t.test('an id whose answer is still known somewhere is not used again', async (t) => {
  const calls = new OpenCalls<UpCall, DownCall>(LIMITS, 10)
  const add = (): number => calls.add(pageIn(0), undefined, () => undefined, 0)
  t.equal(add(), 10)
  // Ids have gone round once while this call was open.
  calls.nextId = 9
  t.equal(add(), 9)
  t.equal(add(), 11, 'it is open: passed over')
  calls.nextId = 9
  calls.finish(9)
  t.equal(calls.nextId, 10, 'answered just now')
  calls.finish(10)
  t.equal(add(), 12, 'neither 10, whose answer may be kept, nor 11, which is open')
  calls.finish(11)
  t.equal(add(), 13, 'what lies behind is no concern')
})

t.test('an answered id is passed by if it is one of the next 16,777,216', async (t) => {
  const apart = 16_777_216
  for (const [id, next] of [
    [100, 101],
    [100 + apart - 1, 100 + apart],
    [100 + apart, 100],
    [99, 100],
  ] as const) {
    const calls = new OpenCalls<UpCall, DownCall>(LIMITS, id)
    calls.add(pageIn(0), undefined, () => undefined, 0)
    calls.nextId = 100
    calls.finish(id)
    t.equal(calls.nextId, next, String(id))
  }
})

t.test('calls are in the order in which they were made, wherever ids are', async (t) => {
  const half = 2 ** 31
  for (const ids of [
    [1, 2, 3, 4],
    [half - 2, half - 1, half, half + 1],
    [half - 20, half - 11, half - 10, half + 5],
    [4_294_967_294, 4_294_967_295, 1, 2],
  ]) {
    const calls = new OpenCalls<UpCall, DownCall>(LIMITS, 1)
    for (const id of ids) {
      calls.nextId = id
      calls.add(pageIn(0), undefined, () => undefined, 0)
    }
    t.same(
      calls.inOrder().map(({ id }) => id),
      ids,
    )
  }
})

t.test(
  'a client that says how many calls come again, and sends fewer, hears nothing',
  async (t) => {
    const held: FromUv[] = []
    const world = new ResumablePair({ hvServes: (call) => held.push(call) })
    world.uv.call(pageIn(0), 0, () => undefined)
    world.uv.call(pageIn(65_536), 0, () => undefined)
    world.settle()
    world.hv.call(inval(0), 1, () => undefined)
    world.settle()
    world.cut()
    world.resume()
    const [message] = world.uvLine.sent
    const [first, second] = ResumablePair.items(message ?? '[]')
    world.hv.receive(JSON.stringify(first))
    world.turn()
    t.same(world.hvLine.sent, [])
    world.hv.receive(JSON.stringify(second))
    world.turn()
    t.equal(world.hvLine.sent.length, 1, 'all have come')
  },
)

t.test('a call that comes again and does not fit counts as come', async (t) => {
  const { serve } = counting()
  const world = new ResumablePair({ hvServes: serve })
  world.uv.call(pageIn(0), 0, () => undefined)
  world.settle()
  world.uv.call(pageIn(0), 0, () => undefined)
  world.hv.call(inval(0), 0, () => undefined)
  world.cut()
  world.resume()
  world.hv.receive('{"jsonrpc":"2.0","id":2,"method":"H_SVM_INIT_DONE","params":{"lpid":0}}')
  world.turn()
  const said = world.hvLine.sent.flatMap((data) => ResumablePair.items(data))
  t.match(said, [
    { id: 2, error: { code: -32602 } },
    { id: 1, method: 'UV_PAGE_INVAL' },
  ])
})
