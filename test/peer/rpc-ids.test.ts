/**
 * Ids on a session, whether it was ever resumed or not, in both subprotocols: an id stands for one
 * call. What is said by hand here is written by the ultravisor's own codec.
 */
import t from 'tap'
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { asLpid, asRa } from '../../src/abi/page.ts'
import type { Received } from '../../src/peer/rpc-codec.ts'
import { KeptAnswers } from '../../src/peer/rpc-kept-answers.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { type FromUv, Line, pageIn, Turn } from './pair.ts'
import { CODECS } from './resumable-pair.ts'

const PROTOCOLS = ['json', 'bin'] as const
const GPA_UNIT = 65_536

interface World {
  /** Says calls; what is answered. */
  readonly say: (...calls: readonly [id: number, body: UpCall][]) => readonly Received<DownCall>[]
  readonly peer: Peer<DownCall, UpCall>
  readonly executed: UpCall[]
}

/** A hypervisor's peer; each call is answered with how many were executed. */
function world(
  protocol: (typeof PROTOCOLS)[number],
  limits: Partial<Limits> = {},
  outlives = true,
  serve?: (call: FromUv) => void,
): World {
  const codecs = CODECS[protocol]
  const uv = codecs.uv()
  const line = new Line()
  const turn = new Turn()
  const executed: UpCall[] = []
  const bodies = new Map<number, UpCall>()
  const peer = new Peer<DownCall, UpCall>({
    codec: codecs.hv(),
    transport: line,
    defer: turn.defer,
    limits: { ...LIMITS, ...limits },
    outlives,
    serve:
      serve ??
      ((call) => {
        executed.push(call.body)
        call.answer(executed.length)
      }),
  })
  const say: World['say'] = (...calls) => {
    for (const [id, body] of calls) {
      bodies.set(id, body)
      peer.receive(uv.encode([{ kind: 'call', id, parent: 0, body }], 0).data)
    }
    turn.end()
    return line.sent.splice(0).flatMap((data) => uv.decode(data, (id) => bodies.get(id)))
  }
  return { say, peer, executed }
}

const FACTS = { session: 's1', token: 't', host: { pageShift: 16, poolPages: 1, profile: 'p' } }

const page = (n: number): UpCall => pageIn(n * GPA_UNIT)
const answer = (id: number, ret: number) => ({ kind: 'answer', id, ret })
const error = (id: number, code: number, data: object) => ({ kind: 'error', id, code, data })
const forgotten = (id: number, max: number, limit = 'answersKeptMax') =>
  error(id, -32_015, { id, limit, max })

