/**
 * A whole host, or one of its VMs, as plain JSON. To be asked between calls.
 *
 * Tables are written as runs and tags as rules, so that a VM of 100 GB takes a few hundred bytes
 * where its frames are alike. The snapshot is read back by snapshot-read.ts.
 */
import type { DevicePfn, Lpid } from '../abi/page.ts'
import { asDevicePfn, asFrame } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import { toBase64 } from '../lib/base64.ts'
import type { WordTable } from '../lib/word-table.ts'
import type { PageNote } from './device-pages.ts'
import { isSecureWord, pfnOfWord } from './frame-state.ts'
import type { Host, HostFault, Vm } from './host.ts'
import { isDevicePte, type Region } from './mem-slots.ts'
import { type PageEntry, pagesPerRule } from './page-store.ts'
import { HV_PROFILE_NAMES, HV_PROFILES, type HvProfile } from './profile.ts'

type RuleEntry = Exclude<PageEntry, { readonly page: unknown }>

export const SNAPSHOT_VERSION = 1
export const HOST_FORMAT = 'uvmem-hypervisor'
export const VM_FORMAT = 'uvmem-hypervisor-vm'

/** `count` words: `word`, `word + step`, ... */
export type WordsJson = readonly (readonly [count: number, word: number, step: number])[]
/** Numbers from the first on, as many as the second says. */
export type RunJson = readonly [start: number, count: number]

/** A page's content: a tag in hexadecimal, bytes in base64, or the tags of a chunk of pages by rule. */
export type ContentJson =
  | { readonly at: number; readonly tag: string }
  | { readonly at: number; readonly bytes: string }
  | { readonly at: number; readonly first: string; readonly step: string; readonly live: number }

/** What a device page's note has beyond the plain one. */
export interface NoteJson extends Readonly<PageNote> {
  readonly pfn: number
}

export interface RegionJson {
  readonly slotId: number
  readonly pages: number
  readonly mapped: boolean
  readonly ksmError: number
  readonly ptes: WordsJson
  /** What reclaimed pages held; `at` is their index. */
  readonly swap: readonly ContentJson[]
}

export interface VmJson {
  readonly lpid: number
  readonly radix: boolean
  readonly svmEnabled: boolean
  readonly secureGuest: number
  readonly slots: readonly {
    readonly id: number
    readonly base: number
    readonly region: RegionJson
  }[]
  /** Oldest first. */
  readonly uvmem: readonly {
    readonly base: number
    readonly count: number
    readonly words: WordsJson
  }[]
  readonly kept: readonly RegionJson[]
  readonly pins: readonly (readonly [gfn: number, frame: number])[]
  readonly fault: HostFault | null
}

/** What of the host's pools belongs to the snapshot. */
export interface PoolsJson {
  readonly devices: {
    readonly used: readonly RunJson[]
    readonly notes: readonly NoteJson[]
  }
  readonly memory: {
    readonly used: readonly (readonly [start: number, count: number, lpid: number])[]
    readonly contents: readonly ContentJson[]
  }
}

export interface HostSnapshot extends PoolsJson {
  readonly format: typeof HOST_FORMAT
  readonly version: typeof SNAPSHOT_VERSION
  /** A profile's name, or its switches where it has none. */
  readonly profile: string | HvProfile
  readonly poolSize: number
  readonly frames: number
  readonly nextFrame: number
  readonly notifiesMigrations: boolean
  readonly deniesFrames: boolean
  readonly vms: readonly VmJson[]
}

export interface VmSnapshot extends PoolsJson {
  readonly format: typeof VM_FORMAT
  readonly version: typeof SNAPSHOT_VERSION
  /** PFNs in use that are mapped nowhere, which the VM's marks name: they may be in use already. */
  readonly leaked: readonly number[]
  readonly vm: VmJson
}

export function snapshotOf(host: Host): HostSnapshot {
  const { devices, ram } = host
  checkIdle(host)
  return {
    format: HOST_FORMAT,
    version: SNAPSHOT_VERSION,
    profile: HV_PROFILE_NAMES.find((name) => HV_PROFILES[name] === host.profile) ?? host.profile,
    poolSize: devices.pool.size,
    frames: ram.size,
    nextFrame: ram.next,
    notifiesMigrations: host.notifiesMigrations,
    deniesFrames: host.deniesFrames,
    devices: {
      used: [...devices.pool.takenRuns()].map(({ start, count }): RunJson => [start, count]),
      notes: [...devices.notes()].map(noteJson),
    },
    memory: {
      used: [...ram.ownedRuns()].map(({ start, count, owner }) => [start, count, owner] as const),
      contents: [...ram.contents()].map(contentJson),
    },
    vms: [...host.vms.values()].map(vmJson),
  }
}

