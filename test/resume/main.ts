/**
 * `npm run resume -- [--calls 1000000] [--cuts 20000] [--seed N] [--content tag|bytes]
 * [--json FILE]`
 *
 * Random calls over connections that break, half in each subprotocol. Exit 0: none was lost, none was
 * executed twice, and hypervisor and ultravisor agree at the end; 1: not so; 2: bad usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { run } from './resume-run.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000000' },
    cuts: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    content: { type: 'string', default: 'tag' },
    json: { type: 'string' },
  },
})
const calls = Number(values.calls)
const cuts = Number(values.cuts)
const seed = Number(values.seed)
const { content } = values

process.exitCode = await main()

async function main(): Promise<number> {
  const isFit = [calls, cuts, seed].every((value) => Number.isSafeInteger(value) && value >= 0)
  if (!isFit || (content !== 'tag' && content !== 'bytes')) {
    console.error('--calls, --cuts and --seed are integers, --content is tag or bytes')
    return 2
  }
  console.log(`seed ${seed}`)
  const began = performance.now()
  let isWrong = false
  for (const protocol of ['json', 'bin'] as const) {
    const since = process.cpuUsage()
    const { wrong, ...figures } = await run({
      protocol,
      seed,
      calls: Math.ceil(calls / 2),
      cuts: Math.ceil(cuts / 2),
      contentMode: content,
      progress: (made, broken) => {
        if (made % 100_000 === 0) console.log(`  ${made} calls, ${broken} cuts`)
      },
    })
    const { user, system } = process.cpuUsage(since)
    const seconds = ((user + system) / 1e6).toFixed(1)
    console.log(`${protocol}: ${JSON.stringify(figures)}, ${seconds} s of CPU`)
    for (const line of wrong) console.log(`  WRONG: ${line}`)
    isWrong ||= wrong.length > 0
  }
  console.log(isWrong ? `not so: seed ${seed}` : 'none lost, none twice, both sides agree')
  if (values.json !== undefined) {
    const figure = {
      id: 'resume',
      promise: 'Each call is executed once, and has its answer; both sides agree at the end',
      fault: `connections cut, delayed, late or dead on one side: ${cuts} times, at random bytes`,
      ...{ count: calls, cuts, seed, durationMs: Math.round(performance.now() - began) },
      ok: !isWrong,
    }
    writeFileSync(values.json, `${JSON.stringify(figure, undefined, 2)}\n`)
  }
  return isWrong ? 1 : 0
}
