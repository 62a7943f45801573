/**
 * Chunks of a big table by their number. It remembers the chunk that was asked for last: whoever
 * walks through a table, as nearly everybody does, looks into the map once in a chunk.
 */
export class ChunkMap<T> {
  readonly #chunks = new Map<number, T>()
  #key = -1
  /** What `get` finds at `#key`; anything while that is -1. */
  #last: T | undefined

  get size(): number {
    return this.#chunks.size
  }

  get(key: number): T | undefined {
    if (key === this.#key) return this.#last
    this.#last = this.#chunks.get(key)
    this.#key = key
    return this.#last
  }

  has(key: number): boolean {
    return this.#chunks.has(key)
  }

  set(key: number, chunk: T): void {
    this.#chunks.set(key, chunk)
    this.#forget()
  }

  delete(key: number): void {
    if (this.#chunks.delete(key)) this.#forget()
  }

  clear(): void {
    this.#chunks.clear()
    this.#forget()
  }

  keys(): IterableIterator<number> {
    return this.#chunks.keys()
  }

  [Symbol.iterator](): IterableIterator<[number, T]> {
    return this.#chunks[Symbol.iterator]()
  }

  #forget(): void {
    this.#key = -1
    this.#last = undefined
  }
}