for (const protocol of PROTOCOLS) {
  t.test(`${protocol}: an id that was answered stands for its call, with no resume`, async (t) => {
    const { say, executed, peer } = world(protocol)
    t.match(say([7, page(0)], [8, page(1)]), [answer(7, 1), answer(8, 2)])
    t.match(say([7, page(0)]), [answer(7, 1)], 'the same call: the same answer')
    t.match(say([7, page(1)]), [error(7, -32_014, { id: 7 })], 'another call: refused')
    t.match(say([8, page(0)]), [error(8, -32_014, { id: 8 })], 'the highest one as well')
    t.equal(executed.length, 2, 'nothing was begun')
    t.equal(peer.counters.callsRepeated, 1)
    t.match(say([9, page(0)]), [answer(9, 3)], 'a higher id is new')
  })

  t.test(`${protocol}: the last call that came is known when it comes at once again`, async (t) => {
    const { say, executed } = world(protocol)
    t.match(say([7, page(0)], [7, page(0)]), [answer(7, 1), answer(7, 1)])
    t.match(say([7, page(1)]), [error(7, -32_014, { id: 7 })])
    t.equal(executed.length, 1)
  })

  t.test(
    `${protocol}: an id below the highest is new as long as all answers are kept`,
    async (t) => {
      const { say, executed, peer } = world(protocol, { answersKeptMax: 4 })
      t.match(say([10, page(0)], [3, page(1)], [5, page(2)]), [
        answer(10, 1),
        answer(3, 2),
        answer(5, 3),
      ])
      t.match(say([4, page(3)]), [answer(4, 4)], 'the ring is full, and nothing has left it')
      t.match(say([11, page(4)]), [answer(11, 5)], 'the answer to 10 has left')
      t.match(say([6, page(5)]), [forgotten(6, 4)], 'it never came, but who could know')
      t.match(say([10, page(0)]), [forgotten(10, 4)], 'it came')
      t.match(say([3, page(1)]), [answer(3, 2)], 'at the limit')
      t.match(say([3, page(9)]), [error(3, -32_014, { id: 3 })])
      t.equal(executed.length, 5)
      const { faultsReceived, callsRepeated, errorsSent } = peer.counters
      t.same([faultsReceived, callsRepeated, errorsSent], [3, 1, 3], 'refused, not repeated')
    },
  )

  t.test(`${protocol}: ids may begin anywhere, above 2^31 as well`, async (t) => {
    const { say, executed } = world(protocol, { answersKeptMax: 2 })
    for (let n = 0; n < 5; n++) {
      t.match(say([3_000_000_000 + n, page(n)]), [answer(3_000_000_000 + n, n + 1)])
    }
    t.equal(executed.length, 5)
  })

  t.test(`${protocol}: when pages in answers were let go, an unknown id is refused`, async (t) => {
    const read = (length: number): UpCall => ({
      call: 'MEM_READ',
      lpid: asLpid(1),
      ra: asRa(0),
      offset: 0,
      length,
    })
    const serve = (call: FromUv): void => {
      const length = call.body.call === 'MEM_READ' ? call.body.length : 0
      call.answer(0, { bytes: new Uint8Array(length) })
    }
    const { say, peer } = world(protocol, { answerBytesKeptMax: 100 }, true, serve)
    say([10, read(100)])
    t.match(say([5, read(1)]), [answer(5, 0)], '101 bytes: the first 100 go after this one came')
    t.match(say([4, read(1)]), [forgotten(4, LIMITS.answersKeptMax)])
    t.match(say([10, read(100)]), [forgotten(10, 100, 'answerBytesKeptMax')])
    t.match(say([10, read(99)]), [error(10, -32_014, { id: 10 })], 'its payload is known still')
    t.match(peer.counters, { faultsReceived: 3, callsRepeated: 0 })
  })

  t.test(`${protocol}: without a grace time an id is free after its answer`, async (t) => {
    const { say, executed } = world(protocol, {}, false)
    t.match(say([7, page(0)], [7, page(1)], [3, page(0)]), [
      answer(7, 1),
      answer(7, 2),
      answer(3, 3),
    ])
    t.equal(executed.length, 3)
  })

  t.test(`${protocol}: ids before the session is open are no part of it`, async (t) => {
    const open: UpCall = { call: 'SESSION_OPEN', name: 'x' }
    let isOpen = false
    const { say } = world(protocol, {}, true, (call) => {
      if (call.body.call === 'SESSION_OPEN') {
        if (isOpen) return call.fail('SESSION_IS_OPEN')
        isOpen = true
        return call.answer(0, { session: FACTS })
      }
      if (isOpen) return call.answer(5)
      return call.fail('SESSION_UNKNOWN')
    })
    const unknown = { kind: 'error', id: 9, code: -32_002 }
    t.match(say([9, page(0)], [9, page(0)]), [unknown, unknown], 'kept, as ever')
    t.match(say([9, open]), [answer(9, 0)], 'but the session begins with nothing')
    t.match(say([9, page(0)]), [answer(9, 5)])
    t.match(say([1, page(1)]), [answer(1, 5)])
    t.match(say([9, open]), [{ kind: 'error', id: 9, code: -32_012 }], 'a second one is judged')
    t.match(say([9, page(1)]), [error(9, -32_014, { id: 9 })], 'and makes nothing forgotten')
  })

  t.test(`${protocol}: a SESSION_OPEN that is refused opens none`, async (t) => {
    let attempts = 0
    const { say, peer } = world(protocol, {}, true, (call) => {
      if (call.body.call !== 'SESSION_OPEN' && attempts < 2) return call.fail('SESSION_UNKNOWN')
      if (call.body.call !== 'SESSION_OPEN') return call.answer(5)
      if (++attempts < 2) return call.fail('SESSION_UNKNOWN')
      return call.answer(0, { session: FACTS })
    })
    const open: UpCall = { call: 'SESSION_OPEN', name: 'x' }
    const unknown = (id: number) => ({ kind: 'error', id, code: -32_002 })
    t.match(say([1, open], [2, page(0)]), [unknown(1), unknown(2)])
    t.match(say([3, open], [2, page(0)]), [answer(3, 0), answer(2, 5)], 'it begins with nothing')
    t.match(peer.counters, { answersSent: 2, errorsSent: 2, callsReceived: 4, callsRepeated: 0 })
  })
}

