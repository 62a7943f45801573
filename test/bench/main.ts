/**
 * `npm run bench -- [--json FILE] [--only ID,…]`
 *
 * Measures this machine and this build: every figure beside its floor, taken in the same run. Exit 0
 * when all was measured, 2 on bad usage. Nothing is asserted here: timings are noisy, ratios less so.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { CORE } from './core.ts'
import { DURABLE } from './durable.ts'
import { FAIRNESS } from './fairness.ts'
import { type Bench, type Row, table } from './row.ts'
import { WATCHED } from './watched.ts'
import { WIRE } from './wire.ts'

const BENCHES: readonly Bench[] = [...CORE, ...WIRE, ...WATCHED, ...FAIRNESS, ...DURABLE]

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } })
const wanted = values.only?.split(',')
const known = BENCHES.flatMap(({ ids }) => ids)
const unknown = wanted?.filter((id) => !known.includes(id)) ?? []
if (unknown.length > 0) {
  console.error(`--only: no bench ${unknown.join(', ')}; there are ${known.join(', ')}`)
  process.exit(2)
}

const rows: Row[] = []
console.log(
  `node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown'}`,
)
for (const bench of BENCHES) {
  if (wanted !== undefined && !bench.ids.some((id) => wanted.includes(id))) continue
  console.log(`… ${bench.what}`)
  rows.push(...(await bench.run()).filter(({ id }) => wanted?.includes(id) ?? true))
}
console.log(`\n${table(rows)}`)
if (values.json !== undefined) {
  const lines = rows.map(({ id, value, unit, floor, ratio }) => ({ id, value, unit, floor, ratio }))
  writeFileSync(values.json, `${JSON.stringify(lines, undefined, 2)}\n`)
}
