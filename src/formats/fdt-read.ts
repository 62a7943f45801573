/**
 * Reads a flattened device tree.
 *
 * Source: Devicetree Specification 0.4, chapter 5; the answers for odd trees (the first of two
 * equal names counts, a name without unit address finds the first node that has one) are
 * libfdt's, which the firmware uses. The bytes come from a guest: every wrong one ends in a
 * sentence, never in a throw, and the work is linear in the size of the tree.
 *
 * Versions 17 and 16 are read: Linux itself (prom_init.c) still writes 16, whose header
 * ends before the size of the structure block.
 */

import {
  FDT_LIMITS,
  FDT_MAGIC,
  FDT_VERSION,
  FDT_VERSION_OLDEST,
  type Fdt,
  type FdtHeader,
  type FdtNode,
  type FdtReservation,
  viewOf,
} from './fdt.ts'
import { type Block, readStructure } from './fdt-structure.ts'
import { latinOf } from './text.ts'

interface Blocks extends FdtHeader {
  readonly structure: Block
  readonly strings: Block
  readonly reservationsStart: number
  readonly version: number
  readonly bootCpuId: number
}

/** Reads magic and total size from the first 8 bytes or more; a string says what is wrong. */
export function headerOf(bytes: Uint8Array): FdtHeader | string {
  if (bytes.length < 8) return `device tree: 8 bytes of header expected, ${bytes.length} given`
  const view = viewOf(bytes)
  const magic = view.getUint32(0)
  if (magic !== FDT_MAGIC) return `device tree: magic is ${hex(magic)}, expected ${hex(FDT_MAGIC)}`
  const totalSize = view.getUint32(4)
  if (totalSize < headerBytes(FDT_VERSION_OLDEST) || totalSize > FDT_LIMITS.treeBytesMax) {
    const range = `${headerBytes(FDT_VERSION_OLDEST)} to ${FDT_LIMITS.treeBytesMax}`
    return `device tree: totalsize is ${totalSize}, expected ${range}`
  }
  return { magic, totalSize }
}

/**
 * Reads a whole tree; bytes after its total size are ignored. A string says which field has which
 * value and what was expected. Never throws.
 */
export function readFdt(bytes: Uint8Array): Fdt | string {
  const header = headerOf(bytes)
  if (typeof header === 'string') return header
  if (bytes.length < header.totalSize) {
    return `device tree: totalsize is ${header.totalSize}, but only ${bytes.length} bytes are given`
  }
  const tree = bytes.subarray(0, header.totalSize)
  const blocks = blocksOf(tree, header)
  if (typeof blocks === 'string') return blocks
  const reservations = reservationsOf(tree, blocks.reservationsStart)
  if (typeof reservations === 'string') return reservations
  const root = readStructure(tree, blocks.structure, blocks.strings)
  if (typeof root === 'string') return root
  const { version, totalSize, bootCpuId } = blocks
  return { version, totalSize, bootCpuId, reservations, root }
}

/** The node at `path` ('/', '/chosen', '/memory@0'), if there is one. */
export function nodeAt(fdt: Fdt, path: string): FdtNode | undefined {
  let node: FdtNode | undefined = fdt.root
  for (const name of path.split('/')) {
    if (node === undefined) return undefined
    if (name !== '') node = childNamed(node, name)
  }
  return node
}

/**
 * The value of a property, a view into the tree's bytes; undefined when node or property is
 * absent.
 */
export function property(fdt: Fdt, path: string, name: string): Uint8Array | undefined {
  return nodeAt(fdt, path)?.properties.get(name)
}

/** The nodes right below `path`, in the tree's order; none when there is no such node. */
export function children(fdt: Fdt, path: string): readonly FdtNode[] {
  return nodeAt(fdt, path)?.children ?? []
}

/** The cell (u32) number `index` of a value, or undefined when the value ends before it. */
export function u32At(bytes: Uint8Array, index: number): number | undefined {
  if (index < 0 || index * 4 + 4 > bytes.length) return undefined
  return viewOf(bytes).getUint32(index * 4)
}

/**
 * An address in bytes: 64 bits from a value of 8 bytes or more, else one 32-bit cell, as the
 * firmware reads them; undefined below 4 bytes. From 2^53 on the lowest bits are lost, as in a
 * Gpa.
 */
export function addressOf(bytes: Uint8Array): number | undefined {
  if (bytes.length >= 8) return u64At(viewOf(bytes), 0)
  return u32At(bytes, 0)
}

/** The characters of a string value up to its first NUL, one for each byte. */
export function stringOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return latinOf(end < 0 ? bytes : bytes.subarray(0, end))
}

function childNamed(node: FdtNode, name: string): FdtNode | undefined {
  const exact = node.children.find((child) => child.name === name)
  if (exact !== undefined || name.includes('@')) return exact
  return node.children.find((child) => child.name.startsWith(`${name}@`))
}

const headerBytes = (version: number): number => (version >= 17 ? 40 : 36)
const hex = (value: number): string => `0x${value.toString(16)}`
const u64At = (view: DataView, offset: number): number =>
  view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4)

function blocksOf(tree: Uint8Array, header: FdtHeader): Blocks | string {
  const view = viewOf(tree)
  const word = (index: number): number => view.getUint32(index * 4)
  const [version, oldest] = [word(5), word(6)]
  if (version < FDT_VERSION_OLDEST || oldest > FDT_VERSION) {
    const range = `${FDT_VERSION_OLDEST} to ${FDT_VERSION}`
    return `device tree: version is ${version}, last compatible ${oldest}, expected ${range}`
  }
  if (tree.length < headerBytes(version)) {
    return `device tree: totalsize is ${tree.length}, expected at least ${headerBytes(version)}`
  }
  const rest = tree.length - Math.min(word(2), tree.length)
  const structure = blockAt('dt_struct', word(2), version >= 17 ? word(9) : rest, tree.length)
  if (typeof structure === 'string') return structure
  if (structure.start % 4 !== 0) {
    return `device tree: off_dt_struct is ${structure.start}, expected a multiple of 4`
  }
  const strings = blockAt('dt_strings', word(3), word(8), tree.length)
  if (typeof strings === 'string') return strings
  return { ...header, structure, strings, reservationsStart: word(4), version, bootCpuId: word(7) }
}

function blockAt(name: string, start: number, size: number, total: number): Block | string {
  if (start > total) return `device tree: off_${name} is ${start}, expected at most ${total}`
  if (start + size > total) {
    return `device tree: size_${name} is ${size}, expected at most ${total - start}`
  }
  return { start, end: start + size }
}

function reservationsOf(tree: Uint8Array, start: number): readonly FdtReservation[] | string {
  if (start % 8 !== 0) return `device tree: off_mem_rsvmap is ${start}, expected a multiple of 8`
  const view = viewOf(tree)
  const reservations: FdtReservation[] = []
  for (let at = start; at + 16 <= tree.length; at += 16) {
    const [address, size] = [u64At(view, at), u64At(view, at + 8)]
    if (address === 0 && size === 0) return reservations
    if (reservations.length === FDT_LIMITS.reservationsMax) {
      return `device tree: more than ${FDT_LIMITS.reservationsMax} memory reservations`
    }
    reservations.push({ address, size })
  }
  return `device tree: the memory reservations at ${start} have no end before ${tree.length}`
}
