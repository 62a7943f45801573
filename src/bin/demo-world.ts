/** What the steps of the demo work on. */
import {
  asGfn,
  asGpa,
  asSlotId,
  type Gfn,
  type Gpa,
  gpaOf,
  type Lpid,
  PAGE_SIZE,
} from '../abi/page.ts'
import { buildGuest, type Guest } from '../guest/guest.ts'
import type { GuestFiles } from '../peer/guest-load.ts'
import type { HvRest } from '../peer/hv-rest.ts'
import { nodeSha512 } from '../peer/node-cipher.ts'
import type { DemoAgent } from './demo-agent.ts'
import { CommandError } from './io.ts'

export const BOOTARGS = 'console=hvc0 root=/dev/vda'

/** Something that the guest alone may know, and where it keeps it. */
export interface Secret {
  readonly gpa: Gpa
  readonly bytes: Uint8Array
}

export interface DemoWorld {
  readonly rest: HvRest
  readonly agent: DemoAgent
  readonly lpid: Lpid
  /** PFNs that other VMs of the server hold. */
  readonly pfnsOfOthers: number
  readonly files: GuestFiles
  readonly guest: Guest
  /** Pages of each of the two slots. */
  readonly slotPages: number
  readonly secrets: readonly Secret[]
  /** What every half of a secret begins with: 16 random bytes. */
  readonly marker: Uint8Array
}

/** The demo did not go as it should: one line is wrong. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure'
}

/** Stops the demo when a line does not hold; `what` says what should have. */
export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new DemoFailure(what)
}

/** Two slots of the same size, one behind the other. */
export function guestOf(files: GuestFiles, slotPages: number): Guest {
  const size = slotPages * PAGE_SIZE
  const slots = [
    { start: asGpa(0), size },
    { start: asGpa(size), size },
  ]
  const guest = buildGuest({ ...files, bootargs: BOOTARGS, slots, sha512: nodeSha512 })
  if (typeof guest === 'string') throw new CommandError(guest)
  return guest
}

/** Slot id of the memory that is added while the guest runs. */
export const HOT_SLOT = asSlotId(7)

/** The n-th page of the second slot: nothing was put there at boot. */
export const freeGfn = (slotPages: number, n: number): Gfn => asGfn(slotPages + n)

const SECRETS = 16
const PART_BYTES = 16

/**
 * Secrets on pages of their own; the last one lies on two. Both halves of each begin with the same
 * random marker, so that one search finds any half of any of them.
 */
export function secretsFor(
  slotPages: number,
  marker: Uint8Array,
  random: (count: number) => Uint8Array,
): Secret[] {
  return Array.from({ length: SECRETS }, (_, i) => {
    const bytes = Buffer.concat([marker, random(PART_BYTES), marker, random(PART_BYTES)])
    const isLast = i === SECRETS - 1
    const offset = isLast ? PAGE_SIZE - bytes.length / 2 : (i * 4_099) % 60_000
    return { gpa: asGpa(gpaOf(freeGfn(slotPages, 3 * i)) + offset), bytes }
  })
}

/** Frames that hold a secret. */
export function gfnsOf({ secrets }: DemoWorld): readonly Gfn[] {
  const gfns = new Set<Gfn>()
  for (const { gpa, bytes } of secrets) {
    gfns.add(asGfn(Math.floor(gpa / PAGE_SIZE)))
    gfns.add(asGfn(Math.floor((gpa + bytes.length - 1) / PAGE_SIZE)))
  }
  return [...gfns]
}

export const sameBytes = (a: Uint8Array | undefined, b: Uint8Array): boolean =>
  a !== undefined && Buffer.compare(a, b) === 0

/** PFNs in use by the demo's VM. */
export async function pfnsInUse({ rest, pfnsOfOthers }: DemoWorld): Promise<number> {
  const { pool } = await rest.call('getHost')
  return pool.used - pfnsOfOthers
}
