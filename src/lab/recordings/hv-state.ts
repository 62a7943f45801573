/** The hypervisor's state in the words of the recordings (see the README beside them). */
import type { Gfn } from '../../abi/page.ts'
import { asGfn } from '../../abi/page.ts'
import { isSecureWord, pfnOfWord, stateOfWord } from '../../uvmem/frame-state.ts'
import type { Host, Vm } from '../../uvmem/host.ts'
import { frameOfPte, isDevicePte, type MemSlot, NO_PTE, pfnOfPte } from '../../uvmem/mem-slots.ts'

export type State = Map<string, string | number>

const LETTER = { normal: '.', secure: 'U', paged_out: 'M', shared: 'S' } as const

function stateLetter(vm: Vm, gfn: Gfn): string {
  const slot = vm.uvmem.at(gfn)
  if (slot === undefined) return 'x'
  const word = slot.words.get(gfn - slot.base)
  return isSecureWord(word) ? `U${pfnOfWord(word)}` : LETTER[stateOfWord(word)]
}

function pteLetter(vm: Vm, pte: number): string {
  if (pte === NO_PTE) return '.'
  if (isDevicePte(pte)) return `d${pfnOfPte(pte)}`
  return vm.pins.holds(frameOfPte(pte)) ? 'n!' : 'n'
}

function describeSlot(state: State, vm: Vm, slot: MemSlot, mapped: Set<number>): void {
  const key = `vm${vm.lpid}.s${slot.id}`
  const states: string[] = []
  const ptes: string[] = []
  for (let i = 0; i < slot.pages; i++) {
    states.push(stateLetter(vm, asGfn(slot.base + i)))
    const pte = slot.region.ptes.get(i)
    ptes.push(pteLetter(vm, pte))
    if (isDevicePte(pte)) mapped.add(pfnOfPte(pte))
  }
  state.set(key, `${slot.base}+${slot.pages}`)
  state.set(`${key}.g`, states.join(','))
  state.set(`${key}.h`, slot.region.mapped ? ptes.join(',') : '-')
}

/** Everything the recordings show of a host. */
export function describeHost(host: Host): State {
  const state: State = new Map()
  const mapped = new Set<number>()
  for (const vm of host.vms.values()) {
    const key = `vm${vm.lpid}`
    state.set(`${key}.sg`, vm.secureGuest)
    state.set(
      `${key}.uv`,
      vm.uvmem
        .list()
        .map((slot) => `${slot.base}+${slot.count}`)
        .join(';'),
    )
    for (const slot of vm.slots) describeSlot(state, vm, slot, mapped)
    for (const region of vm.kept) {
      for (let i = 0; i < region.pages; i++) {
        const pte = region.ptes.get(i)
        if (isDevicePte(pte)) mapped.add(pfnOfPte(pte))
      }
    }
  }
  const used: number[] = []
  for (const { start, count } of host.devices.pool.takenRuns()) {
    for (let i = 0; i < count; i++) used.push(start + i)
  }
  state.set('used', used.join(','))
  const orphans = used.filter((pfn) => !mapped.has(pfn)).join(',')
  if (orphans !== '') state.set('orphans', orphans)
  return state
}
