import t from 'tap'
import { endedAfter } from '../../src/hv/journal-ended.ts'
import { JournalNames } from '../../src/hv/journal-names.ts'
import { JournalRing } from '../../src/hv/journal-ring.ts'

const HYPERCALL = 0
const DONE = 1
const all = (): boolean => true

const ring = (capacity: number) => {
  const made = new JournalRing(new JournalNames(), capacity)
  const begin = () => made.begin(HYPERCALL, 0, 1, -1, 0, 0)
  return { made, begin, end: (serial: number) => made.finish(serial, DONE, 0, 0) }
}

t.test('events come in the order in which they ended, and open ones not at all', async (t) => {
  const { made, begin, end } = ring(8)
  for (let i = 0; i < 5; i++) begin()
  for (const serial of [3, 1, 5, 2]) end(serial)
  t.same(endedAfter(made, all, 0, 9), { serials: [3, 1, 5, 2], orders: [1, 2, 3, 4], lost: 0 })
  t.same(endedAfter(made, all, 2, 9).serials, [5, 2], 'after the second end')
  t.same(endedAfter(made, all, 4, 9), { serials: [], orders: [], lost: 0 })
  t.equal(made.orderOf(4), 0, 'it is open')
  end(4)
  t.same(endedAfter(made, all, 4, 9), { serials: [4], orders: [5], lost: 0 })
})

t.test('what the limit or the ring leaves out is counted', async (t) => {
  const { made, begin, end } = ring(4)
  for (let i = 0; i < 7; i++) end(begin())
  t.same(endedAfter(made, all, 0, 9), { serials: [4, 5, 6, 7], orders: [4, 5, 6, 7], lost: 3 })
  t.same(endedAfter(made, all, 0, 2), { serials: [6, 7], orders: [6, 7], lost: 5 })
  const even = (serial: number): boolean => serial % 2 === 0
  t.same(endedAfter(made, even, 3, 9), { serials: [4, 6], orders: [4, 6], lost: 0 })
  t.same(endedAfter(made, all, 6, 0), { serials: [], orders: [], lost: 1 })
})

t.test('an empty journal has nothing to tell', async (t) => {
  t.same(endedAfter(ring(4).made, all, 0, 9), { serials: [], orders: [], lost: 0 })
})
