/** An ultravisor client and a hypervisor in one process: two peers, and no socket between them. */
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { asGfn, asGpa, asLpid, asSlotId, type Lpid, PAGE_SIZE } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { buildGuest, type Guest } from '../../src/guest/guest.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import { Hypervisor } from '../../src/hv/hypervisor.ts'
import { type Caller, serve } from '../../src/hv/up-calls.ts'
import { Vmm } from '../../src/hv/vmm.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { UvClient, type UvOptions } from '../../src/peer/uv-client.ts'

export const LPID = asLpid(7)

const CONFIG: HvConfig = {
  profile: 'linux-6',
  poolPages: 4_096,
  autoCreateVms: true,
  notifiesMigrations: false,
  orphans: 'keep',
  window: 64,
  limits: LIMITS,
}

export interface World {
  readonly hv: Hypervisor
  readonly vmm: Vmm
  readonly client: UvClient
  /** Ultracalls as they were served: `UV_PAGE_IN 64`. */
  readonly served: string[]
  /** Cuts the connection, as a crash of the hypervisor does. */
  readonly cut: () => void
}

/** Both sides, connected; the session is not open yet. */
export function newWorld(options: UvOptions = {}, config: Partial<HvConfig> = {}): World {
  const hv = new Hypervisor(
    { ...CONFIG, ...config },
    { now: () => 0, later: setImmediate, after: () => () => undefined, token: () => 'secret' },
  )
  const served: string[] = []
  let isCut = false
  const client: UvClient = new UvClient(
    {
      bufferedAmount: 0,
      send: (data) => deliver(() => hvPeer.receive(data)),
      close: () => undefined,
    },
    {
      ...options,
      watch: {
        ...options.watch,
        ultracall: (call, ret) => {
          served.push(textOf(call))
          options.watch?.ultracall?.(call, ret)
        },
      },
    },
  )
  const deliver = (give: () => void): void => {
    setImmediate(() => {
      if (!isCut) give()
    })
  }
  const hvPeer = hvPeerOf(hv, (data) => deliver(() => client.receive(data)))
  const cut = (): void => {
    isCut = true
    client.lose('the connection broke')
  }
  return { hv, vmm: new Vmm(hv), client, served, cut }
}

function hvPeerOf(hv: Hypervisor, send: (data: WireData) => void): Peer<DownCall, UpCall> {
  const caller: Caller = {
    session: undefined,
    open: (call, { name }) => {
      const session = hv.openSession(name, {
        call: (body, parent, done) => peer.call(body, parent, done),
        end: () => peer.end(),
        givenUp: () => peer.end(),
      })
      if ('limit' in session) return call.fail('LIMIT_REACHED')
      caller.session = session
      const host = { pageShift: 16, poolPages: hv.config.poolPages, profile: hv.config.profile }
      call.answer(0, { session: { session: session.id, token: 'secret', host } })
    },
  }
  const peer: Peer<DownCall, UpCall> = new Peer({
    codec: hvJsonCodec(),
    transport: { bufferedAmount: 0, send, close: () => undefined },
    defer: setImmediate,
    serve: (incoming) => serve(hv, caller, incoming),
  })
  return peer
}

const textOf = (call: DownCall): string =>
  'gpa' in call ? `${call.call} ${call.gpa / PAGE_SIZE}` : call.call

export interface GuestWish {
  readonly kernelBytes?: number
  readonly initrdBytes?: number
  /** Pages of each slot, one behind the other from address 0. */
  readonly slots?: readonly number[]
  readonly lpid?: Lpid
}

export const KERNEL_BYTES = 300_000
export const INITRD_BYTES = 150_000

/** A guest of two slots, 128 and 64 pages, whose files are bytes that count up. */
export function newGuest(wish: GuestWish = {}): { guest: Guest; files: Files } {
  const { kernelBytes = KERNEL_BYTES, initrdBytes = INITRD_BYTES, slots = [128, 64] } = wish
  const files = { kernel: counting(kernelBytes, 7), initrd: counting(initrdBytes, 13) }
  let start = 0
  const guestSlots = slots.map((pages) => {
    const slot = { start: asGpa(start), size: pages * PAGE_SIZE }
    start += slot.size
    return slot
  })
  const guest = buildGuest({
    kernel: sourceOf(files.kernel),
    initrd: sourceOf(files.initrd),
    bootargs: 'console=hvc0',
    slots: guestSlots,
    sha512: nodeSha512,
    kernelBase: asGpa(0x10_0000),
  })
  if (typeof guest === 'string') throw new Error(guest)
  return { guest, files }
}

export interface Files {
  readonly kernel: Uint8Array
  readonly initrd: Uint8Array
}

const counting = (length: number, step: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * step + (i >> 8)) % 256)

/** Puts a guest into the VM's normal memory, as a boot loader does. The slots must be there. */
export async function loadGuest(
  { vmm }: World,
  { guest, files }: { guest: Guest; files: Files },
  lpid = LPID,
): Promise<void> {
  for (const { gpa, content } of guest.placements) {
    const bytes =
      content.from === 'bytes'
        ? content.bytes
        : files[content.from].subarray(content.offset, content.offset + content.length)
    for (let at = 0; at < bytes.length; ) {
      const here = gpa + at
      const size = Math.min(bytes.length - at, PAGE_SIZE - (here % PAGE_SIZE))
      const gfn = asGfn(Math.floor(here / PAGE_SIZE))
      const end = await vmm.writePage(lpid, gfn, here % PAGE_SIZE, bytes.slice(at, at + size))
      if (end.how !== 'done' || end.result !== 0) throw new Error(`GFN ${gfn}: ${end.how}`)
      at += size
    }
  }
}

/** Slots registered by the ultravisor itself, and the guest in its memory. */
export async function prepare(world: World, wish: GuestWish = {}): Promise<Guest> {
  const made = newGuest(wish)
  const lpid = wish.lpid ?? LPID
  if (world.hv.sessions.size === 0) await world.client.open()
  let start = 0
  for (const [id, pages] of (wish.slots ?? [128, 64]).entries()) {
    const svm = world.client.svm(lpid)
    const ret = await svm.registerSlot(asSlotId(id), asGpa(start), pages * PAGE_SIZE)
    if (ret !== 0) throw new Error(`slot ${id}: ${ret}`)
    start += pages * PAGE_SIZE
  }
  await loadGuest(world, made, lpid)
  return made.guest
}
