/**
 * Replays recordings of the real firmware through the ultravisor core, profile `firmware`.
 *
 * The hypervisor of a recording is a script: for each H_SVM_PAGE_IN it makes some ultracalls on the
 * hypercall's frame and then answers.
 */
import type { HSvmPageIn, Ucall, UvReply, UvRequest } from '../../abi/calls.ts'
import { U_BUSY_INTERNAL, uCodeName } from '../../abi/codes.ts'
import { asRa } from '../../abi/page.ts'
import type { PageCipher } from '../../ultravisor/page-crypto.ts'
import { UV_PROFILES, type UvProfile } from '../../ultravisor/profile.ts'
import { serve } from '../../ultravisor/serve.ts'
import { newUltravisor, type Ultravisor } from '../../ultravisor/ultravisor.ts'
import type { Disagreement, Replay } from './result.ts'
import { ExpectedUvState } from './uv-expected.ts'
import { OPERATIONS, type Outcome } from './uv-operations.ts'
import { stateOf } from './uv-state.ts'
import {
  bigOf,
  type NestedOp,
  type RecordedHcall,
  type RecordedUcall,
  type ScriptedAnswer,
  type UvStep,
  type UvTrace,
} from './uv-trace.ts'

/** What is replayed in place of the firmware. */
export interface UvInstead {
  readonly profile?: UvProfile
  readonly serve?: typeof serve
}

export interface ReplayContext {
  readonly uv: Ultravisor
  /** What serves ultracalls: the core, or a test double. */
  readonly serve: typeof serve
  /** How the cipher fails in this step. */
  readonly cipher: { sealFails: boolean; openFails: boolean }
  readonly hv: ScriptedHv
}

/** The hypervisor of one step, and what was asked of it. */
class ScriptedHv {
  readonly asked: RecordedHcall[] = []
  readonly #uv: Ultravisor
  readonly #serves: typeof serve
  #script: readonly ScriptedAnswer[] = []

  constructor(uv: Ultravisor, serves: typeof serve) {
    this.#uv = uv
    this.#serves = serves
  }

  begin(script: readonly ScriptedAnswer[]): void {
    this.#script = script
    this.asked.length = 0
  }

  readonly answer = (request: UvRequest): UvReply => {
    if (request.call !== 'H_SVM_PAGE_IN') return { ret: 0 }
    const scripted = this.#script[this.asked.length] ?? { ret: 0, nested: [] }
    const nested = scripted.nested.map((op) => this.#serve(request, op))
    const args = [request.gpa, request.flags, request.order]
    this.asked.push({ name: request.call, args, ret: scripted.ret, nested })
    return { ret: scripted.ret }
  }

  #serve(request: HSvmPageIn, nested: NestedOp): RecordedUcall {
    const { lpid, gpa } = request
    const ra = asRa(Number(bigOf(nested.hv_page ?? 0)))
    const { ret } = this.#serves(this.#uv, nestedCall(nested, request, ra))
    const args =
      nested.op === 'page_inval' ? [lpid, gpa, request.order] : [lpid, ra, gpa, 0, request.order]
    return { name: NESTED_NAMES[nested.op], args, ret }
  }
}

/** The calls as the recordings spell them. */
const NESTED_NAMES: { readonly [Op in NestedOp['op']]: string } = {
  page_in: 'uv_page_in',
  page_out: 'uv_page_out',
  page_inval: 'uv_page_inval',
}

function nestedCall(nested: NestedOp, { lpid, gpa, order }: HSvmPageIn, ra: number): Ucall {
  switch (nested.op) {
    case 'page_in':
      return { call: 'UV_PAGE_IN', lpid, ra: asRa(ra), gpa, flags: 0, order }
    case 'page_out':
      return { call: 'UV_PAGE_OUT', lpid, ra: asRa(ra), gpa, flags: 0, order }
    case 'page_inval':
      return { call: 'UV_PAGE_INVAL', lpid, gpa, order }
  }
}

/** Replays one recording, up to its end or to a fault on either side. */
export function replayUvTrace(trace: UvTrace, instead: UvInstead = {}): Replay {
  const replay = newReplay(trace.pool, instead)
  const expectedState = new ExpectedUvState()
  const disagreements: Disagreement[] = []
  let agreed = 0
  for (const [index, step] of trace.steps.entries()) {
    const found = replayStep(replay, step, expectedState)
    if (found.length === 0) agreed++
    else {
      for (const one of found) {
        disagreements.push({ trace: trace.id, step: index, op: step.op, ...one })
      }
    }
    if (step.fault !== undefined || found[0]?.what === 'fault') break
  }
  return { id: trace.id, steps: trace.steps.length, agreed, disagreements }
}

type Difference = Pick<Disagreement, 'what' | 'expected' | 'got'>

