/**
 * A VM's memory as a stream of bytes, page by page: no more than a page or two is held besides what
 * lies in the frames.
 */
import { Host as HostCode } from '../abi/codes.ts'
import { asGpa, type Gpa, gfnOf, type Lpid, offsetInPage, PAGE_SIZE } from '../abi/page.ts'
import { bytesOfPage } from '../abi/page-bytes.ts'
import type { Outcome, Vmm } from '../hv/vmm.ts'

/** How storing ended; `written` bytes are in memory. */
export type Stored =
  | { readonly how: 'done'; readonly written: number }
  | { readonly how: 'stopped'; readonly written: number; readonly outcome: Outcome<number> }

const ZEROS = Buffer.alloc(PAGE_SIZE)

/** Stores bytes from `gpa` on. A page of zeros is kept as such. */
export async function storeChunks(
  vmm: Vmm,
  lpid: Lpid,
  gpa: Gpa,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Stored> {
  let written = 0
  for await (const { offset, bytes } of pagesOf(gpa, chunks)) {
    const at = asGpa(gpa + written)
    const isZeros = bytes.length === PAGE_SIZE && Buffer.compare(bytes, ZEROS) === 0
    const outcome = await vmm.writePage(lpid, gfnOf(at), offset, isZeros ? null : bytes)
    if (outcome.how !== 'done' || outcome.result !== HostCode.OK) {
      return { how: 'stopped', written, outcome }
    }
    written += bytes.length
  }
  return { how: 'done', written }
}

interface Piece {
  /** Where in its page it begins. */
  readonly offset: number
  /** At most up to the end of the page. */
  readonly bytes: Uint8Array
}

/** Cuts a stream into pieces of one page each; every piece is a copy that nobody else holds. */
async function* pagesOf(gpa: Gpa, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let offset = offsetInPage(gpa)
  let piece = new Uint8Array(PAGE_SIZE - offset)
  let filled = 0
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const some = chunk.subarray(taken, taken + piece.length - filled)
      piece.set(some, filled)
      taken += some.length
      filled += some.length
      if (filled < piece.length) continue
      yield { offset, bytes: piece }
      offset = 0
      filled = 0
      piece = new Uint8Array(PAGE_SIZE)
    }
  }
  if (filled > 0) yield { offset, bytes: piece.slice(0, filled) }
}

/** A page could not be read when part of the stream was out already. */
export class ReadStopped extends Error {
  override readonly name = 'ReadStopped'
}

/** `length` bytes from `gpa` on, page by page, each read when it is asked for. */
export async function* loadChunks(
  vmm: Vmm,
  lpid: Lpid,
  gpa: Gpa,
  length: number,
): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const at = asGpa(gpa + done)
    const offset = offsetInPage(at)
    const count = Math.min(length - done, PAGE_SIZE - offset)
    const outcome = await vmm.readPage(lpid, gfnOf(at))
    if (outcome.how !== 'done' || outcome.result.ret !== HostCode.OK) {
      throw new ReadStopped(`the page at 0x${at.toString(16)} could not be read`)
    }
    yield bytesOfPage(outcome.result.page, offset, count)
    done += count
  }
}
