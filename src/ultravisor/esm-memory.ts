/**
 * What a plan of UV_ESM does with the guest's memory: page ranges in, then read what lies there.
 *
 * Everything here is looked at only after it came into secure memory, where the HV cannot change
 * it.
 */
import { asGpa, type Gpa, gfnAt, gfnOf, offsetInPage, PAGE_SIZE } from '../abi/page.ts'
import { bytesOfPage } from '../abi/page-bytes.ts'
import type { Sha512Run } from '../guest/digest.ts'
import { getFrames } from './page-range.ts'
import type { UvSteps } from './steps.ts'
import type { Svm } from './svm.ts'

/** A range of the guest's memory, in bytes. */
export interface Range {
  readonly start: Gpa
  readonly length: number
}

export const rangeAt = (start: number, length: number): Range => ({ start: asGpa(start), length })

/** Pages a range in; undefined, or what is wrong. Source: get_page_range(). */
export function* fetchRange(
  svm: Svm,
  { start, length }: Range,
  window: number,
): UvSteps<string | undefined> {
  if (length <= 0) return 'the range is empty'
  const first = gfnOf(start)
  const count = gfnOf(asGpa(start + length - 1)) - first + 1
  if (!svm.slots.hasRange(first, count)) {
    return `0x${start.toString(16)} and ${length} bytes are not in memory slots`
  }
  const gfns = function* () {
    for (let i = 0; i < count; i++) yield gfnAt(first, i)
  }
  const asked = yield* getFrames(svm, gfns(), window)
  return asked === undefined ? 'the hypervisor refuses a page' : undefined
}

/** The bytes of a range, in one piece: for small ranges. */
export function readRange(svm: Svm, { start, length }: Range): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of piecesOf(svm, { start, length })) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** Feeds a range to a digest as its pages lie. */
export function hashRange(run: Sha512Run, svm: Svm, range: Range): void {
  for (const piece of piecesOf(svm, range)) run.update(piece)
}

function* piecesOf(svm: Svm, { start, length }: Range): Generator<Uint8Array> {
  for (let at = 0; at < length; ) {
    const gpa = asGpa(start + at)
    const here = Math.min(length - at, PAGE_SIZE - offsetInPage(gpa))
    yield bytesOfPage(svm.contents.glance(gfnOf(gpa)), offsetInPage(gpa), here)
    at += here
  }
}
