/** A value that tells who is interested when it is set. */

/** @template T */
export class Observable {
  /** @type {Set<(value: T) => void>} */
  #watchers = new Set()
  #value

  /** @param {T} value */
  constructor(value) {
    this.#value = value
  }

  get value() {
    return this.#value
  }

  /** @param {T} value */
  set(value) {
    this.#value = value
    for (const watcher of this.#watchers) watcher(value)
  }

  /**
   * Tells the value now and whenever it is set.
   * @param {(value: T) => void} watcher
   */
  watch(watcher) {
    this.#watchers.add(watcher)
    watcher(this.#value)
    return () => this.#watchers.delete(watcher)
  }
}
