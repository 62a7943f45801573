/**
 * Looks for bytes in everything that the host holds of a VM: each normal frame that it maps, read
 * as the host reads it. A secure frame is not touched, since that would bring it out.
 */
import { asGfn, gpaOf, PAGE_SIZE } from '../abi/page.ts'
import type { DemoWorld } from './demo-world.ts'

export interface SearchResult {
  /** Frames of normal memory that were searched. */
  readonly frames: number
  /** Times that it was found. */
  readonly found: number
}

/** Looks for bytes everywhere, also where they lie across two frames or two pieces. */
export async function searchHost(demo: DemoWorld, wanted: Uint8Array): Promise<SearchResult> {
  const needle = Buffer.from(wanted)
  let frames = 0
  let found = 0
  for await (const { from, count } of heldRuns(demo)) {
    frames += count
    let tail = Buffer.alloc(0)
    for await (const bytes of demo.rest.read(demo.lpid, gpaOf(asGfn(from)), count * PAGE_SIZE)) {
      const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      const seam = Buffer.concat([tail, piece.subarray(0, needle.length - 1)])
      if (seam.includes(needle)) found++
      for (let at = piece.indexOf(needle); at >= 0; at = piece.indexOf(needle, at + 1)) found++
      tail = Buffer.from((piece.length < needle.length ? seam : piece).subarray(1 - needle.length))
    }
  }
  return { frames, found }
}

/** Runs of frames that the host maps to normal memory. */
async function* heldRuns({ rest, lpid }: DemoWorld) {
  for (let from: number | null = 0; from !== null; ) {
    const query = { from, limit: 10_000, by: 'backing' }
    const page: {
      runs: readonly { from: number; count: number; maps?: string | undefined }[]
      next: number | null
    } = await rest.call('listFrames', { path: { lpid }, query })
    for (const run of page.runs) if (run.maps === 'frame') yield run
    from = page.next
  }
}
