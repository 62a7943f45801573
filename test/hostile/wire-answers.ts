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
  /** Calls of the message that is sent that may begin the session: the highest id that came after each. */
  readonly #since = new Map<object, number>()

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

  /** Whether so many more answers may push that one out. */
  mayForget(id: number, answers: number): boolean {
    return this.#max - this.#kept.size + this.ids.indexOf(id) < answers
  }

  isAbove(id: number): boolean {
    return isAbove(id, this.highest)
  }

  /** An id came that is a new call's. */
  came(id: number): void {
    if (this.isAbove(id)) this.highest = id
    for (const [opening, highest] of this.#since) {
      if (isAbove(id, highest)) this.#since.set(opening, id)
    }
  }

  /** Another message is about to be sent. */
  sends(): void {
    this.#since.clear()
  }

  /** A call came that begins the session, unless it is refused or an earlier one has begun it. */
  mayBegin(opening: object): void {
    if (this.#since.size === 0) this.highest = 0
    this.#since.set(opening, 0)
  }

  /** This call began the session: whatever came after it counts, and nothing that came before. */
  begins(opening: object): void {
    this.highest = this.#since.get(opening) ?? this.highest
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

/** Ids go round. */
const isAbove = (id: number, highest: number): boolean => highest === 0 || ((id - highest) | 0) > 0
