/**
 * `npm run agreement -- [--steps N] [--seed N] [--defect SIDE.SWITCH] [--json FILE]`
 *
 * Joins the two cores and lets random guests, VMMs and hosts loose on them. Without `--defect`: spec
 * with spec, in which nothing may go wrong, then linux-6 with firmware, in which whatever goes wrong
 * must need a known defect. With it: spec with spec and that one defect, and the shortest way to see
 * it. Exit 0 as expected, 1 otherwise, 2 bad usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { type Defect, defects, leave } from './play.ts'
import { census, nameOf, type Search, search, tell } from './search.ts'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    defect: { type: 'string' },
    json: { type: 'string' },
  },
})
const steps = Number(values.steps)
const seed = Number(values.seed)
const SPEC = { hv: HV_PROFILES.spec, uv: UV_PROFILES.spec, seed, steps }
const REAL = {
  hv: HV_PROFILES['linux-6'],
  uv: UV_PROFILES.firmware,
  seed,
  steps: Math.ceil(steps / 10),
}

process.exitCode = run()

function run(): number {
  if (!Number.isSafeInteger(steps) || steps < 1 || !Number.isSafeInteger(seed)) {
    console.error(`--steps and --seed are integers; got ${values.steps} and ${values.seed}`)
    return 2
  }
  if (values.defect === undefined) return showBoth()
  const known = defects().find((defect) => nameOf([defect]) === values.defect)
  if (known !== undefined) return showDefect(known)
  console.error(`no defect ${values.defect}; there are:`)
  for (const defect of defects()) console.error(`  ${nameOf([defect])}`)
  return 2
}

function showBoth(): number {
  const began = performance.now()
  const code = Math.max(showSpec(), showReal())
  if (values.json !== undefined) {
    const figure = {
      id: 'agreement',
      promise: 'Hypervisor and ultravisor agree on every frame; nothing leaks, nothing is lost',
      fault: 'random guests, VMMs and hosts, memory short; what goes wrong needs a known defect',
      ...{ count: steps, seed, durationMs: Math.round(performance.now() - began), ok: code === 0 },
    }
    writeFileSync(values.json, `${JSON.stringify(figure, undefined, 2)}\n`)
  }
  return code
}

function report(title: string, done: number, since: number): void {
  const seconds = (Date.now() - since) / 1000
  console.log(`${title}: ${done} steps in ${seconds.toFixed(1)} s, seed ${seed}`)
}

function showSpec(): number {
  const since = Date.now()
  const { steps: done, shortest } = search(SPEC)
  report('spec + spec', done, since)
  if (shortest === undefined) {
    console.log('  no disagreement, no leak, nothing lost')
    return 0
  }
  console.log(tell(shortest).join('\n'))
  return 1
}

function showReal(): number {
  const since = Date.now()
  const { steps: done, findings, byDefects, unexplained } = census(REAL)
  report('linux-6 + firmware', done, since)
  console.log(`  ${findings} runs went wrong, each for a known defect of the real code:`)
  for (const [name, { finding }] of byDefects) console.log(`  ${name}: ${finding.what}`)
  if (unexplained === undefined) return 0
  console.log(`  and one for no defect that is known:`)
  console.log(tell(unexplained).join('\n'))
  return 1
}

function showDefect(defect: Defect): number {
  const wish: Search = { ...SPEC, ...leave(defect) }
  const since = Date.now()
  const { steps: done, shortest } = search(wish)
  report(`spec + spec with ${nameOf([defect])}`, done, since)
  if (shortest === undefined) {
    console.log('  valid guests, VMMs and hosts do not meet it')
    return 1
  }
  console.log(tell(shortest).join('\n'))
  return 0
}
