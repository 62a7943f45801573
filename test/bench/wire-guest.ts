/** VMs for the wire benches: made and filled over REST before anything is measured. */
import { asGpa, asLpid, type Lpid, PAGE_SIZE } from '../../src/abi/page.ts'
import { buildGuest, type Guest } from '../../src/guest/guest.ts'
import { randomSource } from '../../src/peer/file-source.ts'
import { type GuestFiles, loadGuest } from '../../src/peer/guest-load.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'

export const GIB = 2 ** 30

export interface VmWish {
  readonly lpid: number
  /** Bytes. */
  readonly size: number
  readonly kernelBytes: number
  /** Every page gets a tag before the guest is loaded. */
  readonly tags?: boolean
}

export interface World {
  readonly rest: HvRest
  readonly client: UvClient
  readonly uv: string
}

export async function connect(
  url: string,
  options: {
    protocol: UvProtocol
    window?: number
    contentMode?: 'bytes' | 'tag'
    defer?: (flush: () => void) => void
  },
): Promise<World> {
  const uv = `${url.replace('http', 'ws')}/v1/uv`
  const client = await connectUv({
    url: uv,
    name: 'bench',
    contentMode: 'tag',
    secureMemory: 2 ** 50,
    ...options,
  })
  await client.open()
  return { rest: new HvRest({ url }), client, uv }
}

const made = new Map<string, { guest: Guest; files: GuestFiles }>()

/** The guest for VMs of one kind: laid out once. */
function guestOf({ size, kernelBytes }: VmWish): { guest: Guest; files: GuestFiles } {
  const key = `${size} ${kernelBytes}`
  let found = made.get(key)
  if (found === undefined) {
    const files = { kernel: randomSource(kernelBytes, 1), initrd: randomSource(65_536, 2) }
    const slots = [{ start: asGpa(0), size }]
    const guest = buildGuest({ ...files, bootargs: 'bench', slots, sha512: nodeSha512 })
    if (typeof guest === 'string') throw new Error(guest)
    found = { guest, files }
    made.set(key, found)
  }
  return found
}

/** Makes a VM with its guest in memory. */
export async function makeVm({ rest }: Pick<World, 'rest'>, wish: VmWish): Promise<Lpid> {
  const lpid = asLpid(wish.lpid)
  const slots = [{ id: 0, gpa: 0, size: wish.size }]
  await rest.call('createVm', { body: { lpid, slots } })
  if (wish.tags === true) {
    const body = { gpa: 0, size: wish.size, tag: '0x1', step: '0x1' }
    await rest.call('fillMemory', { path: { lpid }, body })
  }
  const { guest, files } = guestOf(wish)
  await loadGuest(rest, lpid, guest, files)
  return lpid
}

/** Turns a VM secure; milliseconds that UV_ESM took. */
export async function switchVm(
  { client }: Pick<World, 'client'>,
  wish: VmWish,
  strategy: 'necessary' | 'all',
): Promise<number> {
  const { kernelBase, fdtGpa: tree } = guestOf(wish).guest
  const start = performance.now()
  const end = await client.svm(asLpid(wish.lpid)).esm({ kernelBase, tree, strategy })
  const ms = performance.now() - start
  if (end.kind !== 'SECURE') throw new Error(JSON.stringify(end))
  return ms
}

export async function deleteVm({ rest }: Pick<World, 'rest'>, lpid: number): Promise<void> {
  await rest.call('deleteVm', { path: { lpid } })
}

export const pagesOf = (size: number): number => size / PAGE_SIZE
