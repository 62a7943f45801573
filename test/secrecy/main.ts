/**
 * `npm run secrecy -- [--moves N] [--seed S] [--bytes PERCENT] [--json FILE]`
 *
 * `--bytes`: of a hundred rounds, how many are of pages of bytes; each of these leaves its 64 KiB in the
 * record and on the wire, so that there are fewer of them where more than 20,000 pages move.
 * Exit 0: no secret was found anywhere and each planted leak was; 1: otherwise; 2: bad usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runSecrecy, type SecrecyReport } from './run.ts'

const { values } = parseArgs({
  options: {
    moves: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    bytes: { type: 'string' },
    json: { type: 'string' },
  },
})
/** Percent of rounds with pages of bytes, and the number of moves up to which it is that. */
const [bytesMost, manyMoves] = [25, 20_000]
const [moves = 0, seed] = [values.moves, values.seed].map(Number)
const bytesPercent = Number(
  values.bytes ?? Math.max(1, Math.min(bytesMost, Math.round((bytesMost * manyMoves) / moves))),
)
if (!(Number(moves) >= 1 && Number(seed) >= 0 && Number(bytesPercent) >= 0)) {
  console.error('--moves, --seed and --bytes: numbers')
  process.exit(2)
}

const tableOf = ({ places }: SecrecyReport): string =>
  places
    .map(({ place, bytes, secrets, planted, forms }) =>
      [
        place.padEnd(26),
        `${(bytes / 1e6).toFixed(1).padStart(10)} MB`,
        `${secrets} secrets`,
        planted ? 'planted leak found' : 'PLANTED LEAK NOT FOUND',
        forms.join('; '),
      ].join('  '),
    )
    .join('\n')

const began = performance.now()
const report = await runSecrecy({
  moves: moves ?? 0,
  seed: seed ?? 0,
  bytesPercent: bytesPercent ?? 0,
  looks: 10,
  tell: (line) => console.log(line),
})
const ok = report.places.every(({ secrets, planted }) => secrets === 0 && planted)
console.log(
  `\n${report.moves} moves, seed ${report.seed}\n${tableOf(report)}\n${ok ? 'ok' : 'FAILED'}`,
)
if (values.json !== undefined) {
  const figure = {
    id: 'secrecy',
    promise:
      'No secret of a guest is in anything that the hypervisor sees; a planted leak is found',
    fault: 'wire, log, journal, metrics, REST, snapshots, state, record, heap and memory searched',
    ...{ count: report.moves, durationMs: Math.round(performance.now() - began) },
  }
  writeFileSync(values.json, `${JSON.stringify({ ...figure, ...report, ok }, undefined, 2)}\n`)
}
process.exitCode = ok ? 0 : 1
