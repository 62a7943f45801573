/** Performs operations against scripted answers, and writes them down as a recording does. */
import { hCodeName } from '../../abi/codes.ts'
import type { Host } from '../../uvmem/host.ts'
import type { HvProfile } from '../../uvmem/profile.ts'
import { perform } from './hv-operations.ts'
import { replayedHost } from './hv-replay.ts'
import { describeHost, type State } from './hv-state.ts'
import type { HvStep, ScriptedOp } from './hv-trace.ts'

export class Recorder {
  readonly #host: Host
  #state: State = new Map()

  constructor(profile: HvProfile, poolSize: number) {
    this.#host = replayedHost(profile, poolSize)
  }

  perform({ op, ucall_script }: ScriptedOp): HvStep {
    const { ret, calls: ucalls, vm } = perform(this.#host, { op, ucall_script })
    if (vm?.fault !== undefined) {
      const { kind, message } = vm.fault
      return { op, ucall_script, ucalls, fault: { kind, msg: message } }
    }
    const before = this.#state
    this.#state = describeHost(this.#host)
    const state = changesOf(before, this.#state)
    return { op, ucall_script, ret, ret_name: hCodeName(ret), ucalls, state }
  }
}

/** What changed from one state to the next, as a recording writes it. */
function changesOf(before: State, after: State): Record<string, string | number | null> {
  const changes: Record<string, string | number | null> = {}
  for (const [key, value] of after) if (before.get(key) !== value) changes[key] = value
  for (const key of before.keys()) if (!after.has(key)) changes[key] = null
  return changes
}
