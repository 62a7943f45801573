/**
 * `npm run sim -- [--seeds N] [--seed S] [--events N] [--workers N] [--json FILE]`
 *
 * Plays the whole system in one process, with virtual network, clock and disk: everything that happens
 * follows from a seed. `--seed` alone plays that one, tells its story and that it is the same twice; with
 * `--seeds` it is the first of so many, so that a long run can be made in parts. Seeds are shared by a
 * process for each core, or `--workers`. Exit 0 when nothing goes wrong, 1 otherwise, 2 bad usage.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { playTogether } from './crew.ts'
import { FAULTS, planOf, sentenceOf } from './plan.ts'
import { run } from './run.ts'
import { tell } from './shorten.ts'
import type { Summary } from './summary.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    events: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'string' },
  },
})

/** Seeds from one line to the next. */
const TELL_EVERY = 10_000

/** A count or a seed; 0 for anything else. */
const numberOf = (text: string): number => (/^[1-9][0-9]{0,11}$/.test(text) ? Number(text) : 0)

process.exitCode = await main()

async function main(): Promise<number> {
  const { seed, seeds, events, workers, json } = values
  const wrong = Object.entries({ seed, seeds, events, workers }).find(
    ([, text]) => text !== undefined && numberOf(text) === 0,
  )
  if (wrong !== undefined) {
    console.error(`--${wrong[0]} is a number from 1 to 999999999999; got ${wrong[1]}`)
    return 2
  }
  if (seed !== undefined && seeds === undefined) return await showOne(numberOf(seed))
  const from = numberOf(seed ?? '1')
  const since = performance.now()
  let told = 0
  const summary = await playTogether({
    from,
    seeds: numberOf(seeds ?? (events === undefined ? '10000' : '999999999999')),
    ...(events === undefined ? {} : { events: numberOf(events) }),
    workers: workers === undefined ? availableParallelism() : numberOf(workers),
    progress: ({ seeds: done, events: happened, story }) => {
      if (done - told < TELL_EVERY || story !== undefined) return
      told = done
      console.log(`${done} seeds, ${happened} events, nothing went wrong`)
    },
  })
  const durationMs = Math.round(performance.now() - since)
  show(summary, durationMs)
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify(rowOf(summary, from, durationMs))}\n`)
  return summary.story === undefined ? 0 : 1
}

/** What the table of promises shows of it. */
function rowOf({ story, ...counts }: Summary, seed: number, durationMs: number) {
  return {
    id: 'simulation',
    promise:
      'no invariant breaks, no call is lost or executed twice, nobody reaches what is not theirs',
    fault:
      'delays, cuts, crashes of both sides, slow readers, disk errors, refusals, clocks, a liar',
    count: counts.seeds,
    also: { events: counts.events, faults: faultsOf(counts) },
    seed,
    durationMs,
    ok: story === undefined,
    ...counts,
  }
}

/** Faults of all classes; that a session was resumed is none. */
function faultsOf({ faults }: Pick<Summary, 'faults'>): number {
  return FAULTS.reduce((sum, kind) => sum + (faults[kind] ?? 0), 0)
}

function show({ story, faults, ...counts }: Summary, durationMs: number): void {
  const { seeds, events, messages, executed, checks } = counts
  console.log(
    `${seeds} seeds in ${(durationMs / 1000).toFixed(1)} s: ${events} events, ${messages} messages,`,
  )
  console.log(`  ${executed} calls executed, everything looked at ${checks} times after a change`)
  console.log(
    `  faults: ${Object.entries(faults)
      .map(([kind, n]) => `${kind} ${n}`)
      .join(', ')}`,
  )
  if (story === undefined) console.log('  nothing went wrong')
  else console.log(['', 'The shortest story:', ...tell(story)].join('\n'))
}

async function showOne(seed: number): Promise<number> {
  const plan = planOf(seed)
  const first = await run(plan)
  const second = await run(plan)
  console.log(plan.acts.map(sentenceOf).join('\n'))
  console.log(
    `${first.events} events, ${first.messages} messages, fingerprint ${first.fingerprint}`,
  )
  const isSame = first.fingerprint === second.fingerprint
  console.log(isSame ? 'a second run is the same' : `a second run differs: ${second.fingerprint}`)
  if (first.finding !== undefined) console.log(`wrong: ${first.finding}`)
  return isSame && first.finding === undefined ? 0 : 1
}
