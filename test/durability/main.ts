/**
 * `npm run durability -- [--kills N] [--servers N] [--seed N] [--json FILE]`
 *
 * Kills durable servers under load, so many times in all, and tells whether anything that was
 * acknowledged is lost. Exit 0 when nothing is, 1 otherwise, 2 bad usage.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runKills } from './kill-run.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '2000' },
    servers: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    json: { type: 'string' },
  },
})
const [kills, servers, seed] = [values.kills, values.servers, values.seed].map(Number) as [
  number,
  number,
  number,
]
const SCRIPT = fileURLToPath(new URL('../../src/bin/uvmem.js', import.meta.url))

process.exitCode = await run()

async function run(): Promise<number> {
  if (![kills, servers].every((value) => Number.isInteger(value) && value >= 1)) {
    console.error('--kills and --servers are integers from 1 on')
    return 2
  }
  const began = performance.now()
  const killed = (count: number): void => {
    if (count % 100 === 0) console.log(`${count} kills`)
  }
  const result = await runKills({ program: { words: [SCRIPT] }, kills, servers, seed, killed })
  const durationMs = Math.round(performance.now() - began)
  const ok = result.wrong.length === 0
  const { acknowledged, startMs } = result
  console.log(
    `${result.kills} kills, ${acknowledged} acknowledged calls, ready again after ${startMs.median} ms (${startMs.max} at most), seed ${seed}: ${ok ? 'nothing is lost' : 'WRONG'}`,
  )
  for (const wrong of result.wrong) console.error(wrong)
  if (values.json !== undefined) {
    const figure = {
      id: 'durability',
      promise: 'Nothing that was acknowledged is lost',
      fault: 'kill -9 (one in ten: SIGTERM) of a durable server under load',
      ...{ count: result.kills, acknowledged, startMs, seed, durationMs, ok },
    }
    writeFileSync(values.json, `${JSON.stringify(figure, undefined, 2)}\n`)
  }
  return ok ? 0 : 1
}
