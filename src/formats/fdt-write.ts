/**
 * Writes a flattened device tree of version 17 (last compatible 16).
 *
 * Source: Devicetree Specification 0.4, chapter 5. The blocks follow one another in the order of
 * section 5.1: header, memory reservations, structure, strings; each property name is kept once.
 */

import { invariant } from '../lib/assert.ts'
import {
  FDT_LIMITS,
  FDT_MAGIC,
  FDT_TOKEN,
  FDT_VERSION,
  FDT_VERSION_OLDEST,
  type FdtNode,
  type FdtReservation,
  viewOf,
} from './fdt.ts'
import { isLatinName, latinBytesOf, roundUp, utf8Of } from './text.ts'

const HEADER_BYTES = 40
const RESERVATION_BYTES = 16

/** A tree to be written; the same nodes as those that are read. */
export interface FdtSource {
  readonly root: FdtNode
  /** Physical id of the cpu that boots. */
  readonly bootCpuId: number
  readonly reservations: readonly FdtReservation[]
}

/** A node from plain values; properties are written in the order given. */
export function fdtNode(
  name: string,
  properties: ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>,
  children: readonly FdtNode[] = [],
): FdtNode {
  const map = properties instanceof Map ? properties : new Map(Object.entries(properties))
  return { name, properties: map, children }
}

/** A string value, with its NUL. */
export const textValue = (text: string): Uint8Array => utf8Of(`${text}\0`)

/** A list of strings, each with its NUL. */
export const textsValue = (texts: readonly string[]): Uint8Array =>
  utf8Of(texts.map((text) => `${text}\0`).join(''))

/** Cells: u32 values, big-endian. */
export function u32Value(...cells: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(cells.length * 4)
  for (const [index, cell] of cells.entries()) viewOf(bytes).setUint32(index * 4, cell)
  return bytes
}

/** Pairs of cells: u64 values, big-endian; each 0 to 2^53 - 1. */
export function u64Value(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8)
  for (const [index, value] of values.entries()) setU64(viewOf(bytes), index * 8, value)
  return bytes
}

/** The tree's bytes; a string says what cannot be written. */
export function writeFdt(source: FdtSource): Uint8Array | string {
  const wrong = reservationError(source.reservations) ?? nodeError(source.root, '/', 1)
  if (wrong !== undefined) return wrong
  const strings = stringsOf(source.root)
  const structureStart = HEADER_BYTES + (source.reservations.length + 1) * RESERVATION_BYTES
  const structureBytes = structureBytesOf(source.root) + 4
  const total = structureStart + structureBytes + strings.size
  if (total > FDT_LIMITS.treeBytesMax) {
    return `device tree: ${total} bytes, expected at most ${FDT_LIMITS.treeBytesMax}`
  }
  const bytes = new Uint8Array(total)
  const words = [FDT_MAGIC, total, structureStart, structureStart + structureBytes, HEADER_BYTES]
  words.push(FDT_VERSION, FDT_VERSION_OLDEST, source.bootCpuId, strings.size, structureBytes)
  bytes.set(u32Value(...words))
  for (const [index, { address, size }] of source.reservations.entries()) {
    bytes.set(u64Value(address, size), HEADER_BYTES + index * RESERVATION_BYTES)
  }
  const end = writeNode(bytes, structureStart, source.root, strings.offsets)
  viewOf(bytes).setUint32(end, FDT_TOKEN.end)
  for (const [name, offset] of strings.offsets) {
    bytes.set(latinBytesOf(name), structureStart + structureBytes + offset)
  }
  return bytes
}

function setU64(view: DataView, offset: number, value: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a u64 that a number can hold`)
  view.setUint32(offset, Math.floor(value / 2 ** 32))
  view.setUint32(offset + 4, value % 2 ** 32)
}

function reservationError(reservations: readonly FdtReservation[]): string | undefined {
  if (reservations.length > FDT_LIMITS.reservationsMax) {
    return `device tree: more than ${FDT_LIMITS.reservationsMax} memory reservations`
  }
  if (reservations.some(({ address, size }) => address === 0 && size === 0)) {
    return 'device tree: a reservation of 0 bytes at 0 would end the list'
  }
  return undefined
}

function nodeError(node: FdtNode, path: string, depth: number): string | undefined {
  if (depth > FDT_LIMITS.depthNodesMax) {
    return `device tree: ${path} is deeper than ${FDT_LIMITS.depthNodesMax} nodes`
  }
  if (depth === 1 && node.name !== '') return `device tree: the root is named '${node.name}'`
  for (const name of node.properties.keys()) {
    if (!isName(name)) return `device tree: '${name}' in ${path} cannot name a property`
  }
  const names = new Set<string>()
  for (const child of node.children) {
    if (!isName(child.name) || child.name.includes('/')) {
      return `device tree: '${child.name}' in ${path} cannot name a node`
    }
    if (names.has(child.name)) return `device tree: two nodes '${child.name}' in ${path}`
    names.add(child.name)
    const wrong = nodeError(child, `${depth === 1 ? '' : path}/${child.name}`, depth + 1)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const isName = (name: string): boolean =>
  name !== '' && name.length <= FDT_LIMITS.nameBytesMax && isLatinName(name)

interface Strings {
  readonly offsets: Map<string, number>
  size: number
}

function stringsOf(node: FdtNode, strings: Strings = { offsets: new Map(), size: 0 }): Strings {
  for (const name of node.properties.keys()) {
    if (strings.offsets.has(name)) continue
    strings.offsets.set(name, strings.size)
    strings.size += name.length + 1
  }
  for (const child of node.children) stringsOf(child, strings)
  return strings
}

/** Begin token, name, properties, children, end token. */
function structureBytesOf(node: FdtNode): number {
  let size = 4 + roundUp(node.name.length + 1, 4) + 4
  for (const value of node.properties.values()) size += 12 + roundUp(value.length, 4)
  for (const child of node.children) size += structureBytesOf(child)
  return size
}

/** Writes a node at `start` and gives the offset behind it. */
function writeNode(
  bytes: Uint8Array,
  start: number,
  node: FdtNode,
  offsets: ReadonlyMap<string, number>,
): number {
  const view = viewOf(bytes)
  view.setUint32(start, FDT_TOKEN.beginNode)
  bytes.set(latinBytesOf(node.name), start + 4)
  let at = start + 4 + roundUp(node.name.length + 1, 4)
  for (const [name, value] of node.properties) {
    bytes.set(u32Value(FDT_TOKEN.property, value.length, offsets.get(name) ?? 0), at)
    bytes.set(value, at + 12)
    at += 12 + roundUp(value.length, 4)
  }
  for (const child of node.children) at = writeNode(bytes, at, child, offsets)
  view.setUint32(at, FDT_TOKEN.endNode)
  return at + 4
}
