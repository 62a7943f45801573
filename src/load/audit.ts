/**
 * After a run: what the server holds over REST against what every ultravisor holds, frame by frame,
 * and the invariants of the ultravisors. Nothing may be under way meanwhile.
 */
import { disagreementsOf } from '../peer/frame-agreement.ts'
import { hvRunsOf } from '../peer/hv-runs.ts'
import type { UvRule } from '../ultravisor/invariants.ts'
import { UV_PROFILES, type UvProfile, type UvProfileName } from '../ultravisor/profile.ts'
import type { LoadClient } from './client.ts'
import { codeOf } from './failure.ts'
import { type AuditPart, type Difference, differencesMax } from './messages.ts'
import type { LoadVm } from './vm.ts'

/** Clients that are looked at at once. */
const AT_ONCE = 16

class Findings {
  vms = 0
  skipped = 0
  frames = 0
  total = 0
  readonly differences: Difference[] = []

  add(difference: Difference, count = 1): void {
    this.total += count
    if (this.differences.length < differencesMax) this.differences.push(difference)
  }
}

export async function auditClients(
  clients: readonly LoadClient[],
  profile: UvProfileName,
): Promise<AuditPart> {
  const found = new Findings()
  const left = [...clients]
  const work = async (): Promise<void> => {
    for (let client = left.pop(); client !== undefined; client = left.pop()) {
      await auditClient(client, profile, found)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const { vms, skipped, frames, differences, total } = found
  return { vms, skipped, frames, differences, differencesTotal: total }
}

/** Defects of the firmware that a hot-removed slot leaves behind, and that break a rule for good. */
const EXPLAINS: Readonly<Partial<Record<UvRule, keyof UvProfile>>> = {
  'slot-units': 'keepsSlotBudget',
}

async function auditClient(
  client: LoadClient,
  profile: UvProfileName,
  found: Findings,
): Promise<void> {
  for (const vm of client.vms) {
    if (!vm.secure) found.skipped++
    else await auditVm(vm, found)
  }
  for (const { rule, lpid, detail } of client.uv?.violations() ?? []) {
    const defect = EXPLAINS[rule]
    if (defect !== undefined && UV_PROFILES[profile][defect] === true) continue
    found.add({ lpid: lpid ?? null, what: `the ultravisor breaks ${rule}: ${detail}` })
  }
}

async function auditVm(vm: LoadVm, found: Findings): Promise<void> {
  const { lpid, client } = vm
  found.vms++
  const svm = client.uv?.svm(lpid)
  try {
    const { state } = await client.rest.call('getVm', { path: { lpid } })
    if (state !== 'secure' || svm?.life !== 'secure') {
      found.add({
        lpid,
        what: `the server says ${state}, the ultravisor ${svm?.life ?? 'nothing'}`,
      })
    }
    found.frames += svm?.framesTotal ?? 0
    for (const differs of disagreementsOf(await hvRunsOf(client.rest, lpid), svm?.frames() ?? [])) {
      found.add({ lpid, what: 'frames differ', ...differs }, differs.count)
    }
  } catch (error) {
    found.add({ lpid, what: `the server does not tell: ${codeOf(error)}` })
  }
}
