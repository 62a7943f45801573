/** A line in which things wait: their order, and that what has left it is gone. */
import t from 'tap'
import { WaitingLine } from '../../src/lib/waiting-line.ts'
import { heapBytes } from '../hostile/heap.ts'

t.test('first come, first served, also when the line was empty in between', async (t) => {
  const line = new WaitingLine<string>()
  t.equal(line.take(), undefined)
  line.add('a')
  line.add('b')
  t.equal(line.length, 2)
  t.equal(line.take(), 'a')
  line.add('c')
  t.same([line.take(), line.take(), line.take(), line.length], ['b', 'c', undefined, 0])
  line.add('d')
  t.same([line.length, line.take(), line.length], [1, 'd', 0])
})

t.test('what waits may be undefined: it counts like anything else', async (t) => {
  const line = new WaitingLine<number | undefined>()
  line.add(undefined)
  line.add(7)
  t.same([line.length, line.take(), line.length, line.take()], [2, undefined, 1, 7])
})

t.test('what was taken is let go, also when the line is never empty', async (t) => {
  const line = new WaitingLine<number[]>()
  const big = (): number[] => new Array<number>(1_000).fill(0)
  line.add(big())
  const before = await heapBytes()
  let taken = 0
  for (let n = 0; n < 10_000; n++) {
    line.add(big())
    taken += line.take()?.length ?? 0
  }
  const grown = (await heapBytes()) - before
  t.equal(taken, 10_000_000)
  t.equal(line.length, 1)
  t.ok(grown < 8_000_000, `${grown} bytes are kept of 80,000,000`)
})