/** One VM with the pages that are its own. */
export function snapshotOfVm(host: Host, vm: Vm): VmSnapshot {
  checkIdle(host)
  const used = mappedPfns(vm)
  const notes = host.devices.notes()
  const own = notes.size === 0 ? new Set<number>() : numbersIn(used)
  return {
    format: VM_FORMAT,
    version: SNAPSHOT_VERSION,
    devices: {
      used,
      notes: [...notes].filter(([pfn]) => own.has(pfn)).map(noteJson),
    },
    leaked: leakedPfns(host, vm),
    memory: ownMemory(host, vm.lpid),
    vm: vmJson(vm),
  }
}

function noteJson([pfn, note]: readonly [DevicePfn, Readonly<PageNote>]): NoteJson {
  const { gpa, skipPageOut, removeGfn } = note
  return {
    pfn,
    ...(gpa === undefined ? {} : { gpa }),
    ...(skipPageOut === true ? { skipPageOut } : {}),
    ...(removeGfn === true ? { removeGfn } : {}),
  }
}

function numbersIn(runs: readonly RunJson[]): Set<number> {
  const numbers = new Set<number>()
  for (const [start, count] of runs) for (let i = 0; i < count; i++) numbers.add(start + i)
  return numbers
}

function checkIdle({ devices }: Host): void {
  const { size, taken } = devices.pool
  invariant(devices.available === size - taken, 'a snapshot is taken between calls')
}

function ownMemory({ ram }: Host, lpid: Lpid): PoolsJson['memory'] {
  const used = [...ram.ownedRuns()].filter(({ owner }) => owner === lpid)
  const contents: ContentJson[] = []
  for (const entry of ram.contents()) {
    const count = 'page' in entry ? 1 : pagesPerRule
    const own = Array.from({ length: count }, (_, i) => entry.at + i).filter((n) =>
      ram.belongsTo(asFrame(n), lpid),
    )
    if (own.length === count) contents.push(contentJson(entry))
    else if (!('page' in entry)) for (const n of own) contents.push(contentJson(pageAt(entry, n)))
  }
  return { used: used.map(({ start, count, owner }) => [start, count, owner]), contents }
}

/** One page of a chunk that follows a rule. */
const pageAt = ({ at, first, step }: RuleEntry, n: number): PageEntry => ({
  at: n,
  page: BigInt.asUintN(64, first + BigInt(n - at) * step),
})

function vmJson(vm: Vm): VmJson {
  const { lpid, radix, svmEnabled, secureGuest } = vm
  return {
    lpid,
    radix,
    svmEnabled,
    secureGuest,
    slots: [...vm.slots].map(({ id, base, region }) => ({ id, base, region: regionJson(region) })),
    uvmem: vm.uvmem
      .list()
      .toReversed()
      .map(({ base, count, words }) => ({ base, count, words: wordsJson(words) })),
    kept: vm.kept.map(regionJson),
    pins: [...vm.pins.entries()],
    fault: vm.fault ?? null,
  }
}

function regionJson({ slotId, pages, mapped, ksmError, ptes, swap }: Region): RegionJson {
  const kept = [...swap].map(([at, page]) => contentJson({ at, page }))
  return { slotId, pages, mapped, ksmError, ptes: wordsJson(ptes), swap: kept }
}

function wordsJson(table: WordTable): WordsJson {
  const runs: (readonly [number, number, number])[] = []
  for (let at = 0; at < table.length; ) {
    const { count, word, step } = table.runAt(at, table.length)
    runs.push([count, word, step])
    at += count
  }
  return runs
}

const hex = (tag: bigint): string => BigInt.asUintN(64, tag).toString(16)

function contentJson(entry: PageEntry): ContentJson {
  if (!('page' in entry)) {
    const { at, first, step, live } = entry
    return { at, first: hex(first), step: hex(step), live }
  }
  const { at, page } = entry
  invariant(page !== null, 'zeros are not written')
  return typeof page === 'bigint' ? { at, tag: hex(page) } : { at, bytes: toBase64(page) }
}

const regionsOf = (vm: Vm): readonly Region[] => [
  ...[...vm.slots].map(({ region }) => region),
  ...vm.kept,
]

/** The device PFNs that a VM maps, as runs. */
function mappedPfns(vm: Vm): RunJson[] {
  const runs: RunJson[] = []
  for (const { ptes, pages } of regionsOf(vm)) {
    for (let at = 0; at < pages; ) {
      const { word, count } = ptes.runAt(at, pages)
      if (isDevicePte(word)) runs.push([pfnOfWord(word), count])
      at += count
    }
  }
  return runs
}

/** PFNs in use that no VM maps and that this VM's marks name. */
function leakedPfns(host: Host, vm: Vm): readonly number[] {
  if (host.profile.undoesPageIn) return []
  const named = new Set<number>()
  for (const { words, count } of vm.uvmem.list()) {
    for (let at = 0; at < count; ) {
      const run = words.runAt(at, count)
      if (isSecureWord(run.word)) {
        for (let i = 0; i < run.count; i++) named.add(pfnOfWord(run.word) + i)
      }
      at += run.count
    }
  }
  for (const each of host.vms.values()) {
    for (const pfn of numbersIn(mappedPfns(each))) named.delete(pfn)
  }
  return [...named].filter((pfn) => host.devices.isUsed(asDevicePfn(pfn)))
}
