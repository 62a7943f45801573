/** What waits for its turn, first come, first served: to come and to go costs the same at any length. */
import { Chain, type Link } from './chain.ts'

interface Place<T> extends Link<Place<T>> {
  readonly item: T
}

export class WaitingLine<T> {
  /** What was taken can go, also when the line is never empty. */
  readonly #places = new Chain<Place<T>>()

  get length(): number {
    return this.#places.length
  }

  add(item: T): void {
    this.#places.push({ item, next: undefined })
  }

  /** Takes the first one; undefined when nothing waits. */
  take(): T | undefined {
    return this.#places.shift()?.item
  }
}
