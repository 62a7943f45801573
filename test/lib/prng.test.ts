/** The seeded generator, and the checks that only we can fail. */
import t from 'tap'
import { InvariantError, invariant, present, unreachable } from '../../src/lib/assert.ts'
import { prng } from '../../src/lib/prng.ts'

t.test('the same seed gives the same sequence, another one another', async (t) => {
  const draw = (seed: number): number[] => {
    const { int } = prng(seed)
    return Array.from({ length: 20 }, () => int(1_000))
  }
  t.same(draw(7), draw(7))
  t.notSame(draw(7), draw(8))
  t.ok(
    draw(0).some((n) => n !== 0),
    'seed 0 is a seed',
  )
})

t.test('numbers lie in their range and reach its ends', async (t) => {
  const { int, real } = prng(1)
  const seen = new Set(Array.from({ length: 500 }, () => int(4)))
  t.same(
    [...seen].sort((a, b) => a - b),
    [0, 1, 2, 3],
  )
  t.ok(Array.from({ length: 500 }, real).every((n) => n >= 0 && n < 1))
  t.equal(int(1), 0)
})

t.test('a broken rule throws an InvariantError that says what should have held', async (t) => {
  invariant(true, 'fine')
  t.throws(() => invariant(false, 'a rule'), new InvariantError('a rule'))
  t.equal(present(0, 'a number'), 0)
  t.throws(() => present(undefined, 'a number'), new InvariantError('missing: a number'))
  t.throws(() => unreachable('x' as never), new InvariantError('unreachable: x'))
})
