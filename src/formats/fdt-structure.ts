/**
 * Reads the structure block of a flattened device tree: nodes and properties.
 *
 * Source: Devicetree Specification 0.4, sections 5.4 and 5.5. Hostile bytes end in a sentence.
 */

import { FDT_LIMITS, FDT_TOKEN, type FdtNode, viewOf } from './fdt.ts'
import { latinOf, roundUp } from './text.ts'

/** A part of the tree's bytes, in bytes from its start; `end` is one past the last. */
export interface Block {
  readonly start: number
  readonly end: number
}

/** Reads all nodes; values are views into `tree`. */
export function readStructure(
  tree: Uint8Array,
  structure: Block,
  strings: Block,
): FdtNode | string {
  return new StructureReader(tree, structure, strings).read()
}

interface OpenNode {
  readonly name: string
  readonly properties: Map<string, Uint8Array>
  readonly children: OpenNode[]
}

/** Walks the structure block once, with a stack of its own: a deep tree cannot exhaust ours. */
class StructureReader {
  readonly #tree: Uint8Array
  readonly #view: DataView
  readonly #structure: Block
  readonly #strings: Block
  readonly #names = new Map<number, string>()
  readonly #open: OpenNode[] = []
  #root: OpenNode | undefined
  #at: number

  constructor(tree: Uint8Array, structure: Block, strings: Block) {
    this.#tree = tree
    this.#view = viewOf(tree)
    this.#structure = structure
    this.#strings = strings
    this.#at = structure.start
  }

  read(): FdtNode | string {
    const { end } = this.#structure
    while (this.#at + 4 <= end) {
      const token = this.#view.getUint32(this.#at)
      if (token === FDT_TOKEN.end) return this.#finish()
      const wrong = this.#step(token)
      if (wrong !== undefined) return wrong
    }
    return `device tree: the structure block ends at ${end} without an end token`
  }

  #step(token: number): string | undefined {
    const at = this.#at
    this.#at += 4
    if (token === FDT_TOKEN.nop) return undefined
    if (token === FDT_TOKEN.beginNode) return this.#beginNode()
    if (token === FDT_TOKEN.endNode) {
      return this.#open.pop() === undefined
        ? `device tree: no open node to end at ${at}`
        : undefined
    }
    if (token === FDT_TOKEN.property) return this.#property()
    return `device tree: token at ${at} is 0x${token.toString(16)}, expected 1, 2, 3, 4 or 9`
  }

  #finish(): FdtNode | string {
    const open = this.#open.at(-1)
    if (open !== undefined) return `device tree: node '${open.name}' is not closed before the end`
    return this.#root ?? 'device tree: there is no root node'
  }

  #beginNode(): string | undefined {
    const at = this.#at
    const name = this.#nameAt(at, this.#structure.end)
    if (name === undefined) return `device tree: the node name at ${at} is unterminated or too long`
    const parent = this.#open.at(-1)
    if (parent === undefined && this.#root !== undefined) {
      return `device tree: a second root node begins at ${at}`
    }
    if (this.#open.length === FDT_LIMITS.depthNodesMax) {
      return `device tree: node at ${at} is deeper than ${FDT_LIMITS.depthNodesMax} nodes`
    }
    const node: OpenNode = { name, properties: new Map(), children: [] }
    if (parent === undefined) this.#root = node
    else parent.children.push(node)
    this.#open.push(node)
    this.#skip(name.length + 1)
    return undefined
  }

  #property(): string | undefined {
    const at = this.#at
    const [structure, strings] = [this.#structure, this.#strings]
    const node = this.#open.at(-1)
    if (node === undefined) return `device tree: a property outside all nodes at ${at}`
    if (at + 8 > structure.end) return `device tree: the property at ${at} is cut off`
    const [size, nameOffset] = [this.#view.getUint32(at), this.#view.getUint32(at + 4)]
    if (at + 8 + size > structure.end) {
      const room = structure.end - at - 8
      return `device tree: the property at ${at} has ${size} bytes, expected at most ${room}`
    }
    const name = this.#stringAt(strings.start + nameOffset)
    if (name === undefined) {
      return `device tree: nameoff ${nameOffset} at ${at} is no name in the strings block`
    }
    if (!node.properties.has(name)) {
      node.properties.set(name, this.#tree.subarray(at + 8, at + 8 + size))
    }
    this.#skip(8 + size)
    return undefined
  }

  /** Goes on behind `size` bytes and their padding; padding counts from the block's start. */
  #skip(size: number): void {
    const { start } = this.#structure
    this.#at = start + roundUp(this.#at - start + size, 4)
  }

  #stringAt(offset: number): string | undefined {
    const known = this.#names.get(offset)
    if (known !== undefined) return known
    const name = this.#nameAt(offset, this.#strings.end)
    if (name !== undefined) this.#names.set(offset, name)
    return name
  }

  #nameAt(offset: number, end: number): string | undefined {
    const longest = Math.min(end, offset + FDT_LIMITS.nameBytesMax + 1)
    for (let at = offset; at < longest; at++) {
      if (this.#tree[at] === 0) return latinOf(this.#tree.subarray(offset, at))
    }
    return undefined
  }
}
