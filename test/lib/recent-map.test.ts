import fc from 'fast-check'
import t from 'tap'
import { RecentMap } from '../../src/lib/recent-map.ts'

t.test('what was found last is found again until it is set, deleted or cleared', async (t) => {
  const map = new RecentMap<number, string>()
  t.equal(map.get(7), undefined)
  map.set(7, 'a')
  t.equal(map.get(7), 'a', 'that it was missing is not remembered')
  map.set(7, 'b')
  t.equal(map.get(7), 'b')
  map.delete(7)
  t.equal(map.get(7), undefined)
  map.set(7, 'c')
  t.equal(map.get(7), 'c')
  map.clear()
  t.equal(map.get(7), undefined)
  t.equal(map.has(7), false)
})

t.test('it does what a Map does', async (t) => {
  const step = fc.tuple(fc.constantFrom('get', 'set', 'delete', 'clear'), fc.nat(3), fc.nat(99))
  const same = fc.property(fc.array(step), (steps) => {
    const map = new Map<number, number>()
    const ours = new RecentMap<number, number>()
    for (const [verb, key, value] of steps) {
      if (verb === 'set') for (const each of [map, ours]) each.set(key, value)
      else if (verb === 'delete') for (const each of [map, ours]) each.delete(key)
      else if (verb === 'clear') for (const each of [map, ours]) each.clear()
      if (ours.get(key) !== map.get(key) || ours.has(key) !== map.has(key)) return false
    }
    return (
      ours.size === map.size &&
      JSON.stringify([...ours]) === JSON.stringify([...map]) &&
      JSON.stringify([...ours.keys()]) === JSON.stringify([...map.keys()]) &&
      JSON.stringify([...ours.values()]) === JSON.stringify([...map.values()])
    )
  })
  t.doesNotThrow(() => fc.assert(same, { numRuns: 500 }))
})
