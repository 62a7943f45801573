/**
 * The state that a recording expects, as numbers, so that all of it can be compared after every step
 * without writing the hypervisor's state out as text.
 */
import { asGfn, type Gfn } from '../../abi/page.ts'
import { isSecureWord, StateWord } from '../../uvmem/frame-state.ts'
import type { Host, Vm } from '../../uvmem/host.ts'
import {
  frameOfPte,
  isDevicePte,
  type MemSlot,
  NO_PTE,
  pfnOfPte,
  type Region,
} from '../../uvmem/mem-slots.ts'
import { listReader } from './number-lists.ts'

/** Letters of a recording as the words of the core; those that the core has no word for, above 2^32. */
const UNTRACKED = 2 ** 40
const UNMAPPED = 2 ** 41
const FRAME = 2 ** 42
const PINNED_FRAME = 2 ** 43
const DEVICE = 0x8000_0000

const WORDS: Readonly<Record<string, number>> = {
  '.': StateWord.Normal,
  S: StateWord.Shared,
  M: StateWord.PagedOut,
  x: UNTRACKED,
  '-': UNMAPPED,
  n: FRAME,
  'n!': PINNED_FRAME,
}

interface VmKeys {
  readonly flags: string
  readonly uvmem: string
  readonly slots: Map<number, SlotKeys>
}
interface SlotKeys {
  readonly range: string
  readonly states: string
  readonly mapping: string
}

/** The recordings' names of a state's parts, made once: every step looks at all of them. */
const KEYS = new Map<number, VmKeys>()

function vmKeys({ lpid }: Vm): VmKeys {
  let keys = KEYS.get(lpid)
  if (keys === undefined) {
    keys = { flags: `vm${lpid}.sg`, uvmem: `vm${lpid}.uv`, slots: new Map() }
    KEYS.set(lpid, keys)
  }
  return keys
}

function slotKeys(vm: Vm, { id }: MemSlot): SlotKeys {
  const { slots } = vmKeys(vm)
  let keys = slots.get(id)
  if (keys === undefined) {
    const range = `vm${vm.lpid}.s${id}`
    keys = { range, states: `${range}.g`, mapping: `${range}.h` }
    slots.set(id, keys)
  }
  return keys
}

/** A word, a device PFN after its letter, or a plain number; NaN, which equals nothing, for anything else. */
function wordOf(text: string): number {
  const word = WORDS[text]
  if (word !== undefined) return word
  const letter = text[0]
  return letter === 'U' || letter === 'd' ? DEVICE + Number(text.slice(1)) : Number(text)
}

const numbersOf = listReader(/[,;+]/, wordOf)

type Values = Map<string, readonly number[]>

const has = (values: readonly number[] | undefined, first: number, second: number): boolean =>
  values?.length === 2 && values[0] === first && values[1] === second

export class ExpectedState {
  /** As recorded, by key; an empty list of orphans is left out. */
  readonly texts = new Map<string, string | number>()
  /** The same as numbers. */
  readonly #values: Values = new Map()
  readonly #mapped = new Set<number>()

  /** Takes a step's changes over. */
  change(delta: Readonly<Record<string, string | number | null>>): void {
    for (const key of Object.keys(delta)) {
      const value = delta[key] ?? ''
      // A key that is gone; no orphans at all are no key either.
      if (delta[key] === null || (key === 'orphans' && value === '')) {
        this.texts.delete(key)
        this.#values.delete(key)
      } else {
        this.texts.set(key, value)
        this.#values.set(key, numbersOf(value))
      }
    }
  }

  /** True when the host's whole state is the expected one, with nothing more and nothing less. */
  agreesWith(host: Host): boolean {
    this.#mapped.clear()
    let keys = 0
    for (const vm of host.vms.values()) {
      const found = this.#agreesWithVm(vm)
      if (found < 0) return false
      keys += found
    }
    const orphans = this.#agreesWithPool(host)
    return orphans >= 0 && keys + 1 + orphans === this.texts.size
  }

  /** How many keys the VM has; -1 when one of them differs. */
  #agreesWithVm(vm: Vm): number {
    const keysOfVm = vmKeys(vm)
    const flags = this.#values.get(keysOfVm.flags)
    if (flags?.length !== 1 || flags[0] !== vm.secureGuest) return -1
    const ranges = this.#values.get(keysOfVm.uvmem)
    if (ranges?.length !== vm.uvmem.size * 2) return -1
    let at = 0
    for (const slot of vm.uvmem.list()) {
      if (ranges[at++] !== slot.base || ranges[at++] !== slot.count) return -1
    }
    let keys = 2
    for (const slot of vm.slots) {
      if (!this.#agreesWithSlot(vm, slot, slotKeys(vm, slot))) return -1
      keys += 3
    }
    for (const region of vm.kept) this.#noteMapped(region)
    return keys
  }

  #agreesWithSlot(vm: Vm, slot: MemSlot, keys: SlotKeys): boolean {
    const states = this.#values.get(keys.states)
    if (!has(this.#values.get(keys.range), slot.base, slot.pages)) return false
    if (states?.length !== slot.pages) return false
    let index = 0
    for (const state of states) {
      const gfn = asGfn(slot.base + index++)
      if (state !== wordAt(vm, gfn)) return false
    }
    this.#noteMapped(slot.region)
    return this.#agreesWithMapping(vm, slot.region, this.#values.get(keys.mapping))
  }

  #agreesWithMapping(vm: Vm, region: Region, ptes: readonly number[] | undefined): boolean {
    if (!region.mapped) return ptes?.length === 1 && ptes[0] === UNMAPPED
    if (ptes?.length !== region.pages) return false
    let index = 0
    for (const expected of ptes) {
      if (expected !== pteWord(vm, region.ptes.get(index++))) return false
    }
    return true
  }

  #noteMapped(region: Region): void {
    for (let index = 0; index < region.pages; index++) {
      const pte = region.ptes.get(index)
      if (isDevicePte(pte)) this.#mapped.add(pfnOfPte(pte))
    }
  }

  /** 1 when there are orphans, 0 when there are none; -1 when they or the PFNs in use differ. */
  #agreesWithPool({ devices }: Host): number {
    const used = this.#values.get('used')
    const orphans = this.#values.get('orphans') ?? []
    if (used?.length !== devices.pool.taken) return -1
    let lost = 0
    for (const pfn of used) {
      if (!(pfn < devices.pool.size && devices.pool.has(pfn))) return -1
      if (!this.#mapped.has(pfn) && orphans[lost++] !== pfn) return -1
    }
    if (lost !== orphans.length) return -1
    return lost > 0 ? 1 : 0
  }
}

function wordAt(vm: Vm, gfn: Gfn): number {
  const slot = vm.uvmem.at(gfn)
  if (slot === undefined) return UNTRACKED
  const word = slot.words.get(gfn - slot.base)
  return isSecureWord(word) || word <= StateWord.PagedOut ? word : Number.NaN
}

function pteWord(vm: Vm, pte: number): number {
  if (pte === NO_PTE || isDevicePte(pte)) return pte
  return vm.pins.holds(frameOfPte(pte)) ? PINNED_FRAME : FRAME
}
