/**
 * Puts a guest into a VM's normal memory over REST, as a boot loader does before the guest runs.
 */
import { asGpa, type Gpa, type Lpid } from '../abi/page.ts'
import type { ByteSource } from '../formats/byte-source.ts'
import type { Guest, GuestPart, Placement } from '../guest/guest.ts'
import { present } from '../lib/assert.ts'
import { chunksOf } from './file-source.ts'
import type { HvRest } from './hv-rest.ts'

export interface GuestFiles {
  readonly kernel: ByteSource
  readonly initrd: ByteSource
}

/** What the ESM blob has a digest of. */
export const MEASURED_PARTS = ['rtas', 'kernel', 'initrd', 'bootargs'] as const
export type MeasuredPart = (typeof MEASURED_PARTS)[number]

const ZEROS = new Uint8Array(1_048_576)

/** Stores every part, with the zeros between and behind its segments. @returns bytes stored. */
export async function loadGuest(
  rest: HvRest,
  lpid: Lpid,
  guest: Guest,
  files: GuestFiles,
): Promise<number> {
  let bytes = 0
  let kernelEnd: number = guest.kernelBase
  for (const placement of guest.placements) {
    const { what, gpa, memSize } = placement
    if (what === 'kernel') {
      // Whatever lay between two segments would be measured with them.
      if (gpa > kernelEnd) {
        bytes += await rest.write(lpid, asGpa(kernelEnd), asyncOf(zeros(gpa - kernelEnd)))
      }
      kernelEnd = gpa + memSize
    }
    bytes += await rest.write(lpid, gpa, asyncOf(contentOf(placement, files)))
  }
  return bytes
}

/** Changes one byte of a part in the VM's memory, so that its digest differs. */
export async function damageGuest(
  rest: HvRest,
  lpid: Lpid,
  guest: Guest,
  files: GuestFiles,
  part: MeasuredPart,
  bootargs: string,
): Promise<void> {
  const { gpa, byte } = placeOf(guest, files, part, bootargs)
  await rest.write(lpid, gpa, Uint8Array.of(byte ^ 1))
}

/** A byte of a part: where it lies and what it is. */
function placeOf(
  guest: Guest,
  files: GuestFiles,
  part: MeasuredPart,
  bootargs: string,
): { gpa: Gpa; byte: number } {
  const what: GuestPart = part === 'bootargs' ? 'device-tree' : part
  const place = present(
    guest.placements.find((each) => each.what === what && lengthOf(each) > 0),
    `the ${part} of the guest`,
  )
  const { content } = place
  if (content.from !== 'bytes') {
    const at = Math.floor(content.length / 2)
    const byte = files[content.from].read(content.offset + at, 1)[0] ?? 0
    return { gpa: asGpa(place.gpa + at), byte }
  }
  const at = part === 'bootargs' ? Buffer.from(content.bytes).indexOf(bootargs, 0, 'utf8') : 0
  return { gpa: asGpa(place.gpa + at), byte: present(content.bytes[at], `a byte of ${part}`) }
}

const lengthOf = ({ content }: Placement): number =>
  content.from === 'bytes' ? content.bytes.length : content.length

function* contentOf(placement: Placement, files: GuestFiles): Generator<Uint8Array> {
  const { content, memSize } = placement
  if (content.from === 'bytes') yield content.bytes
  else yield* chunksOf(files[content.from], content.offset, content.length)
  yield* zeros(memSize - lengthOf(placement))
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS.length) {
    yield left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left)
  }
}

/** Lets the event loop turn between pieces. */
async function* asyncOf(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) if (piece.length > 0) yield piece
}
