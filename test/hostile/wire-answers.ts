/** What a client knows of the answers that the hypervisor keeps for its session. */

/** A call that was answered, or refused before it was begun. */
export interface Kept {
  /** All that the call said, but its id. */
  readonly payload: string
  /** As `ret 0` or `error -32000`. */
  readonly outcome: string
}

export class WireAnswers {
  /** The highest id that came, as ids count up; 0: none. */
  highest = 0
  readonly #max: number
  readonly #kept = new Map<number, Kept>()
  #isWhole = true

  /** `max`: answersKeptMax. */
  constructor(max: number) {
    this.#max = max
  }

  get ids(): readonly number[] {
    return [...this.#kept.keys()]
  }

  /** No answer has been given that is not kept any more. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Answers that may still be given before one is forgotten; 0 when one was. */
  get left(): number {
    return this.#isWhole ? this.#max - this.#kept.size : 0
  }

  get(id: number): Kept | undefined {
    return this.#kept.get(id)
  }

  isAbove(id: number): boolean {
    return this.highest === 0 || ((id - this.highest) | 0) > 0
  }

  /** An id came that is a new call's. */
  came(id: number): void {
    if (this.isAbove(id)) this.highest = id
  }

  add(id: number, kept: Kept): void {
    this.#kept.delete(id)
    this.#kept.set(id, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size <= this.#max || oldest === undefined) return
    this.#kept.delete(oldest)
    this.#isWhole = false
  }

  /** A session begins. */
  clear(): void {
    this.#kept.clear()
    this.#isWhole = true
  }
}
