/**
 * Blocks of memory of one size that are used again. Fresh memory costs more than the copy into it: the
 * kernel hands it out piece by piece and cleared, and V8 collects all garbage for every 64 MB of it.
 *
 * Whoever takes a block owns it until it is given back. If somebody else may still look at it then,
 * nobody writes to it again: it goes when nobody looks at it any more.
 */
import { invariant } from './assert.ts'

/** Blocks that come into being together at most: one that is looked at keeps so many alive. */
const BLOCKS_PER_SLAB = 8

/** Memory that one allocation of it gave. */
interface Slab {
  readonly free: Block[]
  /** Blocks that can come back. */
  blocks: number
  /** Index among the slabs that have a free block. */
  place: number
}

export interface Block {
  readonly bytes: Uint8Array
  /** Those who may look at `bytes` longer than the owner has it; infinite when nobody counts them. */
  lookers: number
  readonly slab: Slab
}

export class BlockPool {
  readonly #blockBytes: number
  readonly #freeMax: number
  /** Slabs that have a free block. */
  readonly #open: Slab[] = []
  #made = 0
  #free = 0

  /** `blockBytes` each; slabs that nobody uses are let go while more than `freeMax` blocks are free. */
  constructor(blockBytes: number, freeMax: number) {
    this.#blockBytes = blockBytes
    this.#freeMax = freeMax
  }

  /** Blocks that wait for their next use. */
  get free(): number {
    return this.#free
  }

  /** A block of its own with a copy of `content`, which is as long as a block. */
  copyOf(content: Uint8Array): Block {
    invariant(content.length === this.#blockBytes, 'what is kept in a block fills it')
    const block = this.#take()
    block.bytes.set(content)
    return block
  }

  /** Takes a block back from its owner. */
  give(block: Block): void {
    const { slab } = block
    if (block.lookers > 0) slab.blocks--
    else {
      slab.free.push(block)
      this.#free++
      if (slab.free.length === 1) slab.place = this.#open.push(slab) - 1
    }
    if (this.#free > this.#freeMax && slab.free.length === slab.blocks) this.#drop(slab)
  }

  #take(): Block {
    const slab = this.#open.at(-1) ?? this.#newSlab()
    const block = slab.free.pop()
    invariant(block !== undefined, 'an open slab has a free block')
    this.#free--
    if (slab.free.length === 0) this.#open.pop()
    return block
  }

  /** The first slabs are small: many pools never hold more than a few blocks. */
  #newSlab(): Slab {
    const blocks = Math.min(BLOCKS_PER_SLAB, Math.max(1, this.#made))
    const memory = new Uint8Array(blocks * this.#blockBytes)
    const slab: Slab = { free: [], blocks, place: this.#open.length }
    for (let at = memory.length - this.#blockBytes; at >= 0; at -= this.#blockBytes) {
      const bytes = memory.subarray(at, at + this.#blockBytes)
      slab.free.push({ bytes, lookers: 0, slab })
    }
    this.#made += blocks
    this.#free += blocks
    this.#open.push(slab)
    return slab
  }

  #drop(slab: Slab): void {
    if (slab.free.length === 0) return
    const last = this.#open.pop()
    if (last !== undefined && last !== slab) {
      this.#open[slab.place] = last
      last.place = slab.place
    }
    this.#free -= slab.free.length
    slab.free.length = 0
  }
}
