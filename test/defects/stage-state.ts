/** What both sides hold, in words: one line a thing, so that a story tells what has changed. */
import { asFrame, asGfn, type Gfn, type Lpid } from '../../src/abi/page.ts'
import { FRAME_STATES } from '../../src/ultravisor/frame-state.ts'
import { hvFrameOf, isMapped, isPresent, isWild } from '../../src/ultravisor/page-table.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import type { Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import { isSecureWord, pfnOfWord, stateOfWord } from '../../src/uvmem/frame-state.ts'
import type { Host, Vm } from '../../src/uvmem/host.ts'
import { isDevicePte, NO_PTE, pfnOfPte } from '../../src/uvmem/mem-slots.ts'

export type State = ReadonlyMap<string, string>

/** Flags of secure_guest. */
const FLAGS = ['none', 'INIT_START', 'INIT_DONE', 'INIT_START, INIT_DONE']
const SVM_STATES = ['ACTIVE', 'SECURE', 'ABORT']

function backingOf(vm: Vm, gfn: Gfn): string {
  const slot = vm.slots.at(gfn)
  if (slot === undefined) return 'in no slot'
  const pte = slot.region.ptes.get(gfn - slot.base)
  if (pte === NO_PTE) return slot.region.swap.has(gfn - slot.base) ? 'in swap' : 'no page'
  if (isDevicePte(pte)) return `device page ${pfnOfPte(pte)}`
  return `frame ${pte}${vm.pins.holds(asFrame(pte)) ? ', pinned' : ''}`
}

function hvFrame(vm: Vm, gfn: Gfn): string {
  const slot = vm.uvmem.at(gfn)
  if (slot === undefined) return `not tracked, ${backingOf(vm, gfn)}`
  const word = slot.words.get(gfn - slot.base)
  const state = isSecureWord(word) ? `secure as PFN ${pfnOfWord(word)}` : stateOfWord(word)
  return `${state}, ${backingOf(vm, gfn)}`
}

function uvFrame(svm: Svm, gfn: Gfn): string {
  const entry = svm.pages.peek(gfn)
  const ra = hvFrameOf(entry)
  const page = ra === undefined ? 'own page' : `the host's frame ${ra / 65_536}`
  const mapped = isMapped(entry) ? (isWild(entry) ? 'wild memory' : page) : 'no page'
  const absent = isMapped(entry) && !isPresent(entry) ? ', not present' : ''
  return `${FRAME_STATES[svm.frames.state(gfn)].name}, ${mapped}${absent}`
}

function usedPfns(host: Host): string {
  const used: number[] = []
  for (const { start, count } of host.devices.pool.takenRuns()) {
    for (let i = 0; i < count; i++) used.push(start + i)
  }
  return used.length === 0 ? 'none' : used.join(', ')
}

/** The hypervisor's side. */
export function describeHv(host: Host, lpid: Lpid, watched: readonly number[]): State {
  const state = new Map([['HV PFNs in use', usedPfns(host)]])
  const vm = host.vms.get(lpid)
  if (vm === undefined) return state.set('HV VM', 'gone')
  state.set('HV flags', FLAGS[vm.secureGuest] ?? String(vm.secureGuest))
  const slots = [...vm.slots].map(({ id, base, pages }) => `${id}:${base}+${pages}`)
  state.set('HV slots', slots.join(', ') || 'none')
  const uvmem = vm.uvmem.list().map(({ base, count }) => `${base}+${count}`)
  state.set('HV uvmem slots', uvmem.join(', ') || 'none')
  for (const gfn of watched) state.set(`HV GFN ${gfn}`, hvFrame(vm, asGfn(gfn)))
  return state
}

/** The ultravisor's side. */
export function describeUv(uv: Ultravisor, lpid: Lpid, watched: readonly number[]): State {
  const svm = uv.svms.get(lpid)
  const state = new Map([
    ['UV free units', String(uv.availableUnits)],
    ['UV frames of the host freed as secure ones', String(uv.badFrees)],
    ['UV SVM', svm === undefined ? 'none' : (SVM_STATES[svm.state] ?? '')],
  ])
  if (svm === undefined) return state
  state.set('UV page table', svm.pages.hasRoot ? 'there' : 'gone')
  const slots = svm.slots.all().map(({ id, base, count }) => `${id}:${base}+${count}`)
  state.set('UV slots', slots.join(', ') || 'none')
  for (const gfn of watched) state.set(`UV GFN ${gfn}`, uvFrame(svm, asGfn(gfn)))
  return state
}

/** `name: value` of everything that is new or has changed. */
export function changesOf(before: State, after: State): string[] {
  return [...after]
    .filter(([name, value]) => before.get(name) !== value)
    .map(([name, value]) => `${name}: ${value}`)
}
