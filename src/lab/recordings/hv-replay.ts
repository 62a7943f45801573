/** Replays a recording of the real hypervisor through the pure core, step by step. */
import { type Host, newHost } from '../../uvmem/host.ts'
import { HV_PROFILE_NAMES, HV_PROFILES, type HvProfile } from '../../uvmem/profile.ts'
import { ExpectedState } from './hv-expected.ts'
import { type Hypercalls, type Outcome, perform } from './hv-operations.ts'
import { describeHost } from './hv-state.ts'
import type { HvStep, HvTrace, RecordedUcall } from './hv-trace.ts'
import type { Disagreement, Replay } from './result.ts'

/** Frames of the replaying host: more than any recording uses. */
const replayFramesMax = 65_536

type Differ = (what: string, expected: unknown, got: unknown) => void

/** The host that a recording runs on; contents count for nothing there. */
export const replayedHost = (profile: HvProfile, poolSize: number): Host =>
  newHost({ profile, poolSize, frames: replayFramesMax, notifiesMigrations: true })

/** What is replayed in place of what was recorded. */
export interface HvInstead {
  readonly profile?: HvProfile
  readonly hypercalls?: Hypercalls
}

/**
 * Replays a whole recording. The first step with disagreements ends it, since all that follows would
 * disagree.
 */
export function replayHvTrace(trace: HvTrace, instead: HvInstead = {}): Replay {
  const { id, steps, variant, pool } = trace
  const name = HV_PROFILE_NAMES.find((each) => each === variant)
  const profile = instead.profile ?? (name === undefined ? undefined : HV_PROFILES[name])
  if (profile === undefined) return ofNobody(trace)
  const host = replayedHost(profile, pool)
  const expected = new ExpectedState()
  const disagreements: Disagreement[] = []
  let agreed = 0
  for (const step of steps) {
    const outcome = perform(host, step, instead.hypercalls)
    compareStep(host, step, outcome, expected, (what, want, got) => {
      disagreements.push({ trace: id, step: agreed, op: step.op, what, expected: want, got })
    })
    if (disagreements.length > 0) break
    agreed++
  }
  return { id, steps: steps.length, agreed, disagreements }
}

/** A recording of a kernel that no profile stands for. */
function ofNobody({ id, steps, variant }: HvTrace): Replay {
  const expected = `one of ${HV_PROFILE_NAMES.join(', ')}`
  const disagreement = { trace: id, step: 0, op: {}, what: 'variant', expected, got: variant }
  return { id, steps: steps.length, agreed: 0, disagreements: [disagreement] }
}

function compareStep(
  host: Host,
  step: HvStep,
  { ret, calls, vm }: Outcome,
  expected: ExpectedState,
  differ: Differ,
): void {
  const fault = vm?.fault?.kind ?? 'none'
  if (fault !== (step.fault?.kind ?? 'none')) differ('fault', step.fault?.kind ?? 'none', fault)
  if (!sameCalls(calls, step.ucalls)) differ('ucalls', step.ucalls, calls)
  if (step.fault !== undefined) return
  if (ret !== step.ret) differ('ret', `${step.ret} ${step.ret_name}`, ret)
  expected.change(step.state ?? {})
  if (!expected.agreesWith(host)) explain(expected, host, differ)
}

/** Says where the state differs, in the recording's own words. */
function explain(expected: ExpectedState, host: Host, differ: Differ): void {
  const got = describeHost(host)
  const keys = new Set([...expected.texts.keys(), ...got.keys()])
  const found = [...keys].filter((key) => expected.texts.get(key) !== got.get(key))
  for (const key of found) differ(key, expected.texts.get(key), got.get(key))
  if (found.length === 0) differ('state', 'agreement', 'words that read alike and yet differ')
}

function sameCalls(left: readonly RecordedUcall[], right: readonly RecordedUcall[]): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) {
    if (!sameCall(left[i] as RecordedUcall, right[i] as RecordedUcall)) return false
  }
  return true
}

function sameCall(left: RecordedUcall, right: RecordedUcall): boolean {
  if (left.name !== right.name || left.ret !== right.ret || left.via !== right.via) return false
  if (left.args.length !== right.args.length) return false
  for (let i = 0; i < left.args.length; i++) if (left.args[i] !== right.args[i]) return false
  return true
}
