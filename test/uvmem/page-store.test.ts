/** The store of contents by itself: tags beside bytes, who looks at a page, chunks that follow a rule. */
import t from 'tap'
import { PageStore } from '../../src/uvmem/page-store.ts'

const bytes = (byte: number): Uint8Array => new Uint8Array(65_536).fill(byte)

t.test('a tag and zeros are read in each way, and nobody has to say that he is done', async (t) => {
  const store = new PageStore()
  store.set(3, 7n)
  store.fillTags(1_024, 1_024, 100n, 2n)
  for (const [n, want] of [
    [3, 7n],
    [4, null],
    [1_030, 112n],
    [5_000, null],
  ] as const) {
    t.equal(store.get(n), want)
    t.equal(store.glance(n), want)
    t.equal(store.lend(n), want)
    store.settle(n, want)
    t.equal(store.get(n), want, 'it stays')
  }
})

t.test(
  'a page that somebody looks at is not used again; one of whom all are done is',
  async (t) => {
    const store = new PageStore()
    store.set(1, bytes(1))
    const lent = store.lend(1)
    store.settle(1, bytes(1))
    store.set(1, null)
    store.set(2, bytes(2))
    t.not(store.glance(2), lent, 'another page that was given back is not this one')
    t.equal(lent instanceof Uint8Array && lent[0], 1)
    const next = store.lend(2)
    store.settle(2, next)
    store.set(2, null)
    store.set(4, bytes(4))
    t.equal(store.glance(4), next, 'its memory is taken for the next page')
  },
)

t.test('pages that are renewed are zeros, whether they were tags by rule or bytes', async (t) => {
  const store = new PageStore()
  store.fillTags(0, 2_048, 1n, 1n)
  store.set(1_500, bytes(1))
  store.renewRun(0, 2_000)
  t.same(
    [0, 1_023, 1_024, 1_500, 1_999, 2_000, 2_047].map((n) => store.get(n)),
    [null, null, null, null, null, 2_001n, 2_048n],
  )
  t.same([...store.entries()].length, 48)
})

t.test('a chunk by rule with one page changed has 1,024 pages', async (t) => {
  const store = new PageStore()
  store.fillTags(1_024, 1_024, 1n, 1n)
  store.set(1_027, null)
  const entries = [...store.entries()]
  t.equal(entries.length, 1_023)
  t.equal(entries.at(-1)?.at, 2_047, 'none of them behind its end')
  store.fillTags(1_024, 1_024, 5n, 1n)
  t.same([...store.entries()], [{ at: 1_024, first: 5n, step: 1n, live: 1_024 }])
})

t.test('of pages that follow a rule nothing is kept when all were dropped', async (t) => {
  const store = new PageStore()
  store.fillTags(0, 2_048, 1n, 1n)
  store.dropRun(100, 1_024)
  t.same(
    [...store.entries()],
    [
      { at: 0, first: 1n, step: 1n, live: 100 },
      { at: 1_024, first: 1_025n, step: 1n, live: 924 },
    ],
  )
  store.dropRun(0, 100)
  store.dropRun(1_124, 924)
  t.same([...store.entries()], [])
})
