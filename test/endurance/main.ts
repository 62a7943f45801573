/**
 * `npm run soak -- [--minutes N] [--only soak,overload,sigterm] [--times N] [--seed S] [--json FILE]`
 *
 * How a server bears load, for long and too much of it, and how it ends under it. Without `--only` the
 * soak alone. Exit 0 when every promise was kept, 1 when one was broken, 2 on bad usage.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { enduranceRuns } from './figures.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    times: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(1 + (Date.now() % 2 ** 30)) },
    only: { type: 'string', default: 'soak' },
    json: { type: 'string' },
  },
})
const SCRIPT = fileURLToPath(new URL('../../src/bin/uvmem.js', import.meta.url))

process.exitCode = await main()

async function main(): Promise<number> {
  const [minutes = 0, times = 0, seed = 0] = [values.minutes, values.times, values.seed].map(Number)
  const only = values.only.split(',')
  const known = enduranceRuns.map(({ name }) => name)
  if (!(minutes > 0 && Number.isInteger(times) && times > 0 && Number.isSafeInteger(seed))) {
    console.error('--minutes is a number above 0, --times and --seed are integers')
    return 2
  }
  if (only.some((name) => !known.includes(name))) {
    console.error(`--only: of ${known.join(', ')}`)
    return 2
  }
  console.log(`seed ${seed}`)
  const tell = (line: string): void => console.log(`  ${line}`)
  const wish = { seconds: minutes * 60, times, seed, program: { words: [SCRIPT] }, tell }
  const figures = []
  for (const { name, run } of enduranceRuns) {
    if (!only.includes(name)) continue
    const figure = await run(wish)
    console.log(
      `${figure.ok ? 'kept  ' : 'BROKEN'} ${figure.id}: ${figure.count}\n${figure.detail}`,
    )
    figures.push(figure)
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(figures, undefined, 2)}\n`)
  }
  return figures.every(({ ok }) => ok) ? 0 : 1
}
