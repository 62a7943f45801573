/** Makes what a seed file asks for: VMs, slots, contents, fault rules. */

import { hostCodeName } from '../../schemas/rest/result.ts'
import { pagesOf, type SeedFile } from '../../schemas/seed.ts'
import { asGfn, asSlotId, type Gpa, gfnOf, type Lpid } from '../abi/page.ts'
import type { AddSlot } from '../uvmem/vmm/slots.ts'
import type { Faults } from './faults.ts'
import type { Outcome, Vmm } from './vmm.ts'

/** Loads a file into a VM's memory. @returns what went wrong, in a few words. */
export type LoadImage = (lpid: Lpid, gpa: Gpa, path: string) => Promise<string | undefined>

type SeedVm = NonNullable<SeedFile['vms']>[number]

/** @returns the first thing that could not be done, as a sentence; what was done before stays. */
export async function applySeed(
  seed: SeedFile,
  vmm: Vmm,
  faults: Faults,
  load: LoadImage,
): Promise<string | undefined> {
  for (const vm of seed.vms ?? []) {
    const error = await makeVm(vm, vmm, load)
    if (error !== undefined) return `VM ${vm.lpid}: ${error}.`
  }
  for (const rule of seed.faults ?? []) {
    if (faults.add(rule) === undefined) return 'There are more fault rules than the host takes.'
  }
  return undefined
}

async function makeVm(seed: SeedVm, vmm: Vmm, load: LoadImage): Promise<string | undefined> {
  const { lpid, radix = true, svm_enabled: svmEnabled = true } = seed
  const vm = await vmm.create({ lpid, radix, svmEnabled, slots: [] })
  if (vm === 'exists') return 'it is there already'
  if ('limit' in vm) return `${vm.limit} allows ${vm.max} at most`
  for (const slot of slotsOf(seed)) {
    const added = await vmm.addSlot(lpid, slot)
    const error = failureOf(added) ?? failedCode(added)
    if (error !== undefined) return `slot ${slot.id}: ${error}`
  }
  for (const { gpa, size, tag, step = 0 } of seed.fills ?? []) {
    const filled = await vmm.fill(lpid, gfnOf(gpa), pagesOf(size), tag, BigInt(step))
    const error = failureOf(filled) ?? failedCode(filled)
    if (error !== undefined) return `fill at 0x${gpa.toString(16)}: ${error}`
  }
  for (const { gpa, path } of seed.images ?? []) {
    const error = await load(lpid, gpa, path)
    if (error !== undefined) return `image ${path}: ${error}`
  }
  return undefined
}

/** Slots with the ids and places that they were not given. */
function slotsOf({ slots }: SeedVm): readonly AddSlot[] {
  let next = 0
  return slots.map(({ id, gpa, size }, i) => {
    const base = gpa === undefined ? asGfn(next) : gfnOf(gpa)
    const pages = pagesOf(size)
    next = base + pages
    return { id: id ?? asSlotId(i), base, pages }
  })
}

function failureOf(outcome: Outcome<unknown>): string | undefined {
  if (outcome.how === 'limit') return `${outcome.passed.limit} allows ${outcome.passed.max} at most`
  return outcome.how === 'done' ? undefined : outcome.how
}

function failedCode(outcome: Outcome<number | { readonly ret: number }>): string | undefined {
  if (outcome.how !== 'done') return undefined
  const { result, reason } = outcome
  const code = typeof result === 'number' ? result : result.ret
  return code === 0 ? undefined : `${hostCodeName(code)}, ${reason?.why ?? 'refused'}`
}
