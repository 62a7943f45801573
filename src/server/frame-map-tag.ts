/**
 * The epoch of a VM's frames as text: it changes with any frame's state and with the memory slots.
 * It serves as ETag of the map, and as the point from which changes are asked for.
 */
import { randomBytes } from 'node:crypto'
import type { Vm } from '../uvmem/host.ts'

export interface FrameEpoch {
  /** Which VM it is: another one, or another server, never has the same. */
  readonly vm: string
  /** Which memory slots it has. */
  readonly slots: string
  /** What its clock of changes says. */
  readonly now: number
}

const server = randomBytes(6).toString('hex')
const vms = new WeakMap<Vm, string>()
let vmsSeen = 0

function nameOf(vm: Vm): string {
  let name = vms.get(vm)
  if (name === undefined) {
    vmsSeen++
    name = `${server}${vmsSeen.toString(36)}`
    vms.set(vm, name)
  }
  return name
}

/** A number for the list of memory slots. Source: FNV-1a. */
function slotsHash(vm: Vm): string {
  let hash = 0x811c_9dc5
  const mix = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x0100_0193) >>> 0
  }
  for (const { id, base, pages } of vm.slots) {
    mix(id)
    mix(base % 2 ** 32)
    mix(Math.floor(base / 2 ** 32))
    mix(pages)
  }
  return hash.toString(36)
}

export const epochOf = (vm: Vm): FrameEpoch => ({
  vm: nameOf(vm),
  slots: slotsHash(vm),
  now: vm.uvmem.changes.now,
})

export const textOfEpoch = ({ vm, slots, now }: FrameEpoch): string =>
  `${vm}-${slots}-${now.toString(36)}`

/** The clock's time that a text names, when what changed since then is known. */
export function timeSince(vm: Vm, epoch: FrameEpoch, text: string): number | undefined {
  const [name, slots, now] = text.split('-')
  if (name !== epoch.vm || slots !== epoch.slots || now === undefined) return undefined
  const time = Number.parseInt(now, 36)
  return time <= epoch.now && time >= vm.uvmem.listedAt ? time : undefined
}
