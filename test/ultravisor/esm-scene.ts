/** A guest as a boot loader leaves it, an honest hypervisor, and UV_ESM run between the two. */
import { asGpa, type Gfn, gfnOf, type Page } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import type { FdtNode } from '../../src/formats/fdt.ts'
import { readFdt } from '../../src/formats/fdt-read.ts'
import { writeFdt } from '../../src/formats/fdt-write.ts'
import { buildGuest, type Guest, type GuestInput } from '../../src/guest/guest.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { type EsmCall, type EsmResult, runEsm } from '../../src/ultravisor/esm.ts'
import { runSteps } from '../../src/ultravisor/steps.ts'
import { valid } from '../formats/valid.ts'
import { HonestHv, LPID, newUv, type Setup } from './uv-for-test.ts'

const MIB = 2 ** 20
const KERNEL = new Uint8Array(300_000).fill(7)
const INITRD = new Uint8Array(200_001).fill(9)

export const input: GuestInput = {
  kernel: sourceOf(KERNEL),
  initrd: sourceOf(INITRD),
  bootargs: 'root=/dev/vda svm=on',
  slots: [{ start: asGpa(0), size: 16 * MIB }],
  sha512: nodeSha512,
}

/** The guest's memory as a boot loader leaves it, by frame. */
function memoryOf(guest: Guest): Map<Gfn, Uint8Array> {
  const memory = new Map<Gfn, Uint8Array>()
  for (const { gpa, content } of guest.placements) {
    const file = content.from === 'kernel' ? KERNEL : INITRD
    const bytes =
      content.from === 'bytes'
        ? content.bytes
        : file.subarray(content.offset, content.offset + content.length)
    for (let at = 0; at < bytes.length; at++) {
      const gfn = gfnOf(asGpa(gpa + at))
      const page = memory.get(gfn) ?? new Uint8Array(65_536)
      page[(gpa + at) % 65_536] = bytes[at] ?? 0
      memory.set(gfn, page)
    }
  }
  return memory
}

export interface Scene extends Setup {
  readonly guest?: Partial<GuestInput>
  readonly call?: Partial<EsmCall>
  /** Changes a byte of the guest's memory after it was measured. */
  readonly flip?: (guest: Guest) => number
  readonly refuse?: Readonly<Record<string, number>>
  /** Another device tree, at 12 MiB. */
  readonly tree?: (root: FdtNode) => FdtNode
}

const TREE_AT = 12 * MIB

/** Lays a changed copy of the guest's tree into the host's memory. */
function layTree(hv: HonestHv, guest: Guest, change: (root: FdtNode) => FdtNode): void {
  const placement = guest.placements.find(({ what }) => what === 'device-tree')
  const bytes = placement?.content.from === 'bytes' ? placement.content.bytes : new Uint8Array()
  const { root } = valid(readFdt(bytes))
  const changed = valid(writeFdt({ root: change(root), bootCpuId: 0, reservations: [] }))
  for (let at = 0; at < changed.length; at += 65_536) {
    const page = new Uint8Array(65_536)
    page.set(changed.subarray(at, at + 65_536))
    hv.frame(gfnOf(asGpa(TREE_AT + at))).page = page
  }
}

/** The tree with one property changed or, with undefined, taken away. */
export const withProperty =
  (path: string, name: string, value?: Uint8Array) =>
  (root: FdtNode): FdtNode => {
    const put = (node: FdtNode): FdtNode => {
      const properties = new Map(node.properties)
      if (value === undefined) properties.delete(name)
      else properties.set(name, value)
      return { ...node, properties }
    }
    if (path === '/') return put(root)
    const children = root.children.map((node) => (`/${node.name}` === path ? put(node) : node))
    return { ...root, children }
  }

export function scene(given: Scene = {}) {
  const uv = newUv({ secureUnits: 64, ...given })
  const hv = new HonestHv(uv)
  const guest = valid(buildGuest({ ...input, ...given.guest }))
  hv.slots = [[0, 0, 256]]
  for (const [gfn, page] of memoryOf(guest)) hv.frame(gfn).page = page as Page
  const at = given.flip?.(guest)
  if (at !== undefined) {
    const page = hv.frame(gfnOf(asGpa(at))).page
    if (page instanceof Uint8Array) page[at % 65_536] = (page[at % 65_536] ?? 0) ^ 1
  }
  if (given.tree !== undefined) layTree(hv, guest, given.tree)
  for (const [text, ret] of Object.entries(given.refuse ?? {})) hv.refusals.set(text, ret)
  const call: EsmCall = {
    lpid: LPID,
    kernelBase: guest.kernelBase,
    tree: given.tree === undefined ? guest.fdtGpa : asGpa(TREE_AT),
    strategy: 'necessary',
    window: 16,
    sha512: nodeSha512,
    ...given.call,
  }
  const result = runSteps(runEsm(uv, call), hv.answer) as EsmResult
  return { uv, hv, guest, result }
}

export const placeOf = (guest: Guest, what: string): number =>
  guest.placements.find((placement) => placement.what === what)?.gpa ?? -1

export const pageIns = (hv: HonestHv): number[] =>
  hv.asked
    .filter((text) => /^H_SVM_PAGE_IN \d+ 0$/.test(text))
    .map((text) => Number(text.split(' ')[1]))
