/**
 * `npm run fuzz -- [--only wire,sockets,rest,slow] [--messages N] [--requests N] [--sockets N]
 * [--seed S] [--json FILE]`
 *
 * Hostile peers, for longer than the suite has time: exit 0 when every promise was kept, 1 when one
 * was broken (the seed and the shortest story are printed), 2 on bad usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Figure, fuzzers } from './figures.ts'

/** Of the promise: what the figures are published with. */
const DEFAULTS = { messages: '10000000', requests: '2000000', sockets: '5000' }
const USAGE = 2

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  let wishes: ReturnType<typeof read>
  try {
    wishes = read(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    return USAGE
  }
  const { seed, json, only, ...counts } = wishes
  console.log(`seed ${seed}`)
  process.on('uncaughtException', (error) => {
    console.error(`seed ${seed}: nobody caught`, error)
    process.exit(1)
  })
  const figures: Figure[] = []
  for (const { name, run } of fuzzers) {
    if (only !== undefined && !only.includes(name)) continue
    console.log(`… ${name}`)
    figures.push(...(await run({ ...counts, seed, tell: (line) => console.log(`  ${line}`) })))
  }
  for (const { id, ok, count, durationMs, detail } of figures) {
    const seconds = (durationMs / 1_000).toFixed(1)
    console.log(`${ok ? 'kept  ' : 'BROKEN'} ${id}: ${count} in ${seconds} s\n${detail}`)
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(figures, undefined, 2)}\n`)
  return figures.every(({ ok }) => ok) ? 0 : 1
}

function read(args: string[]) {
  const text = { type: 'string' } as const
  const options = {
    only: text,
    messages: text,
    requests: text,
    sockets: text,
    seed: text,
    json: text,
  }
  const { values } = parseArgs({ args, options })
  const count = (name: keyof typeof DEFAULTS): number =>
    wholeOf(name, values[name] ?? DEFAULTS[name])
  const only = values.only?.split(',')
  const unknown = only?.find((each) => !fuzzers.some(({ name }) => name === each))
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: one of ${fuzzers.map(({ name }) => name).join(', ')}`)
  }
  return {
    messages: count('messages'),
    requests: count('requests'),
    sockets: count('sockets'),
    seed: wholeOf('seed', values.seed ?? String(Date.now() % 2 ** 31)),
    json: values.json,
    only,
  }
}

function wholeOf(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} ${text}: a whole number`)
  return value
}
