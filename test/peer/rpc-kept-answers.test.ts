/** The ring of answers: what it keeps, at its limits and one past them. */
import t from 'tap'
import type { Outcome } from '../../schemas/messages.ts'
import { KeptAnswers } from '../../src/peer/rpc-kept-answers.ts'

const FACTS = { session: 's1', token: 't', host: { pageShift: 16, poolPages: 1, profile: 'p' } }
const key = (id: number) => ({ id, low: id * 3, high: -id })
const plain = (id: number, ret = 0): Outcome => ({ kind: 'answer', id, call: 'HDSI', ret })
const withBytes = (id: number, length: number): Outcome => ({
  kind: 'answer',
  id,
  call: 'MEM_READ',
  ret: 0,
  bytes: new Uint8Array(length).fill(id),
})
const add = (ring: KeptAnswers, outcome: Outcome) => ring.add(key(outcome.id), outcome)
const kept = (ring: KeptAnswers, id: number): Outcome | undefined | 'gone' => {
  const number = ring.find(id)
  return number < 0 ? 'gone' : ring.outcome(number)
}

t.test('as many answers as the limit are kept; one more, and the oldest is gone', async (t) => {
  for (const max of [1, 2, 63, 64, 65, 200]) {
    const ring = new KeptAnswers(max, 0)
    for (let id = 1; id <= max; id++) add(ring, plain(id, -id))
    t.equal(ring.size, max, `${max}: full`)
    t.same(kept(ring, 1), plain(1, -1), `${max}: the first is there`)
    add(ring, plain(max + 1, 5))
    t.equal(ring.size, max)
    t.equal(kept(ring, 1), 'gone', `${max}: one past`)
    t.same(kept(ring, max + 1), plain(max + 1, 5))
    if (max > 1) t.same(kept(ring, 2), plain(2, -2), `${max}: the second is there`)
    t.equal(ring.total, max + 1)
  }
})

t.test('going round many times it keeps exactly the last ones', async (t) => {
  for (const indexed of [false, true]) {
    const ring = new KeptAnswers(100, 0)
    for (let id = 1; id <= 1_234; id++) {
      if (indexed && id % 77 === 0) ring.index()
      add(ring, plain(id, id * 2))
    }
    for (let id = 1_100; id <= 1_300; id++) {
      const expected = id > 1_134 && id <= 1_234 ? plain(id, id * 2) : 'gone'
      t.same(kept(ring, id), expected, `${indexed ? 'indexed ' : ''}${id}`)
    }
  }
})

t.test(
  'an index lasts until all that was there has left, and is made anew when it is needed',
  async (t) => {
    const ring = new KeptAnswers(10, 0)
    for (let id = 1; id <= 10; id++) add(ring, plain(id))
    t.equal(ring.isIndexed, false, 'nobody asks: none is made')
    ring.index()
    for (let id = 11; id <= 20; id++) {
      add(ring, plain(id))
      t.same(kept(ring, id), plain(id), 'to look makes it last no longer')
    }
    t.equal(ring.isIndexed, true)
    add(ring, plain(21))
    t.equal(ring.isIndexed, false, 'nothing from before is there any more')
    t.same(kept(ring, 20), plain(20))
    t.equal(ring.isIndexed, true, 'asked for')
  },
)

t.test('the last answer to an id is the one that counts', async (t) => {
  const ring = new KeptAnswers(3, 0)
  for (const ret of [1, 2, 3, 4, 5]) add(ring, plain(7, ret))
  t.same(kept(ring, 7), plain(7, 5))
  add(ring, plain(8))
  add(ring, plain(9))
  t.same(kept(ring, 7), plain(7, 5), 'the older ones leave without it')
  add(ring, plain(10))
  t.equal(kept(ring, 7), 'gone')
})

t.test('it knows what call an answer belongs to', async (t) => {
  const ring = new KeptAnswers(4, 0)
  add(ring, plain(1))
  const number = ring.find(1)
  t.equal(ring.fits(number, 3, -1), true)
  t.equal(ring.fits(number, 4, -1), false)
  t.equal(ring.fits(number, 3, -2), false)
  t.equal(ring.find(2), -1)
})

t.test('outputs and errors are given again as they were', async (t) => {
  const outcomes: Outcome[] = [
    { kind: 'answer', id: 1, call: 'UV_PAGE_OUT', ret: 0, page: 42n },
    { kind: 'answer', id: 2, call: 'UV_PAGE_OUT', ret: 0, page: null },
    { kind: 'answer', id: 3, call: 'UV_PAGE_OUT', ret: -4 },
    withBytes(4, 8),
    { kind: 'error', id: 5, code: -32_001, message: 'no', data: { lpid: 1 } },
    { kind: 'answer', id: 6, call: 'HDSI', ret: -9_007_199_254_740_991 },
    { kind: 'answer', id: 7, call: 'SESSION_OPEN', ret: 0, session: FACTS },
  ]
  const ring = new KeptAnswers(10, 100)
  for (const outcome of outcomes) add(ring, outcome)
  for (const outcome of outcomes) t.same(kept(ring, outcome.id), outcome)
  t.equal(ring.bytes, 8, 'only bytes of pages count')
  ring.add(key(7), outcomes[4] as Outcome)
  t.match(kept(ring, 7), { id: 7, code: -32_001, data: { lpid: 1 } }, 'an error said once more')
  t.match(kept(ring, 5), { id: 5, code: -32_001 }, 'and to whom it was said first')
})

