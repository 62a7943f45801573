/**
 * The whole state of the ultravisor as plain JSON, and back.
 *
 * It holds keys and the contents of secure pages: whoever keeps one keeps the guests' secrets. It
 * is taken when no call is under way, since a suspended call is not part of it.
 */
import { asGfn, asLpid, asSlotId, type Page } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import { type FrameState, isFrameState } from './frame-state.ts'
import { Note } from './frame-table.ts'
import { bytesOfHex, hexOf } from './hex.ts'
import { IV_BYTES } from './page-crypto.ts'
import { PageInTracking } from './page-in-tracking.ts'
import { type ContentMode, newSvm, type Svm, type SvmState } from './svm.ts'
import type { UvFault } from './trap.ts'
import { newUltravisor, type Ultravisor, type UltravisorOptions } from './ultravisor.ts'

/** `[gfn, state, note, seal]`; the seal is IV and tag in hexadecimal digits. */
export type FrameSnapshot = readonly [number, FrameState, number] | SealedFrameSnapshot
export type SealedFrameSnapshot = readonly [number, FrameState, number, string]
/** `[gfn, 'tag' or 'hex', digits]`. */
export type PageSnapshot = readonly [number, 'tag' | 'hex', string]

export interface SvmSnapshot {
  readonly lpid: number
  readonly state: SvmState
  /** `[id, base, count, units]`, highest base first. */
  readonly slots: readonly (readonly [number, number, number, number])[]
  readonly frames: readonly FrameSnapshot[]
  /** Chunks mapped by one entry, as runs; null when the table is gone. */
  readonly large: readonly (readonly [number, number])[] | null
  /** `[chunk, entries]`. */
  readonly tables: readonly (readonly [number, readonly number[]])[]
  readonly contents: readonly PageSnapshot[]
  readonly contentMode: ContentMode
  readonly key: { readonly key: string; readonly fixed: string; readonly counter: string } | null
  /** GFNs that were asked for; null outside UV_ESM. */
  readonly tracking: readonly number[] | null
  readonly reservedUnits: number
  readonly abortReason: string | null
  readonly fault: UvFault | null
}

export interface UvSnapshot {
  readonly secureUnits: number
  readonly availableUnits: number
  readonly badFrees: number
  readonly pates: readonly (readonly [number, string, string])[]
  readonly svms: readonly SvmSnapshot[]
}

export function snapshotOf(uv: Ultravisor): UvSnapshot {
  const { secureUnits, availableUnits, badFrees } = uv
  const pates = [...uv.pates].map(
    ([lpid, { dw0, dw1 }]) => [lpid, dw0.toString(16), dw1.toString(16)] as const,
  )
  return { secureUnits, availableUnits, badFrees, pates, svms: [...uv.svms.values()].map(svmOut) }
}

/** Builds an ultravisor from a snapshot; profile and cipher come from the options. */
export function restoreUltravisor(
  options: Omit<UltravisorOptions, 'secureUnits'>,
  snapshot: UvSnapshot,
): Ultravisor {
  const uv = newUltravisor({ ...options, secureUnits: snapshot.secureUnits })
  uv.availableUnits = snapshot.availableUnits
  uv.badFrees = snapshot.badFrees
  for (const [lpid, dw0, dw1] of snapshot.pates) {
    uv.pates.set(asLpid(lpid), { dw0: BigInt(`0x${dw0}`), dw1: BigInt(`0x${dw1}`) })
  }
  for (const svm of snapshot.svms) uv.svms.set(asLpid(svm.lpid), svmIn(svm))
  return uv
}

function svmOut(svm: Svm): SvmSnapshot {
  invariant(svm.callsInFlight === 0, 'a snapshot is taken between calls')
  const { key } = svm
  return {
    lpid: svm.lpid,
    state: svm.state,
    slots: svm.slots.all().map(({ id, base, count, units }) => [id, base, count, units] as const),
    frames: [...svm.frames.tracked()].map((gfn) => frameOut(svm, gfn)),
    large: svm.pages.hasRoot ? svm.pages.large.runs() : null,
    tables: [...svm.pages.tables].map(([chunk, entries]) => [chunk, [...entries]] as const),
    contents: [...svm.contents.pages()].map(pageOut),
    contentMode: svm.contentMode,
    key:
      key === undefined
        ? null
        : { key: hexOf(key.key), fixed: hexOf(key.fixed), counter: key.counter.toString(16) },
    tracking: svm.tracking === undefined ? null : [...svm.tracking.all()],
    reservedUnits: svm.reservedUnits,
    abortReason: svm.abortReason ?? null,
    fault: svm.fault ?? null,
  }
}

function frameOut(svm: Svm, gfn: number): FrameSnapshot {
  const frame = asGfn(gfn)
  const [state, note, seal] = [
    svm.frames.state(frame),
    svm.frames.note(frame),
    svm.frames.seal(frame),
  ]
  return seal === undefined ? [gfn, state, note] : [gfn, state, note, hexOf(seal)]
}

const pageOut = ([gfn, page]: [number, bigint | Uint8Array]): PageSnapshot =>
  typeof page === 'bigint' ? [gfn, 'tag', page.toString(16)] : [gfn, 'hex', hexOf(page)]

function svmIn(from: SvmSnapshot): Svm {
  const svm = newSvm(asLpid(from.lpid), from.contentMode)
  svm.state = from.state
  for (const [id, base, count, units] of from.slots) {
    svm.slots.put({ id: asSlotId(id), base: asGfn(base), count, units })
  }
  for (const frame of from.frames) frameIn(svm, frame)
  if (from.large === null) svm.pages.freeRoot()
  else for (const [first, end] of from.large) svm.pages.large.add(first, end)
  for (const [chunk, entries] of from.tables) {
    svm.pages.tables.set(chunk, Float64Array.from(entries))
  }
  for (const [gfn, kind, digits] of from.contents) {
    svm.contents.set(asGfn(gfn), pageIn(kind, digits))
  }
  svm.key = keyIn(from)
  if (from.tracking !== null) {
    svm.tracking = new PageInTracking()
    for (const gfn of from.tracking) svm.tracking.add(gfn)
  }
  svm.reservedUnits = from.reservedUnits
  svm.abortReason = from.abortReason ?? undefined
  svm.fault = from.fault ?? undefined
  return svm
}

function frameIn(svm: Svm, [gfn, state, note, seal]: FrameSnapshot): void {
  invariant(isFrameState(state), `${state} is a frame state`)
  const frame = asGfn(gfn)
  svm.frames.setState(frame, state)
  if (seal !== undefined) {
    const bytes = bytesOfHex(seal)
    svm.frames.setSeal(frame, bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES))
  } else if (note !== Note.None) svm.frames.setNote(frame, note)
}

const pageIn = (kind: 'tag' | 'hex', digits: string): Page =>
  kind === 'tag' ? BigInt(`0x${digits}`) : bytesOfHex(digits)

function keyIn({ key }: SvmSnapshot): Svm['key'] {
  if (key === null) return undefined
  return {
    key: bytesOfHex(key.key),
    fixed: bytesOfHex(key.fixed),
    counter: BigInt(`0x${key.counter}`),
  }
}
