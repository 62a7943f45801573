/**
 * What becomes of the pages of a slot, or of all slots, when they are released.
 *
 * Source: release_pagetable() in svm_host.c and release_page_range() in pgtable.c. First every
 * frame is made SECURE, so that the table maps only secure pages; then the table's pages are freed.
 *
 * The rough walk of profile `firmware`, in facts: it steps by 2 MiB from the first address, aligned
 * or not, and within one chunk's table it goes on from there for 32 entries, round the end of the
 * table to its start. A chunk mapped by one entry is freed whole; a table of which all 32 entries
 * were cleared is freed, with the page that its first entry names; one of which fewer were cleared
 * ends the walk. The upper levels are walked in the same way, so that a slot that crosses a 1 GiB
 * or 512 GiB border unaligned goes round there too.
 */
import { asGfn, type Gfn } from '../abi/page.ts'
import type { MemSlot } from './mem-slots.ts'
import { CHUNK_FRAMES, hvFrameOf, isMapped, type PageTable } from './page-table.ts'
import { secureFrame } from './secure-frame.ts'
import type { Svm } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

/** Chunks below one entry of the next two levels. */
const CHUNKS_PER_GROUP = 512
const GROUPS_PER_ROOT_ENTRY = 512
const FRAMES_PER_GROUP = CHUNKS_PER_GROUP * CHUNK_FRAMES
const FRAMES_PER_ROOT_ENTRY = GROUPS_PER_ROOT_ENTRY * FRAMES_PER_GROUP

/** Releases the pages of one slot. */
export function releaseSlot(uv: Ultravisor, svm: Svm, slot: MemSlot): void {
  const end = slot.base + slot.count
  // DIFF: profile `firmware` secures one frame too many.
  secureFrames(uv, svm, slot.base, uv.profile.releaseReachesNextFrame ? end + 1 : end)
  // DIFF: profile `firmware` goes round each table's end (see the top of this file).
  if (uv.profile.releasesTableRoughly) releaseRoughly(uv, svm.pages, slot.base, end)
  else releaseExactly(svm.pages, slot.base, end)
  svm.contents.clearRange(slot.base, end)
}

/** Releases all pages and the table itself. */
export function releaseSlots(uv: Ultravisor, svm: Svm): void {
  secureFrames(uv, svm, 0, Number.POSITIVE_INFINITY)
  const rootEntries = Math.ceil(svm.slots.end() / FRAMES_PER_ROOT_ENTRY)
  const chunkEnd = rootEntries * GROUPS_PER_ROOT_ENTRY * CHUNKS_PER_GROUP
  for (const [chunk, table] of svm.pages.tables) {
    if (chunk < chunkEnd) freeTable(uv, table, 0)
  }
  svm.pages.freeRoot()
  for (const slot of svm.slots.all()) svm.contents.clearRange(slot.base, slot.base + slot.count)
}

/** Source: secure_page_table_entries(). */
function secureFrames(uv: Ultravisor, svm: Svm, start: number, end: number): void {
  // DIFF: the firmware's walk asks for the frame after 0 first, and so never sees GFN 0.
  const before = uv.profile.walksSkipGfnZero ? Math.max(start - 1, 0) : start - 1
  let gfn = svm.frames.after(before)
  for (; gfn !== undefined && gfn < end; gfn = svm.frames.after(gfn)) {
    secureFrame(uv.profile, svm, gfn)
  }
}

function releaseExactly(pages: PageTable, start: Gfn, end: number): void {
  const firstChunk = Math.ceil(start / CHUNK_FRAMES)
  const endChunk = Math.floor(end / CHUNK_FRAMES)
  if (firstChunk < endChunk) pages.removeChunks(firstChunk, endChunk)
  const headEnd = Math.min(end, firstChunk * CHUNK_FRAMES)
  for (let gfn = start as number; gfn < headEnd; gfn++) pages.set(asGfn(gfn), 0)
  const tailStart = Math.max(headEnd, endChunk * CHUNK_FRAMES)
  for (let gfn = tailStart; gfn < end; gfn++) pages.set(asGfn(gfn), 0)
}

function releaseRoughly(uv: Ultravisor, pages: PageTable, start: number, end: number): void {
  let first = start
  if (start % FRAMES_PER_ROOT_ENTRY === 0) {
    // Nothing goes round its table's end here: the whole chunks can be released in one go.
    const endChunk = Math.floor(end / CHUNK_FRAMES)
    releaseChunks(uv, pages, start / CHUNK_FRAMES, endChunk)
    first = endChunk * CHUNK_FRAMES
  }
  for (let at = first; at < end; at += CHUNK_FRAMES) {
    releaseChunk(uv, pages, chunkOfWalk(start, at), at % CHUNK_FRAMES, end - at)
  }
}

/** The chunk that the walk from `start` finds at `at`: it goes round within the upper levels. */
function chunkOfWalk(start: number, at: number): number {
  const rootStart = at - ((at - start) % FRAMES_PER_ROOT_ENTRY)
  const groupStart = at - ((at - start) % FRAMES_PER_GROUP)
  const group =
    Math.floor(rootStart / FRAMES_PER_ROOT_ENTRY) * GROUPS_PER_ROOT_ENTRY +
    (Math.floor(groupStart / FRAMES_PER_GROUP) % GROUPS_PER_ROOT_ENTRY)
  return group * CHUNKS_PER_GROUP + (Math.floor(at / CHUNK_FRAMES) % CHUNKS_PER_GROUP)
}

/** `frames` are those that are left of the walk: fewer than 32 at its last step only. */
function releaseChunk(
  uv: Ultravisor,
  pages: PageTable,
  chunk: number,
  from: number,
  frames: number,
): void {
  const table = pages.tables.get(chunk)
  if (table !== undefined && frames < CHUNK_FRAMES) {
    for (let i = 0; i < frames; i++) table[(from + i) % CHUNK_FRAMES] = 0
    return
  }
  if (table !== undefined) freeTable(uv, table, from)
  pages.removeChunks(chunk, chunk + 1)
}

function releaseChunks(uv: Ultravisor, pages: PageTable, first: number, end: number): void {
  for (const [chunk, table] of pages.tables) {
    if (chunk >= first && chunk < end) freeTable(uv, table, 0)
  }
  pages.removeChunks(first, end)
}

/** The page that the first used entry names is freed: a bad free when that is one of the HV's. */
function freeTable(uv: Ultravisor, table: Float64Array, from: number): void {
  for (let i = 0; i < CHUNK_FRAMES; i++) {
    const entry = table[(from + i) % CHUNK_FRAMES] ?? 0
    if (!isMapped(entry)) continue
    if (hvFrameOf(entry) !== undefined) uv.badFrees++
    return
  }
}
