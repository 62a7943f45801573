/** Objects in a row that know the next one: their order, and what one that has left it knows. */
import t from 'tap'
import { Chain, type Link } from '../../src/lib/chain.ts'

interface Named extends Link<Named> {
  readonly name: string
}
const named = (name: string): Named => ({ name, next: undefined })
const namesOf = (chain: Chain<Named>): readonly string[] => [...chain].map(({ name }) => name)

t.test('first in, first out, also when it was empty in between', async (t) => {
  const chain = new Chain<Named>()
  t.same([chain.first, chain.shift(), chain.length], [undefined, undefined, 0])
  for (const name of ['a', 'b', 'c']) chain.push(named(name))
  t.same([chain.first?.name, chain.length, namesOf(chain)], ['a', 3, ['a', 'b', 'c']])
  t.equal(chain.shift()?.name, 'a')
  t.same([chain.first?.name, namesOf(chain)], ['b', ['b', 'c']])
  t.same([chain.shift()?.name, chain.shift()?.name, chain.shift()], ['b', 'c', undefined])
  t.same([chain.first, chain.length, namesOf(chain)], [undefined, 0, []])
  chain.push(named('d'))
  t.same([chain.first?.name, chain.length], ['d', 1])
})

t.test('what was taken knows nobody, and can go into another chain', async (t) => {
  const [from, to] = [new Chain<Named>(), new Chain<Named>()]
  for (const name of ['a', 'b']) from.push(named(name))
  const taken = from.shift()
  t.equal(taken?.next, undefined)
  if (taken !== undefined) to.push(taken)
  t.same([namesOf(from), namesOf(to)], [['b'], ['a']])
})
