/** What waits for its turn, first come, first served: to come and to go costs the same at any length. */

export class WaitingLine<T> {
  #items: T[] = []
  /** Place of the first one. */
  #next = 0

  get length(): number {
    return this.#items.length - this.#next
  }

  add(item: T): void {
    this.#items.push(item)
  }

  /** Takes the first one; undefined when nothing waits. */
  take(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#next++]
    if (this.length === 0) {
      this.#items = []
      this.#next = 0
    }
    return item
  }
}
