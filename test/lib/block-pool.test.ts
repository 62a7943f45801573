import fc from 'fast-check'
import t from 'tap'
import { type Block, BlockPool } from '../../src/lib/block-pool.ts'

const block = (byte: number): Uint8Array => new Uint8Array(4).fill(byte)

t.test('a block is a copy, and is used again when it was given back', async (t) => {
  const pool = new BlockPool(4, 8)
  const content = block(1)
  const first = pool.copyOf(content)
  content.fill(9)
  t.same([...first.bytes], [1, 1, 1, 1], 'what it was copied from may change')
  pool.give(first)
  const second = pool.copyOf(block(2))
  t.equal(second.bytes, first.bytes, 'the same memory')
  t.same([...second.bytes], [2, 2, 2, 2])
  t.throws(() => pool.copyOf(new Uint8Array(3)), /fills it/)
  t.throws(() => pool.copyOf(new Uint8Array(5)), /fills it/)
})

t.test('what somebody looks at is never written to again', async (t) => {
  const pool = new BlockPool(4, 8)
  const lent = pool.copyOf(block(1))
  lent.lookers++
  pool.give(lent)
  t.equal(pool.free, 0, 'it does not wait for another use')
  for (let n = 0; n < 100; n++) pool.copyOf(block(2))
  t.same([...lent.bytes], [1, 1, 1, 1])
})

t.test('memory that nobody uses is let go above the limit', async (t) => {
  const pool = new BlockPool(4, 8)
  const blocks = Array.from({ length: 64 }, (_, n) => pool.copyOf(block(n)))
  for (const one of blocks) pool.give(one)
  t.ok(pool.free <= 8, `${pool.free} blocks wait`)
  t.same([...pool.copyOf(block(7)).bytes], [7, 7, 7, 7], 'and it goes on')
})

t.test('no two owners share a block, whatever is taken and given', async (t) => {
  // [0, n] takes; [1, n] gives the n-th back; [2, n] gives it back while it is looked at.
  const step = fc.tuple(fc.constantFrom(0, 0, 1, 2), fc.nat(99))
  let steps = 0
  const holds = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (all) => {
    const pool = new BlockPool(4, 5)
    const owned: [Block, number][] = []
    const seen: [Uint8Array, number][] = []
    for (const [what, n] of all) {
      steps++
      if (what === 0) owned.push([pool.copyOf(block(n)), n])
      else {
        const [entry] = owned.splice(n % Math.max(1, owned.length), 1)
        if (entry === undefined) continue
        if (what === 2) {
          entry[0].lookers++
          seen.push([entry[0].bytes, entry[1]])
        }
        pool.give(entry[0])
      }
      const isWhole = ([bytes, byte]: [Uint8Array, number]) => bytes.every((one) => one === byte)
      if (!owned.every(([one, byte]) => isWhole([one.bytes, byte]))) return false
      if (!seen.every(isWhole)) return false
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 200 }))
  t.ok(steps > 2_000, `${steps} steps`)
})
