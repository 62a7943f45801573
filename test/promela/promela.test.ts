/** A second opinion: the protocol written by hand in Promela reaches as many states as the checker. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type ActName, type CheckWorld, worldNamed } from '../../src/lab/check/check-world.ts'
import { type Live, newSetup } from '../../src/lab/check/live.ts'
import { Search } from '../../src/lab/check/search.ts'
import { present } from '../../src/lib/assert.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { stateOfWord } from '../../src/uvmem/frame-state.ts'
import { stateWordAt } from '../../src/uvmem/mapping.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'

const MODEL = fileURLToPath(new URL('./core.pml', import.meta.url))
const GUEST: readonly ActName[] = ['esm', 'load', 'share', 'unshare']

interface Configuration {
  readonly why: string
  readonly flags: readonly string[]
  readonly acts: readonly ActName[]
  readonly resets: number
  /** States at rest, counted by hand: one before the switch, then each frame on its own. */
  readonly states: number
}

const CONFIGURATIONS: readonly Configuration[] = [
  {
    why: 'page-outs, shares and a reboot: 1 + 3 * 3',
    flags: ['-DPOOL=2', '-DEARLY', '-DRESET'],
    acts: [...GUEST, 'touch', 'reset'],
    resets: 1,
    states: 10,
  },
  {
    why: 'a host that takes shared pages back: 1 + 4 * 4',
    flags: ['-DPOOL=2', '-DEARLY', '-DRECLAIM'],
    acts: [...GUEST, 'touch', 'reclaim'],
    resets: 0,
    states: 17,
  },
]

/** What the model knows of a state. */
function abstractOf(live: Live): string {
  const [lpid] = live.memories.keys()
  const vm = present(live.host.vms.get(present(lpid, 'an LPID')), 'the VM')
  const svm = live.uv.svms.get(vm.lpid)
  const frames = live.setup.gfns.map(
    (gfn) => `${stateOfWord(stateWordAt(vm, gfn))}/${svm?.frames.state(gfn) ?? 0}`,
  )
  return [vm.secureGuest, svm?.state ?? '-', ...frames].join(' ')
}

function statesOfChecker(
  t: Test,
  { acts, resets }: Configuration,
): { states: Set<string>; all: number } {
  const thread = present(worldNamed('thread'), 'a world')
  const world: CheckWorld = { ...thread, acts, budgets: { ...thread.budgets, resets } }
  const setup = newSetup(world, HV_PROFILES.spec, UV_PROFILES.spec, 'necessary')
  const search = new Search(setup, { statesMax: 400_000, bytesMax: 1e9, findingsMax: 1 })
  const states = new Set<string>()
  search.onState = (live) => {
    if (live.isQuiet) states.add(abstractOf(live))
  }
  const { end, states: all } = search.run()
  t.equal(end, 'exhausted', 'the checker has seen all')
  return { states, all }
}

/** Runs a program; its output, or undefined when it is not installed. */
function output(folder: string, program: string, words: readonly string[]): string | undefined {
  const { error, stdout } = spawnSync(program, [...words], { cwd: folder, encoding: 'utf8' })
  return error === undefined ? stdout : undefined
}

function statesOfSpin({ flags }: Configuration): number | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'uvmem-promela-'))
  try {
    if (output(folder, 'spin', [...flags, '-a', MODEL]) === undefined) return undefined
    if (output(folder, 'cc', ['-DNOREDUCE', '-o', 'pan', 'pan.c']) === undefined) return undefined
    const told = output(folder, join(folder, 'pan'), ['-m100000']) ?? ''
    return Number(/(\d+) states, stored/.exec(told)?.[1])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const configuration of CONFIGURATIONS) {
  t.test(`Promela and the checker agree: ${configuration.why}`, async (t) => {
    const { states, all } = statesOfChecker(t, configuration)
    t.equal(states.size, configuration.states, `at rest, of ${all} states in all`)
    const spin = statesOfSpin(configuration)
    if (spin === undefined) {
      t.comment('spin or a C compiler is not installed: the second opinion is left out')
      return
    }
    t.equal(spin, configuration.states, 'as many in the Promela model')
  })
}
