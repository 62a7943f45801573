/**
 * The states that were seen, each with its whole key: two states are taken for one only when all
 * their bytes are the same.
 *
 * Keys lie behind each other in blocks; a table with open addressing finds them. How much memory it
 * may take is given, and it says when that is used up.
 */
import { keyBytesMax } from './byte-key.ts'

const BLOCK_BYTES = 2 ** 24
const EMPTY = -1
/** States that are found from one, at most. */
export const expansionMax = 1_024

export class Visited {
  readonly #blocks: Uint8Array[] = []
  /** Bytes used of the last block. */
  #used = BLOCK_BYTES
  /** Where each state's key begins: block number times block size plus offset. */
  #starts = new Float64Array(1 << 16)
  #lengths = new Uint16Array(1 << 16)
  #table = new Int32Array(1 << 17).fill(EMPTY)
  readonly #bytesMax: number
  size = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes taken by keys and tables. */
  get bytes(): number {
    return this.#blocks.length * BLOCK_BYTES + this.#tableBytes
  }

  get #tableBytes(): number {
    return this.#table.byteLength + this.#starts.byteLength + this.#lengths.byteLength
  }

  /**
   * False once the states that one expansion finds might need more memory than is allowed, `others`
   * bytes that somebody else needs included. A table that grows needs thrice its bytes for a moment.
   */
  hasRoom(others = 0): boolean {
    const grows = (this.size + expansionMax) * 2 >= this.#table.length
    const tables = this.#tableBytes * (grows ? 3 : 1)
    const isFull = this.#used + expansionMax * keyBytesMax > BLOCK_BYTES
    const keys = (this.#blocks.length + (isFull ? 1 : 0)) * BLOCK_BYTES
    return keys + tables + others <= this.#bytesMax && this.size < 2 ** 29
  }

  /** The number of the state that has this key, a new one; -1 when it was seen before. */
  add(key: Uint8Array, length: number): number {
    const mask = this.#table.length - 1
    let at = hashOf(key, length) & mask
    for (;;) {
      const state = this.#table[at] ?? EMPTY
      if (state === EMPTY) break
      if (this.#isKey(state, key, length)) return -1
      at = (at + 1) & mask
    }
    this.#table[at] = this.size
    this.#store(key, length)
    this.size++
    if (this.size * 2 >= this.#table.length) this.#grow()
    return this.size - 1
  }

  /** The key of a state: a view that must not be written to. */
  keyOf(state: number): Uint8Array {
    const start = this.#starts[state] ?? 0
    const block = Math.floor(start / BLOCK_BYTES)
    const offset = start - block * BLOCK_BYTES
    const bytes = this.#blocks[block] ?? new Uint8Array(0)
    return bytes.subarray(offset, offset + (this.#lengths[state] ?? 0))
  }

  #isKey(state: number, key: Uint8Array, length: number): boolean {
    if (this.#lengths[state] !== length) return false
    const start = this.#starts[state] ?? 0
    const block = this.#blocks[Math.floor(start / BLOCK_BYTES)] as Uint8Array
    const offset = start % BLOCK_BYTES
    for (let i = 0; i < length; i++) if (block[offset + i] !== key[i]) return false
    return true
  }

  #store(key: Uint8Array, length: number): void {
    if (this.#used + length > BLOCK_BYTES) {
      this.#blocks.push(new Uint8Array(BLOCK_BYTES))
      this.#used = 0
    }
    const block = this.#blocks.length - 1
    const bytes = this.#blocks[block] as Uint8Array
    for (let i = 0; i < length; i++) bytes[this.#used + i] = key[i] as number
    this.#starts[this.size] = block * BLOCK_BYTES + this.#used
    this.#lengths[this.size] = length
    this.#used += length
  }

  #grow(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(EMPTY)
    const mask = this.#table.length - 1
    for (let state = 0; state < this.size; state++) {
      const key = this.keyOf(state)
      let at = hashOf(key, key.length) & mask
      while (this.#table[at] !== EMPTY) at = (at + 1) & mask
      this.#table[at] = state
    }
    const starts = new Float64Array(this.#table.length / 2)
    starts.set(this.#starts.subarray(0, this.size))
    this.#starts = starts
    const lengths = new Uint16Array(this.#table.length / 2)
    lengths.set(this.#lengths.subarray(0, this.size))
    this.#lengths = lengths
  }
}

/** FNV-1a with a final mix. Only where a key is looked for depends on it. */
function hashOf(key: Uint8Array, length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x0100_0193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x735a_2d97)
  return (hash ^ (hash >>> 13)) >>> 0
}
