import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { campaign } from './campaign.ts'
import { FAULTS, planOf, type World } from './plan.ts'
import { PLANTS } from './plants.ts'
import { run } from './run.ts'
import { tell } from './shorten.ts'

t.setTimeout(600_000)

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const SEEDS = 10_000

interface Row {
  readonly ok: boolean
  readonly seeds: number
  readonly events: number
  readonly checks: number
  readonly executed: number
  readonly faults: Readonly<Record<string, number>>
}

const files = mkdtempSync(join(tmpdir(), 'uvmem-sim-'))
t.teardown(() => rmSync(files, { recursive: true }))

/** Plays seeds in processes of their own; what is printed when they do not all end well is thrown. */
async function play(...words: readonly string[]): Promise<Row> {
  const json = join(files, 'row.json')
  const env = { ...process.env, NODE_OPTIONS: '' }
  const all = ['--import=tsx', MAIN, '--json', json, ...words]
  await promisify(execFile)(process.execPath, all, { env })
  return JSON.parse(readFileSync(json, 'utf8')) as Row
}

t.test('10,000 seeds: whatever breaks, nothing is lost, doubled, leaked or stuck', async (t) => {
  const { ok, seeds, events, checks, executed, faults } = await play('--seeds', `${SEEDS}`)
  t.ok(ok)
  t.equal(seeds, 10_000)
  t.ok(events > 10_000_000, 'a million of them are a thousand million events')
  t.ok(checks > 1_000_000, 'everything was looked at after each change')
  t.ok(executed > 400_000, 'calls were executed')
  for (const kind of [...FAULTS, 'resumed']) {
    const count = faults[kind] ?? 0
    t.ok(count > 1_000, `${kind}: ${count} times`)
  }
})

t.test('a campaign in parts comes to the same as a whole one', async (t) => {
  const whole = await play('--seeds', '250', '--seed', '5', '--workers', '1')
  const shared = await play('--seeds', '250', '--seed', '5', '--workers', '3')
  const { story: _, ...alone } = await campaign({ from: 5, seeds: 250 })
  t.match(whole, alone)
  t.match(shared, alone)
  const early = await play('--seeds', '900', '--events', '1000', '--workers', '1')
  t.equal(early.seeds, 200, 'enough events end it after the part in which they were')
})

t.test('what went wrong once goes well', async (t) => {
  const world: World = {
    ...{ seed: 612, durable: true, ledgerBytes: 2_000, poolPages: 9, hvWindow: 64, uvWindow: 1 },
    ...{ protocols: ['json', 'bin'] as const, secureUnits: 64 },
  }
  const acts = [
    { at: 127, act: { do: 'guest', vm: 3, what: 'unshare', page: 4 } },
    { at: 347, act: { do: 'guest', vm: 2, what: 'unshare', page: 1 } },
    { at: 443, act: { do: 'stranger', what: 'reorder', page: 0 } },
    { at: 493, act: { do: 'crash-hv', power: true, downMs: 122 } },
    { at: 842, act: { do: 'crash-hv', power: true, downMs: 166 } },
  ] as const
  const { finding, faults } = await run({ world, acts })
  t.equal(finding, undefined, 'a call that had come, and was held back, when the power went')
  t.equal(faults['crash-hv'], 2)
})

t.test(
  'an ultracall that was answered at once, as another one ended, is read again so',
  async (t) => {
    const world: World = {
      ...{ seed: 291_422, durable: true, ledgerBytes: 2 ** 24, poolPages: 20, hvWindow: 64 },
      ...{ uvWindow: 64, protocols: ['json', 'json'] as const, secureUnits: 64 },
    }
    const acts = [
      { at: 262, act: { do: 'delay', latencyMs: 52, ms: 172 } },
      { at: 315, act: { do: 'stranger', what: 'lie', page: 4 } },
      { at: 393, act: { do: 'stranger', what: 'own-vm', page: 2 } },
      { at: 1_002, act: { do: 'crash-hv', power: false, downMs: 38 } },
    ] as const
    const { finding, faults } = await run({ world, acts })
    t.equal(finding, undefined, 'the ledger is taken, and the server starts')
    t.equal(faults['crash-hv'], 1)
  },
)

t.test('a seed is the same every time, and another one is not', async (t) => {
  const first = await run(planOf(11))
  const again = await run(planOf(11))
  const other = await run(planOf(12))
  t.ok(first.messages > 50)
  t.same(again, first)
  t.not(other.fingerprint, first.fingerprint)
})

t.test('a defect that is planted is found, and told in a short story', async (t) => {
  for (const { what, plant } of PLANTS) {
    const putBack = plant()
    try {
      const { story, seeds } = await campaign({ from: 1, seeds: 400 })
      t.ok(story !== undefined, `${what}: found with seed ${seeds}`)
      if (story === undefined) continue
      t.ok(story.plan.acts.length <= 12, tell(story).join('\n'))
    } finally {
      putBack()
    }
  }
  const { story } = await campaign({ from: 1, seeds: 40 })
  t.equal(story, undefined, 'without them nothing is found')
})

t.test(
  'a stranger that nothing but ownership keeps out is found out when that is gone',
  async (t) => {
    let found: string | undefined
    for (let seed = 1; seed <= 60 && found === undefined; seed++) {
      const plan = planOf(seed)
      // Before a guest's first boot its VM is anybody's.
      const acts = [
        { at: 0.5, act: { do: 'stranger', what: 'foreign', page: seed } as const },
        ...plan.acts,
      ]
      const result = await run({ world: { ...plan.world, isOpen: true }, acts })
      found = result.finding
    }
    t.match(found, /a stranger was answered/)
  },
)
