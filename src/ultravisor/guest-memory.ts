/**
 * Loads and stores of a secure guest.
 *
 * They go where the page table says: to secure memory, or over the bus to a frame that the HV gave.
 * A page fault is served as the firmware serves it, and the access goes on.
 */
import {
  asGpa,
  type Gfn,
  type Gpa,
  gfnOf,
  offsetInPage,
  PAGE_SIZE,
  type Page,
} from '../abi/page.ts'
import { bytesOfPage, writableBytes } from '../abi/page-bytes.ts'
import { serveDataFault } from './access.ts'
import { isTransient } from './frame-state.ts'
import { UV_LIMITS } from './limits.ts'
import { tagOfBytes } from './page-contents.ts'
import { hvFrameOf, isOwn, isPresent } from './page-table.ts'
import { ask, guarded, type UvSteps } from './steps.ts'
import type { Svm } from './svm.ts'
import { Trap, type TrapResult } from './trap.ts'
import type { Ultravisor } from './ultravisor.ts'

/** Why an access went no further; bytes before `gpa` were read or written. */
export type AccessStop =
  /** No memory slot there: a device. */
  | { readonly kind: 'MMIO'; readonly gpa: Gpa }
  /** The HV refused the page, or the access to its frame. */
  | { readonly kind: 'REFUSED'; readonly gpa: Gpa; readonly ret: number }
  /** Another call of the guest is sharing or unsharing the frame: try again later. */
  | { readonly kind: 'BUSY'; readonly gpa: Gpa }
  /** More than `accessBytesMax`. */
  | { readonly kind: 'TOO_LONG' }
  | TrapResult

export type LoadResult = { readonly kind: 'OK'; readonly bytes: Uint8Array } | AccessStop
export type StoreResult = { readonly kind: 'OK' } | AccessStop

/** A page that may be touched: its own, or a frame of the HV. */
type Reached = { readonly kind: 'ENTRY'; readonly entry: number }

/** Reads `length` bytes at any address. */
export function* load(uv: Ultravisor, svm: Svm, gpa: Gpa, length: number): UvSteps<LoadResult> {
  if (length > UV_LIMITS.accessBytesMax) return { kind: 'TOO_LONG' }
  return yield* guarded(svm, loadPieces(uv, svm, gpa, length))
}

/** Writes bytes at any address. They are copied. */
export function* store(
  uv: Ultravisor,
  svm: Svm,
  gpa: Gpa,
  bytes: Uint8Array,
): UvSteps<StoreResult> {
  if (bytes.length > UV_LIMITS.accessBytesMax) return { kind: 'TOO_LONG' }
  return yield* guarded(svm, storePieces(uv, svm, gpa, bytes))
}

function* loadPieces(uv: Ultravisor, svm: Svm, gpa: Gpa, length: number): UvSteps<LoadResult> {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const here = asGpa(gpa + at)
    const size = Math.min(length - at, PAGE_SIZE - offsetInPage(here))
    const reached = yield* reach(uv, svm, here)
    if (reached.kind !== 'ENTRY') return reached
    const piece = yield* loadPiece(svm, here, size, reached.entry)
    if (!(piece instanceof Uint8Array)) return piece
    bytes.set(piece, at)
    at += size
  }
  return { kind: 'OK', bytes }
}

function* loadPiece(
  svm: Svm,
  gpa: Gpa,
  length: number,
  entry: number,
): UvSteps<Uint8Array | AccessStop> {
  const offset = offsetInPage(gpa)
  if (isOwn(entry)) return bytesOfPage(svm.contents.glance(gfnOf(gpa)), offset, length)
  const ra = hvFrameOf(entry)
  if (ra === undefined) throw new Trap('OOPS', 'the page table maps no page')
  const reply = yield* ask(svm, { call: 'MEM_READ', lpid: svm.lpid, ra, offset, length })
  if (reply.ret !== 0 || reply.bytes?.length !== length) {
    return { kind: 'REFUSED', gpa, ret: reply.ret }
  }
  return reply.bytes
}

function* storePieces(uv: Ultravisor, svm: Svm, gpa: Gpa, bytes: Uint8Array): UvSteps<StoreResult> {
  for (let at = 0; at < bytes.length; ) {
    const here = asGpa(gpa + at)
    const size = Math.min(bytes.length - at, PAGE_SIZE - offsetInPage(here))
    const reached = yield* reach(uv, svm, here)
    if (reached.kind !== 'ENTRY') return reached
    const stop = yield* storePiece(svm, here, bytes.slice(at, at + size), reached.entry)
    if (stop !== undefined) return stop
    at += size
  }
  return { kind: 'OK' }
}

function* storePiece(
  svm: Svm,
  gpa: Gpa,
  bytes: Uint8Array,
  entry: number,
): UvSteps<AccessStop | undefined> {
  const offset = offsetInPage(gpa)
  if (isOwn(entry)) {
    storeOwn(svm, gfnOf(gpa), offset, bytes)
    return undefined
  }
  const ra = hvFrameOf(entry)
  if (ra === undefined) throw new Trap('OOPS', 'the page table maps no page')
  const reply = yield* ask(svm, { call: 'MEM_WRITE', lpid: svm.lpid, ra, offset, bytes })
  return reply.ret === 0 ? undefined : { kind: 'REFUSED', gpa, ret: reply.ret }
}

/** Pages that were handed over are never written to: a store makes a new one. */
function storeOwn(svm: Svm, gfn: Gfn, offset: number, bytes: Uint8Array): void {
  if (bytes.length === PAGE_SIZE) {
    svm.contents.set(gfn, bytes)
    return
  }
  const old = svm.contents.glance(gfn)
  svm.contents.set(gfn, isTagStore(svm, old, offset, bytes) ? tagOfBytes(bytes) : patched())

  function patched(): Page {
    const page = writableBytes(old)
    page.set(bytes, offset)
    return page
  }
}

/** In a VM of tags a store of eight bytes at a page's start sets its tag. */
const isTagStore = (svm: Svm, old: Page, offset: number, bytes: Uint8Array): boolean =>
  svm.contentMode === 'tag' && offset === 0 && bytes.length === 8 && !(old instanceof Uint8Array)

/** Faults until the frame may be touched. */
function* reach(uv: Ultravisor, svm: Svm, gpa: Gpa): UvSteps<Reached | AccessStop> {
  const gfn = gfnOf(gpa)
  for (let faults = 0; faults < UV_LIMITS.accessFaultsMax; faults++) {
    const entry = svm.pages.entry(gfn)
    if (isPresent(entry)) return { kind: 'ENTRY', entry }
    const outcome = yield* serveDataFault(uv, svm, gpa)
    switch (outcome.kind) {
      case 'MMIO':
        return { kind: 'MMIO', gpa }
      case 'RESUME':
        if (outcome.ret !== 0) return { kind: 'REFUSED', gpa, ret: outcome.ret }
        break
      case 'REFLECT': {
        const reply = yield* ask(svm, { call: 'HDSI', lpid: svm.lpid, gpa })
        if (reply.ret !== 0) return { kind: 'REFUSED', gpa, ret: reply.ret }
        break
      }
      case 'URFID':
        if (isTransient(svm.frames.state(gfn))) return { kind: 'BUSY', gpa }
        throw new Trap('LIVELOCK', 'the guest faults on a secure frame for ever')
    }
  }
  return { kind: 'BUSY', gpa }
}
