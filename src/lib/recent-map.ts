/**
 * A map by numbers that remembers what was asked for last: chunks of a big table, for whoever walks
 * through it, or what belongs to a VM, of which one is busy at a time.
 */
export class RecentMap<K extends number, T> {
  readonly #things = new Map<K, T>()
  /** The key that was asked for last; -1, which is nobody's key, when that says nothing any more. */
  #key = -1
  #thing: T | undefined

  get size(): number {
    return this.#things.size
  }

  get(key: K): T | undefined {
    if (key === this.#key) return this.#thing
    this.#thing = this.#things.get(key)
    this.#key = key
    return this.#thing
  }

  has(key: K): boolean {
    return this.#things.has(key)
  }

  /** `key`: 0 or more. */
  set(key: K, thing: T): void {
    this.#things.set(key, thing)
    this.#forget()
  }

  /** False when it was not there. */
  delete(key: K): boolean {
    if (!this.#things.delete(key)) return false
    this.#forget()
    return true
  }

  clear(): void {
    this.#things.clear()
    this.#forget()
  }

  keys(): IterableIterator<K> {
    return this.#things.keys()
  }

  values(): IterableIterator<T> {
    return this.#things.values()
  }

  [Symbol.iterator](): IterableIterator<[K, T]> {
    return this.#things[Symbol.iterator]()
  }

  #forget(): void {
    this.#key = -1
    this.#thing = undefined
  }
}
