/** What waits for its turn, first come, first served: to come and to go costs the same at any length. */

interface Place<T> {
  readonly item: T
  next: Place<T> | undefined
}

export class WaitingLine<T> {
  /** A chain, so that what was taken can go, also when the line is never empty. */
  #first: Place<T> | undefined
  #last: Place<T> | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  add(item: T): void {
    const place: Place<T> = { item, next: undefined }
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#length++
  }

  /** Takes the first one; undefined when nothing waits. */
  take(): T | undefined {
    const place = this.#first
    if (place === undefined) return undefined
    this.#first = place.next
    if (place.next === undefined) this.#last = undefined
    this.#length--
    return place.item
  }
}
