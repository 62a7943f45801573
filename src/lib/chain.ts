/** Objects in a row: nothing is allocated for one that comes or goes, as each knows the next. */

/** What can be in one chain at a time. */
export interface Link<T> {
  /** The one that came after it; the chain's. */
  next: T | undefined
}

export class Chain<T extends Link<T>> {
  #first: T | undefined
  #last: T | undefined
  #length = 0

  get first(): T | undefined {
    return this.#first
  }

  get length(): number {
    return this.#length
  }

  /** Puts one at the end; it is in no other chain. */
  push(link: T): void {
    if (this.#last === undefined) this.#first = link
    else this.#last.next = link
    this.#last = link
    this.#length++
  }

  /** Takes the first one out. */
  shift(): T | undefined {
    const link = this.#first
    if (link === undefined) return undefined
    this.#first = link.next
    if (link.next === undefined) this.#last = undefined
    link.next = undefined
    this.#length--
    return link
  }

  *[Symbol.iterator](): Generator<T> {
    for (let link = this.#first; link !== undefined; link = link.next) yield link
  }
}
