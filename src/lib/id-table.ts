/**
 * Things by their id, for many that come and go: numbers that mostly count up, of which few are in
 * use at once.
 *
 * A Map would do, and costs more than it seems: each time it cleans itself up it leaves its old table
 * behind, which refers to the next one. Once such a table is old enough for V8's old generation, it
 * keeps all later ones, and everything that was in them, from the cheap kind of garbage collection.
 */

/** Places; things whose ids meet in one go into a Map, so that no choice of ids makes this slow. */
const PLACES = 1_024
const MASK = PLACES - 1

export class IdTable<T extends { readonly id: number }> {
  readonly #places: (T | undefined)[] = []
  readonly #crowded = new Map<number, T>()
  #size = 0

  /** Things in the table. */
  get size(): number {
    return this.#size
  }

  get(id: number): T | undefined {
    const thing = this.#places[id & MASK]
    if (thing !== undefined && thing.id === id) return thing
    return this.#crowded.size === 0 ? undefined : this.#crowded.get(id)
  }

  has(id: number): boolean {
    return this.get(id) !== undefined
  }

  /** Adds a thing; its id must be a non-negative integer that is not in the table. */
  add(thing: T): void {
    const { id } = thing
    const place = id & MASK
    // The places are made as they are needed: most tables never hold many.
    while (this.#places.length <= place) this.#places.push(undefined)
    if (this.#places[place] === undefined) this.#places[place] = thing
    else this.#crowded.set(id, thing)
    this.#size++
  }

  /** False when it was not there. */
  delete(id: number): boolean {
    const place = id & MASK
    if (this.#places[place]?.id === id) this.#places[place] = undefined
    else if (!this.#crowded.delete(id)) return false
    this.#size--
    return true
  }

  clear(): void {
    this.#places.length = 0
    this.#crowded.clear()
    this.#size = 0
  }

  /** Everything, in the order of the ids, as far as they have counted up. */
  values(): T[] {
    const all = [...this.#places.filter((thing) => thing !== undefined), ...this.#crowded.values()]
    return all.sort((a, b) => a.id - b.id)
  }
}