t.test(
  'as many bytes as the limit are kept; one more, and the oldest bytes are forgotten',
  async (t) => {
    const ring = new KeptAnswers(10, 100)
    add(ring, withBytes(1, 60))
    add(ring, plain(2))
    add(ring, withBytes(3, 40))
    t.equal(ring.bytes, 100)
    t.same(kept(ring, 1), withBytes(1, 60), 'at the limit')
    add(ring, withBytes(4, 1))
    t.equal(ring.bytes, 41)
    t.equal(kept(ring, 1), undefined, 'known, but not its bytes')
    t.same(kept(ring, 2), plain(2), 'what has no bytes stays')
    t.same(kept(ring, 3), withBytes(3, 40))
    t.same(kept(ring, 4), withBytes(4, 1))
    add(ring, withBytes(5, 101))
    t.equal(
      ring.bytes,
      0,
      'an answer that is too big alone is forgotten at once, and all before it',
    )
    t.equal(kept(ring, 5), undefined)
    add(ring, withBytes(6, 100))
    t.same(kept(ring, 6), withBytes(6, 100), 'it recovers')
  },
)

t.test(
  'no more bytes are forgotten than have to be, the oldest of a young ring first',
  async (t) => {
    const ring = new KeptAnswers(64, 400)
    add(ring, plain(1, -4))
    for (let id = 2; id <= 41; id++) add(ring, withBytes(id, 10))
    t.equal(ring.bytes, 400)
    add(ring, withBytes(42, 10))
    t.equal(ring.bytes, 400, 'the limit is kept, not undercut')
    t.same(kept(ring, 1), plain(1, -4), 'it has no bytes to forget')
    t.equal(kept(ring, 2), undefined)
    for (let id = 3; id <= 42; id++) t.same(kept(ring, id), withBytes(id, 10))
  },
)

t.test('bytes that leave with their answer are not counted any more', async (t) => {
  const ring = new KeptAnswers(2, 1_000)
  for (let id = 1; id <= 50; id++) add(ring, id % 3 === 0 ? plain(id) : withBytes(id, 10))
  t.equal(ring.bytes, 20)
  add(ring, plain(51))
  t.equal(ring.bytes, 10)
  add(ring, plain(52))
  t.equal(ring.bytes, 0)
})

t.test('however answers come, bytes and places add up', async (t) => {
  const ring = new KeptAnswers(7, 50)
  const all: Outcome[] = []
  for (let id = 1; id <= 500; id++) {
    const outcome = id % 4 === 1 ? withBytes(id, (id * 7) % 31) : plain(id)
    all.push(outcome)
    add(ring, outcome)
    let bytes = 0
    for (const past of all.slice(-7)) {
      const found = kept(ring, past.id)
      if (found !== undefined) t.same(found, past)
      if (found !== undefined && found !== 'gone' && found.kind === 'answer')
        bytes += found.bytes?.length ?? 0
    }
    if (bytes !== ring.bytes || bytes > 50) t.fail(`${ring.bytes} bytes are said to be ${bytes}`)
  }
})

t.test('all that can be given again is told, the oldest first', async (t) => {
  const ring = new KeptAnswers(3, 10)
  t.same([...ring.all()], [])
  const outcomes = [plain(1), withBytes(2, 6), plain(3, -4), withBytes(4, 6), plain(5)]
  for (const outcome of outcomes) add(ring, outcome)
  t.same(
    [...ring.all()],
    [plain(3, -4), withBytes(4, 6), plain(5)].map((outcome) => ({ ...key(outcome.id), outcome })),
  )
  add(ring, withBytes(6, 6))
  t.same(
    [...ring.all()].map(({ id }) => id),
    [5, 6],
    'not what has lost its bytes',
  )
})

t.test('a ring that was told of a gap is not whole, nor is one that lost bytes', async (t) => {
  const told = new KeptAnswers(9, 10)
  t.ok(told.isWhole)
  told.miss()
  t.notOk(told.isWhole)
  const full = new KeptAnswers(9, 10)
  add(full, withBytes(1, 10))
  t.ok(full.isWhole, 'at the limit')
  add(full, withBytes(2, 1))
  t.notOk(full.isWhole, 'one past it')
  t.equal(full.bytes, 1)
})
