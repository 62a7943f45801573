import fc from 'fast-check'
import t from 'tap'
import { IdTable } from '../../src/lib/id-table.ts'

interface Thing {
  readonly id: number
  readonly name: string
}

t.test('a table finds what was added, and only that', async (t) => {
  const table = new IdTable<Thing>()
  table.add({ id: 7, name: 'seven' })
  t.equal(table.get(7)?.name, 'seven')
  t.equal(table.get(8), undefined, 'another id')
  t.equal(table.get(7 + 1_024), undefined, 'another id of the same place')
  t.equal(table.has(7), true)
  t.equal(table.size, 1)
})

t.test('ids that meet in one place all stay', async (t) => {
  const table = new IdTable<Thing>()
  const ids = [5, 5 + 1_024, 5 + 2_048, 2 ** 32 - 1 - 1_018]
  for (const id of ids) table.add({ id, name: String(id) })
  t.same(
    ids.map((id) => table.get(id)?.name),
    ids.map(String),
  )
  t.equal(table.delete(5), true)
  t.equal(table.delete(5), false, 'it is gone already')
  t.equal(table.get(5), undefined)
  t.equal(table.get(5 + 1_024)?.name, String(5 + 1_024), 'the others are still there')
  t.equal(table.size, 3)
})

t.test('values come by their ids, and nothing is left after clear', async (t) => {
  const table = new IdTable<Thing>()
  for (const id of [2_000, 3, 1_027, 976]) table.add({ id, name: '' })
  t.same(
    table.values().map(({ id }) => id),
    [3, 976, 1_027, 2_000],
  )
  table.clear()
  t.same(table.values(), [])
  t.equal(table.size, 0)
  t.equal(table.get(3), undefined)
})

t.test('a table does what a Map does', async (t) => {
  const Step = fc.record({ adds: fc.boolean(), id: fc.integer({ min: 0, max: 3_000 }) })
  const { failed, counterexample } = fc.check(
    fc.property(fc.array(Step, { maxLength: 400 }), (steps) => {
      const table = new IdTable<Thing>()
      const map = new Map<number, Thing>()
      for (const { adds, id } of steps) {
        if (adds && !map.has(id)) {
          const thing = { id, name: `thing ${id}` }
          table.add(thing)
          map.set(id, thing)
        } else if (table.delete(id) !== map.delete(id)) return false
        if (table.size !== map.size || table.get(id) !== map.get(id)) return false
      }
      return table.values().every((thing) => map.get(thing.id) === thing)
    }),
    { numRuns: 300 },
  )
  t.equal(failed, false, counterexample === null ? '300 random histories' : String(counterexample))
})