t.test('ids may be left out, but nobody comes round to a kept one unseen', async (t) => {
  const { say, executed } = world('json')
  say([5, page(0)])
  // Two steps of less than 2^31 lead past all other ids: 5 counts as higher again.
  t.match(say([2_000_000_000, page(1)], [4_000_000_000, page(2)]), [
    answer(2_000_000_000, 2),
    answer(4_000_000_000, 3),
  ])
  t.match(say([5, page(9)]), [error(5, -32_014, { id: 5 })])
  t.match(say([5, page(0)]), [answer(5, 1)])
  t.match(say([6, page(3)]), [answer(6, 4)], 'what was not used is new')
  t.equal(executed.length, 4)
})

t.test('an id that is refused for another call leaves those above it used', async (t) => {
  const held: FromUv[] = []
  let begun = 0
  const { say } = world('json', { answersKeptMax: 4 }, true, (call) => {
    begun++
    if (call.id <= 5) held.push(call)
    else call.answer(begun)
  })
  say([1, page(1)], [2, page(2)], [3, page(3)], [4, page(4)], [5, page(5)])
  say([98, page(6)], [100, page(7)])
  t.match(say([98, page(8)]), [error(98, -32_014, { id: 98 })])
  for (const call of held) call.answer(0)
  t.equal(say().length, 5, 'all that was kept makes room for these answers')
  t.match(say([100, page(7)]), [forgotten(100, 4)])
  t.equal(begun, 7, 'nothing was begun again')
})

t.test('what a client may leave out costs no look-up; one more is looked for', async (t) => {
  const { say, executed } = world('json')
  // Only who looks for an answer asks for an index.
  const looked = t.capture(KeptAnswers.prototype, 'index', () => undefined)
  say([1, page(0)], [2, page(1)], [65_538, page(2)])
  t.equal(looked().length, 0, '65,536 above the highest')
  say([131_075, page(3)])
  t.equal(looked().length, 1, '65,537 above it')
  t.equal(executed.length, 4, 'all of them are new')
})

t.test('however ids are chosen, an index is made once for as many answers as it has', async (t) => {
  const max = 64
  let made = 0
  class Counted extends KeptAnswers {
    override find(id: number): number {
      if (!this.isIndexed) made++
      return super.find(id)
    }
  }
  const ring = new Counted(max, 0)
  const rounds = 10_000
  for (let n = 0; n < rounds; n++) {
    ring.find(n * 2 - 7)
    ring.find(0)
    ring.add({ id: n * 2, low: 0, high: 0 }, { kind: 'answer', id: n * 2, call: 'HDSI', ret: 0 })
  }
  t.ok(made <= rounds / max + 1, `${made} times for ${rounds} answers`)
})
