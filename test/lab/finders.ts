/** What may find that something is wrong: the checker, recordings of the real code, random tests. */
import fc from 'fast-check'
import { worldNamed } from '../../src/lab/check/check-world.ts'
import { newSetup, type Setup } from '../../src/lab/check/live.ts'
import { Search } from '../../src/lab/check/search.ts'
import { type HvInstead, replayHvTrace } from '../../src/lab/recordings/hv-replay.ts'
import type { HvTrace } from '../../src/lab/recordings/hv-trace.ts'
import type { Replay } from '../../src/lab/recordings/result.ts'
import { replayUvTrace, type UvInstead } from '../../src/lab/recordings/uv-replay.ts'
import type { UvTrace } from '../../src/lab/recordings/uv-trace.ts'
import { present } from '../../src/lib/assert.ts'
import { UV_PROFILES, type UvProfile } from '../../src/ultravisor/profile.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import { violationsOf } from '../../src/uvmem/invariants.ts'
import { HV_PROFILES, type HvProfile } from '../../src/uvmem/profile.ts'
import { KnownDefect } from '../../src/uvmem/violation.ts'
import { runProgram } from '../hv/pipeline-run.ts'
import { brokenRules, history, perform, wildHv } from '../ultravisor/random-history.ts'
import { settle } from '../ultravisor/uv-for-test.ts'
import { doRandom, randomLines } from '../uvmem/random-lines.ts'
import { World } from '../uvmem/world.ts'
import { DOUBLES } from './doubles.ts'
import { LOOSE_LOCKS } from './loose-locks.ts'
import type { SeededDefect } from './seeded-defects.ts'

type Wrong = Pick<SeededDefect, 'hv' | 'uv' | 'double'>

/** States within which the checker must find it. */
const statesMax = 20_000
/** A fixed seed: the table says what is found, so it must be found always. */
const SEED = 20_200_626

export function setupOf({ hv, uv, double }: Wrong, world: string): Setup {
  return newSetup(
    present(worldNamed(world), world),
    { ...HV_PROFILES.spec, ...hv },
    { ...UV_PROFILES.spec, ...uv },
    'necessary',
    double === undefined ? undefined : DOUBLES[double],
  )
}

/** What the checker finds in a small world: the invariant that breaks first. */
export function checkerFinds(defect: SeededDefect, world: string): string | undefined {
  const search = new Search(setupOf(defect, world), { statesMax, bytesMax: 1e9, findingsMax: 1 })
  return search.run().findings[0]?.id
}

/** What a defect puts in the place of the hypervisor; undefined when it leaves it as it is. */
function hypervisorOf({ hv, ...defect }: SeededDefect, base: HvProfile): HvInstead | undefined {
  const { hypercall: hypercalls } = setupOf(defect, 'thread').sides
  const profile = { ...base, ...hv }
  return hypercalls === hypercall && isSame(profile, base) ? undefined : { profile, hypercalls }
}

/** The same for the ultravisor. */
function ultravisorOf({ uv, ...defect }: SeededDefect, base: UvProfile): UvInstead | undefined {
  const { serve: serves } = setupOf(defect, 'thread').sides
  const profile = { ...base, ...uv }
  return serves === serve && isSame(profile, base) ? undefined : { profile, serve: serves }
}

const isSame = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b)

/** True when a recording of the real code goes another way with the defect put into its profile. */
export function recordingsFind(
  defect: SeededDefect,
  hvTraces: readonly HvTrace[],
  uvTraces: readonly UvTrace[],
): boolean {
  const hv = hypervisorOf(defect, HV_PROFILES['linux-6'])
  const uv = ultravisorOf(defect, UV_PROFILES.firmware)
  const differs = ({ disagreements }: Replay): boolean => disagreements.length > 0
  return (
    (hv !== undefined && hvTraces.some((trace) => differs(replayHvTrace(trace, hv)))) ||
    (uv !== undefined && uvTraces.some((trace) => differs(replayUvTrace(trace, uv))))
  )
}

/** True when a random test of the suite fails. */
export async function randomTestsFind(defect: SeededDefect): Promise<boolean> {
  if (defect.lock !== undefined) return pipeliningFinds(LOOSE_LOCKS[defect.lock])
  const hv = hypervisorOf(defect, HV_PROFILES.spec)
  return (hv !== undefined && hvInvariantsFind(hv)) || uvRulesFind(defect)
}

const fails = <T>(property: fc.IProperty<T>, numRuns: number): boolean =>
  fc.check(property, { seed: SEED, numRuns, endOnFailure: true }).failed

/** test/uvmem/invariants-random.test.ts, under `spec`. */
function hvInvariantsFind(hv: HvInstead): boolean {
  const property = fc.property(randomLines(60), fc.boolean(), (lines, isQuiet) => {
    const slots = { slots: '0:0+4 1:4+3', touched: [0, 4] }
    const world = new World({ ...hv, ...slots, pool: isQuiet ? 99 : 9 })
    for (const line of lines) {
      if (isQuiet && /flush_slot|!|oom|vma_unmap|ksm_fail|pin/.test(line)) continue
      doRandom(world, line)
      const found = violationsOf(world.host)
      const isKnown = !isQuiet && found.every((each) => each.defect === KnownDefect.FailureIgnored)
      if (found.length > 0 && !isKnown) return false
    }
    return true
  })
  return fails(property, 60)
}

/** test/ultravisor/properties.test.ts: no hypervisor can break a rule. */
function uvRulesFind({ uv: patch }: SeededDefect): boolean {
  const profile = { ...UV_PROFILES.spec, ...patch }
  const property = fc.property(history, ([ops, script]) => {
    const { uv } = settle({ profile, slots: [[1, 0, 33]], secureUnits: 6, contentMode: 'tag' })
    const hv = wildHv(uv, script)
    return ops.every((one) => {
      perform(uv, hv, one)
      return brokenRules(uv).length === 0
    })
  })
  return patch !== undefined && fails(property, 800)
}

/** test/hv/pipelining.test.ts: page moves at once look from outside as if each had waited. */
async function pipeliningFinds(loosen: (typeof LOOSE_LOCKS)[string] | undefined): Promise<boolean> {
  for (let seed = 1; seed <= 12; seed++) {
    const serial = await runProgram({ profile: 'spec', window: 1, seed, shuffle: seed })
    const options = { profile: 'spec', window: 64, seed, shuffle: seed + 1_000 } as const
    const wide = await runProgram(loosen === undefined ? options : { ...options, loosen })
    const [a, b] = [serial, wide].map(({ ends, states, order }) =>
      JSON.stringify([ends, states, order]),
    )
    if (a !== b) return true
  }
  return false
}
