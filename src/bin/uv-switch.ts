/** What became of one guest's switch, in words and as a record. */
import { codeName } from '../../schemas/code-names.ts'
import type { Lpid } from '../abi/page.ts'
import { disagreementsOf } from '../peer/frame-agreement.ts'
import type { HvRest } from '../peer/hv-rest.ts'
import { hvRunsOf } from '../peer/hv-runs.ts'
import { answerName } from '../peer/uv-errors.ts'
import type { UvSvm } from '../peer/uv-svm.ts'
import type { EsmResult, EsmStrategy } from '../ultravisor/esm.ts'
import { counted, elapsed } from './progress-bar.ts'
import type { Refusals } from './refusals.ts'
import type { ReadyGuest } from './uv-guest.ts'

/** One guest's switch, for machines; times in milliseconds. */
export interface SwitchReport {
  readonly lpid: Lpid
  readonly ok: boolean
  readonly strategy: EsmStrategy
  readonly ms: number
  readonly hypercalls: number
  readonly page_ins: number
  readonly shares: number
  readonly ultracalls: number
  readonly pages_taken: number
  readonly states: Readonly<Record<string, number>>
  /** Frames on which hypervisor and ultravisor differ; 0 when all is well. */
  readonly disagreements: number
  readonly failure: SwitchFailure | null
}

export interface SwitchFailure {
  /** The call that ended it. */
  readonly call: string
  /** What that call answered. */
  readonly code: string
  /** Step of UV_ESM. */
  readonly step: string
  readonly why: string
  /** What the guest got from UV_ESM. */
  readonly guest_sees: string
}

/** Turns a guest secure, and looks at both sides afterwards. */
export async function switchGuest(
  rest: HvRest,
  svm: UvSvm,
  { guest }: ReadyGuest,
  strategy: EsmStrategy,
  refusals: Refusals,
): Promise<SwitchReport> {
  const before = { ...svm.counts }
  const start = performance.now()
  const end = await svm.esm({ kernelBase: guest.kernelBase, tree: guest.fdtGpa, strategy })
  const ms = performance.now() - start
  const { ultracalls, pagesTaken } = svm.counts
  const counts = 'counts' in end ? end.counts : undefined
  const ok = end.kind === 'SECURE'
  const differ = ok ? disagreementsOf(await hvRunsOf(rest, svm.lpid), svm.frames()) : []
  return {
    lpid: svm.lpid,
    ok: ok && differ.length === 0,
    strategy,
    ms: Math.round(ms * 10) / 10,
    hypercalls: counts?.hypercalls ?? 0,
    page_ins: counts?.pagesIn ?? 0,
    shares: counts?.pagesShared ?? 0,
    ultracalls: ultracalls - before.ultracalls,
    pages_taken: pagesTaken - before.pagesTaken,
    states: Object.fromEntries(svm.frameCounts),
    disagreements: differ.reduce((sum, { count }) => sum + count, 0),
    failure: failureOf(end, svm.lpid, refusals),
  }
}

function failureOf(end: EsmResult, lpid: Lpid, refusals: Refusals): SwitchFailure | null {
  const none = { call: 'UV_ESM', step: '-' }
  switch (end.kind) {
    case 'SECURE':
      return null
    case 'REFUSED': {
      const code = `${codeName('ultracall', end.ret)} (${end.ret})`
      return { ...none, code, why: 'refused before it began', guest_sees: code }
    }
    case 'FAILED': {
      const code = answerName('H_SVM_INIT_ABORT', end.ret)
      const { step, why } = end
      const refused = refusals.last(lpid)
      if (refused === undefined) return { ...none, step, why, code, guest_sees: code }
      return { call: refused.call, code: refused.code, step, why, guest_sees: code }
    }
    case 'ABORT':
      return { ...none, code: 'killed', why: end.why, guest_sees: 'nothing' }
    case 'FAULT':
      return { ...none, code: end.fault.kind, why: end.fault.message, guest_sees: 'nothing' }
    case 'GONE':
      return { ...none, code: 'gone', why: 'the SVM was terminated', guest_sees: 'nothing' }
  }
}

/** One line for people. */
export function reportLine(report: SwitchReport): string {
  const { lpid, ms, failure, disagreements } = report
  if (failure !== null) {
    const { call, code, step, why, guest_sees: seen } = failure
    const guest = seen === code ? '' : `; the guest sees ${seen}`
    return `LPID ${lpid}: UV_ESM failed at step ${step}: ${why}; ${call} answered ${code}${guest}`
  }
  if (disagreements > 0) {
    return `LPID ${lpid}: hypervisor and ultravisor differ on ${counted(disagreements)} frames`
  }
  const states = Object.entries(report.states).map(([name, n]) => `${counted(n)} ${name}`)
  const calls = `${counted(report.hypercalls)} hypercalls, ${counted(report.ultracalls)} ultracalls`
  const pages = `${counted(report.page_ins)} pages in, ${counted(report.shares)} shared`
  return `LPID ${lpid}: secure in ${elapsed(ms)}: ${pages}, ${calls}; frames: ${states.join(', ')}`
}
