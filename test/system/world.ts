/**
 * A small world for whole-system runs: both cores joined, one host, VMs with a bootable guest in
 * sixteen pages, and what each guest last wrote.
 */
import {
  asFrame,
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gfn,
  gfnOf,
  gpaOf,
  type Lpid,
  PAGE_SIZE,
} from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { buildGuest, type Guest } from '../../src/guest/guest.ts'
import { Machine } from '../../src/lab/machine.ts'
import { present } from '../../src/lib/assert.ts'
import { nodeCipher, nodeSha512 } from '../../src/peer/node-cipher.ts'
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import { newUltravisor } from '../../src/ultravisor/ultravisor.ts'
import { newHost } from '../../src/uvmem/host.ts'
import type { HvProfile } from '../../src/uvmem/profile.ts'
import { createVm } from '../../src/uvmem/vmm/life.ts'
import { writePage } from '../../src/uvmem/vmm/memory.ts'

/** Slot 0: what the guest boots from. */
export const BOOT_PAGES = 16
/** Slot 1: hot-added and hot-removed. */
export const HOT_BASE = asGfn(32)
export const HOT_PAGES = 4
export const BOOT_SLOT = asSlotId(0)
export const HOT_SLOT = asSlotId(1)

export interface WorldOptions {
  readonly hv: HvProfile
  readonly uv: UvProfile
  readonly poolPages: number
  readonly secureUnits: number
}

/** What a guest last wrote to the first eight bytes of each page; absent means zeros. */
export type Written = Map<Gfn, bigint>

export class World {
  readonly machine: Machine
  readonly guest: Guest
  readonly written = new Map<Lpid, Written>()

  constructor({ hv, uv, poolPages, secureUnits }: WorldOptions) {
    this.machine = new Machine(
      newHost({ profile: hv, poolSize: poolPages }),
      newUltravisor({ profile: uv, cipher: nodeCipher, secureUnits }),
    )
    this.guest = smallGuest()
  }

  /** A normal VM with its guest in memory. */
  boot(lpid: Lpid): void {
    const { host } = this.machine
    createVm(host, {
      lpid,
      radix: true,
      svmEnabled: true,
      slots: [{ id: BOOT_SLOT, base: asGfn(0), pages: BOOT_PAGES }],
    })
    this.reload(lpid)
  }

  /** What the boot loader does at every boot. */
  reload(lpid: Lpid): void {
    const vm = this.machine.vm(lpid)
    this.written.set(lpid, new Map())
    for (const { gpa, content } of this.guest.placements) {
      const bytes = content.from === 'bytes' ? content.bytes : FILE.subarray(0, content.length)
      this.machine.hv(writePage(this.machine.host, vm, gfnOf(gpa), gpa % PAGE_SIZE, bytes.slice()))
    }
  }

  writtenBy(lpid: Lpid): Written {
    return present(this.written.get(lpid), `what VM ${lpid} wrote`)
  }

  /** What the host finds behind a frame when it looks without touching. */
  heldByHost(lpid: Lpid, gfn: Gfn): bigint | undefined {
    const { host } = this.machine
    const slot = host.vms.get(lpid)?.slots.at(gfn)
    const pte = slot?.region.ptes.get(gfn - slot.base) ?? 0
    if (pte === 0 || pte >= 2 ** 31) return undefined
    const page = host.ram.read(asFrame(pte))
    return page instanceof Uint8Array
      ? new DataView(page.buffer, page.byteOffset).getBigUint64(0)
      : 0n
  }
}

const FILE = Uint8Array.from({ length: 1_000 }, (_, i) => (i * 7 + 3) % 251)

function smallGuest(): Guest {
  const guest = buildGuest({
    kernel: sourceOf(FILE),
    initrd: sourceOf(FILE.subarray(0, 500)),
    bootargs: 'console=hvc0',
    slots: [{ start: asGpa(0), size: BOOT_PAGES * PAGE_SIZE }],
    sha512: nodeSha512,
    kernelBase: asGpa(PAGE_SIZE),
  })
  if (typeof guest === 'string') throw new Error(guest)
  return guest
}

export const bytesOf = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

export const numberOf = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)

export const startOf = (gfn: Gfn) => gpaOf(gfn)
export const lpidOf = (n: number): Lpid => asLpid(n)
