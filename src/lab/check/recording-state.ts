/** The hypervisor's state in the words of the recordings (see the README beside them). */
import { asGfn, type Gfn } from '../../abi/page.ts'
import { isSecureWord, pfnOfWord, StateWord } from '../../uvmem/frame-state.ts'
import type { Host, Vm } from '../../uvmem/host.ts'
import { frameOfPte, isDevicePte, type MemSlot, NO_PTE, pfnOfPte } from '../../uvmem/mem-slots.ts'

export type RecordedState = Map<string, string | number>

const LETTERS = new Map<number, string>([
  [StateWord.Normal, '.'],
  [StateWord.Shared, 'S'],
  [StateWord.PagedOut, 'M'],
])

function stateLetter(vm: Vm, gfn: Gfn): string {
  const slot = vm.uvmem.at(gfn)
  if (slot === undefined) return 'x'
  const word = slot.words.get(gfn - slot.base)
  return isSecureWord(word) ? `U${pfnOfWord(word)}` : (LETTERS.get(word) ?? '?')
}

function pteLetter(vm: Vm, pte: number): string {
  if (pte === NO_PTE) return '.'
  if (isDevicePte(pte)) return `d${pfnOfPte(pte)}`
  return vm.pins.holds(frameOfPte(pte)) ? 'n!' : 'n'
}

function describeSlot(state: RecordedState, vm: Vm, slot: MemSlot, mapped: Set<number>): void {
  const key = `vm${vm.lpid}.s${slot.id}`
  const indexes = Array.from({ length: slot.pages }, (_, i) => i)
  const ptes = indexes.map((i) => slot.region.ptes.get(i))
  for (const pte of ptes) if (isDevicePte(pte)) mapped.add(pfnOfPte(pte))
  state.set(key, `${slot.base}+${slot.pages}`)
  state.set(`${key}.g`, indexes.map((i) => stateLetter(vm, asGfn(slot.base + i))).join(','))
  state.set(`${key}.h`, slot.region.mapped ? ptes.map((pte) => pteLetter(vm, pte)).join(',') : '-')
}

/** Everything that a recording shows of a host. */
export function recordedStateOf(host: Host): RecordedState {
  const state: RecordedState = new Map()
  const mapped = new Set<number>()
  for (const vm of host.vms.values()) {
    state.set(`vm${vm.lpid}.sg`, vm.secureGuest)
    const ranges = vm.uvmem.list().map((slot) => `${slot.base}+${slot.count}`)
    state.set(`vm${vm.lpid}.uv`, ranges.join(';'))
    for (const slot of vm.slots) describeSlot(state, vm, slot, mapped)
  }
  const used: number[] = []
  for (const { start, count } of host.devices.pool.takenRuns()) {
    for (let i = 0; i < count; i++) used.push(start + i)
  }
  state.set('used', used.join(','))
  state.set('orphans', used.filter((pfn) => !mapped.has(pfn)).join(','))
  return state
}

/** What changed from one state to the next, as a recording writes it. */
export function changesOf(
  before: RecordedState,
  after: RecordedState,
): Record<string, string | number | null> {
  const changes: Record<string, string | number | null> = {}
  for (const [key, value] of after) if (before.get(key) !== value) changes[key] = value
  for (const key of before.keys()) if (!after.has(key)) changes[key] = null
  return changes
}
