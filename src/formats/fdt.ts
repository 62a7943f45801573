/**
 * What a flattened device tree is made of: constants, limits and the tree as it is read.
 *
 * Source: Devicetree Specification 0.4, chapter 5.
 */

export const FDT_MAGIC = 0xd00d_feed
export const FDT_VERSION = 17
/** The oldest version that can be read, and the one that version 17 is compatible with. */
export const FDT_VERSION_OLDEST = 16
/** Tokens of the structure block. */
export const FDT_TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const

/**
 * What a tree may be. Source of the first: the pseries machine's FDT_MAX_SIZE; of the second:
 * Linux.
 */
export const FDT_LIMITS = {
  treeBytesMax: 2 * 1024 * 1024,
  depthNodesMax: 64,
  nameBytesMax: 255,
  reservationsMax: 4096,
} as const

export interface FdtNode {
  /** Name with its unit address; empty for the root. */
  readonly name: string
  /** Views into the bytes that were read, not copies. */
  readonly properties: ReadonlyMap<string, Uint8Array>
  readonly children: readonly FdtNode[]
}

/** A range of memory that the tree's owner must leave alone; address and size in bytes. */
export interface FdtReservation {
  readonly address: number
  readonly size: number
}

export interface Fdt {
  readonly version: number
  readonly totalSize: number
  /** Physical id of the cpu that boots. */
  readonly bootCpuId: number
  readonly reservations: readonly FdtReservation[]
  readonly root: FdtNode
}

/** The first two words of the header: enough to know how many bytes to fetch. */
export interface FdtHeader {
  readonly magic: number
  /** Bytes in the whole tree: 36 to FDT_LIMITS.treeBytesMax. */
  readonly totalSize: number
}

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
