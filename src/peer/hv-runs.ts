/** The hypervisor's frames of a VM, as runs of one state, from its REST API. */
import type { Lpid } from '../abi/page.ts'
import type { StateRun } from './frame-agreement.ts'
import type { HvRest } from './hv-rest.ts'

const RUNS_PER_ANSWER = 10_000

/** All runs, ascending. */
export async function hvRunsOf(rest: HvRest, lpid: Lpid): Promise<readonly StateRun[]> {
  const runs: StateRun[] = []
  for (let from: number | null = 0; from !== null; ) {
    const query = { from, limit: RUNS_PER_ANSWER }
    const page: { runs: readonly StateRun[]; next: number | null } = await rest.call('listFrames', {
      path: { lpid },
      query,
    })
    runs.push(...page.runs)
    from = page.next
  }
  return runs
}
