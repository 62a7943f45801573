/** Of many events few are told of. */
import t from 'tap'
import { FewTold } from '../../src/lib/few-told.ts'

t.test('the first ones are told in full, then their number each time it has doubled', async (t) => {
  const told = new FewTold(5)
  const all = Array.from({ length: 40 }, () => told.next())
  t.same(all.slice(0, 5), ['full', 'full', 'full', 'full', 'full'], 'at the limit')
  t.equal(all[5], 'nothing', 'one past it')
  t.same(
    all.flatMap((how, at) => (how === 'sum' ? [at + 1] : [])),
    [8, 16, 32],
  )
  t.equal(told.count, 40)
})

t.test('a limit that is a power of two is told of once', async (t) => {
  const told = new FewTold(8)
  const all = Array.from({ length: 16 }, () => told.next())
  t.equal(all.filter((how) => how === 'full').length, 8)
  t.same(all.slice(8), [...Array(7).fill('nothing'), 'sum'])
})

t.test('a million events are some thirty lines', async (t) => {
  const told = new FewTold(16)
  let lines = 0
  for (let n = 0; n < 1_000_000; n++) if (told.next() !== 'nothing') lines++
  t.equal(lines, 16 + 15)
  t.equal(told.count, 1_000_000, 'all are counted')
})
