/** What the demo's ultravisor process does when it is told to. */

import type { DownCall } from '../../schemas/messages.ts'
import { hex } from '../../schemas/values.ts'
import { uCodeName } from '../abi/codes.ts'
import type { UvClient } from '../peer/uv-client.ts'
import type { EsmResult } from '../ultravisor/esm.ts'
import { UV_PROFILES, type UvProfileName } from '../ultravisor/profile.ts'
import { type AgentAsked, type AgentSays, type AgentTask, toBase64 } from './agent-protocol.ts'

/** Refused ultracalls that are remembered. */
const REFUSED_MAX = 1_000

export class AgentMemory {
  #refused: string[] = []

  /** For UvWatch.ultracall. */
  readonly note = (call: DownCall, ret: number): void => {
    if (ret === 0 || this.#refused.length >= REFUSED_MAX) return
    const at = 'gpa' in call ? ` at ${hex(call.gpa)}` : ''
    this.#refused.push(`${call.call}${at}: ${uCodeName(ret)}`)
  }

  /** What was refused since the last time. */
  take(): string[] {
    const refused = this.#refused
    this.#refused = []
    return refused
  }
}

export interface Agent {
  readonly client: UvClient
  readonly memory: AgentMemory
  readonly profile: UvProfileName
}

type Tasks = {
  readonly [Task in AgentTask]: (agent: Agent, asked: AgentAsked<Task>) => Promise<AgentSays<Task>>
}

/** A result without what only the SDK's types know. */
const plain = (end: { readonly kind: string; readonly ret?: number }) => ({
  kind: end.kind,
  ...(end.ret === undefined ? {} : { ret: end.ret }),
})

export const TASKS: Tasks = {
  esm: async ({ client }, { lpid, kernel_base: kernelBase, tree, strategy }) =>
    esmResult(await client.svm(lpid).esm({ kernelBase, tree, strategy })),
  store: async ({ client }, { lpid, gpa, bytes }) =>
    plain(await client.svm(lpid).store(gpa, bytes)),
  load: async ({ client }, { lpid, gpa, length }) => {
    const end = await client.svm(lpid).load(gpa, length)
    return end.kind === 'OK' ? { kind: end.kind, bytes: toBase64(end.bytes) } : plain(end)
  },
  share: async ({ client }, { lpid, gfn, num }) =>
    plain(await client.svm(lpid).sharePages(gfn, num)),
  unshare: async ({ client }, { lpid, gfn, num }) =>
    plain(await client.svm(lpid).unsharePages(gfn, num)),
  unshareAll: async ({ client }, { lpid }) => plain(await client.svm(lpid).unshareAll()),
  look: async (agent, { lpid }) => {
    const svm = agent.client.svm(lpid)
    const { answered, ultracalls, pagesTaken, pagesGiven } = svm.counts
    return {
      life: svm.life,
      runs: [...svm.frames()],
      hypercalls: answered,
      ultracalls,
      pages_taken: pagesTaken,
      pages_given: pagesGiven,
      violations: unexplainedOf(agent),
      refused: agent.memory.take(),
    }
  },
}

function esmResult(end: EsmResult): AgentSays<'esm'> {
  const counts = 'counts' in end ? end.counts : { hypercalls: 0, pagesIn: 0, pagesShared: 0 }
  const failure = end.kind === 'FAILED' ? { step: end.step, why: end.why } : {}
  return {
    ...plain(end),
    ...failure,
    hypercalls: counts.hypercalls,
    page_ins: counts.pagesIn,
    shares: counts.pagesShared,
  }
}

/** A firmware that keeps the budget of a slot that is gone is known to count one unit too many. */
function unexplainedOf({ client, profile }: Agent): string[] {
  const { keepsSlotBudget } = UV_PROFILES[profile]
  return client
    .violations()
    .filter(({ rule }) => !(keepsSlotBudget && rule === 'slot-units'))
    .map(({ rule, lpid, gfn, detail }) => `${rule} LPID ${lpid} GFN ${gfn}: ${detail}`)
}