function replayStep(
  replay: ReplayContext,
  step: UvStep,
  expectedState: ExpectedUvState,
): readonly Difference[] {
  const badFreesBefore = replay.uv.badFrees
  replay.hv.begin(step.hcall_script)
  replay.cipher.sealFails = step.op.op === 'page_out' && step.op.encfail === true
  replay.cipher.openFails = step.op.op === 'page_in' && step.op.tamper === true
  const outcome = runOperation(replay, step)
  const fault = outcome.fault?.kind
  if (fault !== undefined || step.fault !== undefined) {
    return differ('fault', step.fault?.kind ?? 'none', fault ?? 'none')
  }
  expectedState.change(step.state ?? NO_CHANGE)
  const badFrees = replay.uv.badFrees - badFreesBefore
  const { ret } = outcome
  const name = outcome.name ?? codeName(ret ?? 0)
  const agrees =
    ret === step.ret &&
    name === step.ret_name &&
    badFrees === (step.badfree ?? 0) &&
    sameHcalls(step.hcalls ?? [], replay.hv.asked) &&
    expectedState.agreesWith(replay.uv)
  return agrees ? AGREEMENT : differences(step, `${ret} ${name}`, badFrees, replay, expectedState)
}

const NO_CHANGE = {}
const AGREEMENT: readonly Difference[] = []

/** The ultravisor's own U_BUSY has the number that others call U_FUNCTION. */
const codeName = (ret: number): string => (ret === U_BUSY_INTERNAL ? 'U_BUSY' : uCodeName(ret))

/** What a step that does not agree does differently, in words. */
function differences(
  step: UvStep,
  got: string,
  badFrees: number,
  replay: ReplayContext,
  expectedState: ExpectedUvState,
): Difference[] {
  return [
    ...differ('code', `${step.ret} ${step.ret_name}`, got),
    ...differ('calls', callsText(step.hcalls ?? []), callsText(replay.hv.asked)),
    ...differ('badfree', `${step.badfree ?? 0}`, `${badFrees}`),
    ...stateDifferences(expectedState, replay.uv),
  ]
}

function runOperation(replay: ReplayContext, step: UvStep): Outcome {
  const operation = OPERATIONS[step.op.op] as (replay: ReplayContext, op: UvStep['op']) => Outcome
  return operation(replay, step.op)
}

/** Says where the state differs, in the recording's own words. */
function stateDifferences(expected: ExpectedUvState, uv: Ultravisor): Difference[] {
  if (expected.agreesWith(uv)) return []
  const got = stateOf(uv)
  const keys = new Set([...expected.texts.keys(), ...got.keys()])
  const found = [...keys].flatMap((key) =>
    differ(key, `${expected.texts.get(key) ?? ''}`, `${got.get(key) ?? ''}`),
  )
  if (found.length > 0) return found
  return differ('state', 'agreement', 'words that read alike and yet differ')
}

const differ = (what: string, expected: string, got: string): Difference[] =>
  expected === got ? [] : [{ what, expected, got }]

function sameCall(recorded: RecordedUcall, made: RecordedUcall): boolean {
  const { args } = recorded
  if (recorded.name !== made.name || recorded.ret !== made.ret) return false
  if (args.length !== made.args.length) return false
  for (let i = 0; i < args.length; i++) if (Number(args[i]) !== Number(made.args[i])) return false
  return true
}

function sameHcalls(recorded: readonly RecordedHcall[], made: readonly RecordedHcall[]): boolean {
  if (recorded.length !== made.length) return false
  for (const [i, call] of recorded.entries()) {
    const other = made[i]
    if (other === undefined || !sameCall(call, other)) return false
    if (call.nested.length !== other.nested.length) return false
    for (const [k, inner] of call.nested.entries()) {
      const one = other.nested[k]
      if (one === undefined || !sameCall(inner, one)) return false
    }
  }
  return true
}

const ucallText = (call: RecordedUcall): string =>
  `${call.name}(${call.args.map(Number).join(' ')})=${call.ret}`
const callsText = (calls: readonly RecordedHcall[]): string =>
  calls.map((call) => `${ucallText(call)}[${call.nested.map(ucallText).join(' ')}]`).join(' ')

function newReplay(pool: number, instead: UvInstead): ReplayContext {
  const cipher = { sealFails: false, openFails: false }
  const uv = newUltravisor({
    profile: instead.profile ?? UV_PROFILES.firmware,
    cipher: contentlessCipher(cipher),
    secureUnits: pool,
    contentMode: 'tag',
  })
  const serves = instead.serve ?? serve
  return { uv, serve: serves, cipher, hv: new ScriptedHv(uv, serves) }
}

/** Recordings have no contents: pages are empty, and the cipher fails when the step says so. */
function contentlessCipher(fails: ReplayContext['cipher']): PageCipher {
  const empty = new Uint8Array(8)
  const tag = new Uint8Array(16)
  return {
    randomBytes: (count) => new Uint8Array(count),
    seal: () => (fails.sealFails ? undefined : { cipher: empty, tag }),
    open: () => (fails.openFails ? undefined : empty),
  }
}
