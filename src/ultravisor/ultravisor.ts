/**
 * The ultravisor: its budget of secure memory and the SVMs it keeps.
 *
 * Source: create_svm(), destroy_svm() and the page reservations of the firmware. The budget counts
 * units of 2 MiB, as the firmware's allocator does.
 */
import type { Lpid } from '../abi/page.ts'
import type { BlockPool } from '../lib/block-pool.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { newPageMemory } from './page-contents.ts'
import type { PageCipher } from './page-crypto.ts'
import { PageInTracking } from './page-in-tracking.ts'
import { releaseSlots } from './page-release.ts'
import { CHUNK_FRAMES } from './page-table.ts'
import type { UvProfile } from './profile.ts'
import { type ContentMode, newSvm, type Svm, SvmState } from './svm.ts'

/** A partition table entry. */
export interface Pate {
  readonly dw0: bigint
  readonly dw1: bigint
}

export interface UltravisorOptions {
  readonly profile: UvProfile
  readonly cipher: PageCipher
  /** Secure memory, in units of 2 MiB. */
  readonly secureUnits: number
  readonly contentMode?: ContentMode
  /** First value of each SVM's IV counter, 0 to 2^64 - 1: for the test of its wrap. */
  readonly ivCounterStart?: bigint
}

export interface Ultravisor {
  readonly profile: UvProfile
  readonly cipher: PageCipher
  readonly contentMode: ContentMode
  readonly ivCounterStart: bigint
  readonly secureUnits: number
  /** Units that nobody has reserved. */
  availableUnits: number
  /** Secure memory of which pages of bytes are made. */
  readonly memory: BlockPool
  readonly svms: RecentMap<Lpid, Svm>
  readonly pates: Map<Lpid, Pate>
  /** Frames of the HV that were freed as if they were secure memory. */
  badFrees: number
}

export function newUltravisor(options: UltravisorOptions): Ultravisor {
  return {
    profile: options.profile,
    cipher: options.cipher,
    contentMode: options.contentMode ?? 'bytes',
    ivCounterStart: options.ivCounterStart ?? 0n,
    secureUnits: options.secureUnits,
    availableUnits: options.secureUnits,
    memory: newPageMemory(),
    svms: new RecentMap(),
    pates: new Map(),
    badFrees: 0,
  }
}

/** Units that a range of frames takes: those that it touches. Source: get_reservation_size(). */
export function unitsOf(base: number, count: number): number {
  if (count === 0) return 0
  return Math.floor((base + count - 1) / CHUNK_FRAMES) - Math.floor(base / CHUNK_FRAMES) + 1
}

/** False when the budget does not cover them. */
export function reserveUnits(uv: Ultravisor, units: number): boolean {
  if (units > uv.availableUnits) return false
  uv.availableUnits -= units
  return true
}

export function giveUnits(uv: Ultravisor, units: number): void {
  uv.availableUnits += units
}

/** A new SVM in transition; undefined when the LPID has one already. */
export function createSvm(uv: Ultravisor, lpid: Lpid): Svm | undefined {
  if (uv.svms.has(lpid)) return undefined
  const svm = newSvm(lpid, uv.contentMode, uv.memory)
  uv.svms.set(lpid, svm)
  return svm
}

/** Starts page-in tracking; false when the budget has no unit left for it. */
export function startTracking(uv: Ultravisor, svm: Svm): boolean {
  if (svm.tracking !== undefined) return true
  if (!reserveUnits(uv, 1)) return false
  svm.tracking = new PageInTracking()
  return true
}

export function stopTracking(uv: Ultravisor, svm: Svm): void {
  if (svm.tracking === undefined) return
  svm.tracking = undefined
  giveUnits(uv, 1)
}

/** The transition is complete. Source: svm_esm_commit(). */
export function commitSvm(svm: Svm): void {
  svm.state = SvmState.Secure
}

/** The transition failed. */
export function abortSvm(svm: Svm): void {
  svm.state = SvmState.Abort
}

/** Releases everything. Source: svm_cleanup(). */
export function destroySvm(uv: Ultravisor, svm: Svm): void {
  if (svm.fault === undefined) releaseSlots(uv, svm)
  giveUnits(uv, svm.reservedUnits)
  svm.reservedUnits = 0
  stopTracking(uv, svm)
  if (svm.state === SvmState.Secure) uv.pates.set(svm.lpid, { dw0: 0n, dw1: 0n })
  svm.key = undefined
  svm.gone = true
  uv.svms.delete(svm.lpid)
}
