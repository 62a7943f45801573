/** Names as small numbers, so that a ring of numbers can hold them. */

/** Names that a table can hold; one more is a mistake of this program: calls are a closed list. */
export const journalNamesMax = 4_096

export class JournalNames {
  readonly #byIndex: string[] = []
  readonly #byName = new Map<string, number>()
  /** The two that were asked for last: a call and its ultracall, again and again. */
  #recent = ''
  #recentIndex = -1
  #older = ''
  #olderIndex = -1

  /** The number of a name, which is given one when it is new. */
  indexOf(name: string): number {
    if (name === this.#recent && this.#recentIndex >= 0) return this.#recentIndex
    if (name === this.#older && this.#olderIndex >= 0) return this.#olderIndex
    const index = this.#numberOf(name)
    this.#older = this.#recent
    this.#olderIndex = this.#recentIndex
    this.#recent = name
    this.#recentIndex = index
    return index
  }

  #numberOf(name: string): number {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const index = this.#byIndex.length
    if (index >= journalNamesMax) return 0
    this.#byIndex.push(name)
    this.#byName.set(name, index)
    return index
  }

  /** The number of a name that has been seen; undefined for any other. */
  find(name: string): number | undefined {
    return this.#byName.get(name)
  }

  at(index: number): string {
    return this.#byIndex[index] ?? ''
  }

  get size(): number {
    return this.#byIndex.length
  }
}
