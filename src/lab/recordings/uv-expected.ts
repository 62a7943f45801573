/**
 * The state that a recording of the ultravisor expects, as numbers, so that all of it can be compared
 * after every step without writing the state out as text (uv-state.ts does, to explain).
 */
import { asGfn, PAGE_SIZE } from '../../abi/page.ts'
import {
  hvFrameOf,
  isMapped,
  isOwn,
  isPresent,
  isSoftShared,
  OWN_PRESENT,
  Pte,
  withoutPresent,
} from '../../ultravisor/page-table.ts'
import type { Svm } from '../../ultravisor/svm.ts'
import type { Ultravisor } from '../../ultravisor/ultravisor.ts'
import { listReader } from './number-lists.ts'

const NO_ENTRY = 0

/** An entry of the page table after its letter, or a plain number. */
function wordOf(text: string): number {
  if (text === '-') return NO_ENTRY
  const entry = entryOf(text.endsWith('!') ? text.slice(0, -1) : text)
  return entry !== undefined && text.endsWith('!') ? withoutPresent(entry) : (entry ?? Number(text))
}

function entryOf(text: string): number | undefined {
  if (text === 's') return OWN_PRESENT
  const letter = text[0]
  if (letter !== 'h' && letter !== 'H') return undefined
  const low = Pte.Valid + Pte.Present + (letter === 'h' ? Pte.SoftShared : 0)
  return Number(text.slice(1)) * PAGE_SIZE + low
}

const numbersOf = listReader(/[,;:+]/, wordOf)

/** An entry as far as a recording tells it; NaN, which equals nothing, for one that it has no word for. */
function toldEntry(entry: number): number {
  if (!isMapped(entry)) return NO_ENTRY
  if (isOwn(entry)) return isPresent(entry) ? OWN_PRESENT : withoutPresent(OWN_PRESENT)
  const frame = hvFrameOf(entry)
  if (frame === undefined) return Number.NaN
  const shared = isSoftShared(entry) ? Pte.SoftShared : 0
  return frame + Pte.Valid + (isPresent(entry) ? Pte.Present : 0) + shared
}

interface SvmKeys {
  readonly state: string
  readonly reserved: string
  readonly slots: string
  readonly outside: string
  readonly frames: Map<number, { readonly states: string; readonly entries: string }>
}

/** The recordings' names of a state's parts, made once: every step looks at all of them. */
const KEYS = new Map<number, SvmKeys>()

function keysOf({ lpid }: Svm): SvmKeys {
  let keys = KEYS.get(lpid)
  if (keys === undefined) {
    const svm = `svm${lpid}`
    const [state, reserved, slots, outside] = ['state', 'rsv', 'slots', 'ext'].map(
      (part) => `${svm}.${part}`,
    ) as [string, string, string, string]
    keys = { state, reserved, slots, outside, frames: new Map() }
    KEYS.set(lpid, keys)
  }
  return keys
}

function frameKeysOf({ frames }: SvmKeys, lpid: number, id: number) {
  let keys = frames.get(id)
  if (keys === undefined) {
    keys = { states: `svm${lpid}.s${id}.g`, entries: `svm${lpid}.s${id}.p` }
    frames.set(id, keys)
  }
  return keys
}

export class ExpectedUvState {
  /** As recorded, by key; an empty text is left out. */
  readonly texts = new Map<string, string | number>()
  /** The same as numbers. */
  readonly #values = new Map<string, readonly number[]>()

  /** Takes a step's changes over. */
  change(delta: Readonly<Record<string, string | number | null>>): void {
    for (const key of Object.keys(delta)) {
      const value = delta[key] ?? ''
      if (value === '') {
        this.texts.delete(key)
        this.#values.delete(key)
      } else {
        this.texts.set(key, value)
        this.#values.set(key, numbersOf(value))
      }
    }
  }

  /** True when the ultravisor's whole state is the expected one, with nothing more and nothing less. */
  agreesWith(uv: Ultravisor): boolean {
    if (!this.#is('avail', uv.availableUnits)) return false
    let keys = 1
    for (const svm of uv.svms.values()) {
      const found = this.#agreesWithSvm(svm, keysOf(svm))
      if (found < 0) return false
      keys += found
    }
    return keys === this.texts.size
  }

  #is(key: string, value: number): boolean {
    const values = this.#values.get(key)
    return values?.length === 1 && values[0] === value
  }

  /** How many keys the SVM has; -1 when one of them differs. */
  #agreesWithSvm(svm: Svm, keys: SvmKeys): number {
    if (!this.#is(keys.state, svm.state) || !this.#is(keys.reserved, svm.reservedUnits)) return -1
    const slots = svm.slots.all()
    const told = this.#values.get(keys.slots) ?? []
    if (told.length !== slots.length * 3) return -1
    let at = 0
    for (const { id, base, count } of slots) {
      if (told[at++] !== id || told[at++] !== base || told[at++] !== count) return -1
      const names = frameKeysOf(keys, svm.lpid, id)
      const states = this.#values.get(names.states)
      const entries = this.#values.get(names.entries)
      if (states?.length !== count || entries?.length !== count) return -1
      for (let i = 0; i < count; i++) {
        const gfn = asGfn(base + i)
        if (states[i] !== svm.frames.state(gfn)) return -1
        if (entries[i] !== toldEntry(svm.pages.peek(gfn))) return -1
      }
    }
    const outside = this.#agreesOutside(svm, this.#values.get(keys.outside) ?? [])
    return outside < 0 ? -1 : 2 + (slots.length > 0 ? 1 : 0) + slots.length * 2 + outside
  }

  /** 1 when frames outside any slot are tracked, 0 when none is; -1 when they differ. */
  #agreesOutside({ frames, slots }: Svm, told: readonly number[]): number {
    let at = 0
    if (frames.count > 0) {
      // The recorder walked the frames as the firmware does, and so never saw GFN 0 here.
      for (let gfn = frames.after(0); gfn !== undefined; gfn = frames.after(gfn)) {
        if (slots.find(gfn) !== undefined) continue
        if (told[at++] !== gfn || told[at++] !== frames.state(gfn)) return -1
      }
    }
    if (at !== told.length) return -1
    return at > 0 ? 1 : 0
  }
}
