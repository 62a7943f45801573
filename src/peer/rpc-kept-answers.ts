/**
 * The answers that one side gave last, so that it can give each of them again, byte for byte, when
 * the connection ended before it arrived.
 *
 * A ring in the order in which answers were given, because a broken connection loses the last ones,
 * however long their calls took. Its columns are typed arrays: an answer that is only a code keeps no
 * object alive. An index by id exists only while somebody asks: from a resume on, or from the first id
 * that is no new one, until every answer from before has left the ring. It is made of as many answers
 * as are kept, at most once for as many that are given: no choice of ids makes an answer cost more.
 */
import type { Outcome } from '../../schemas/messages.ts'
import type { CallName } from '../abi/calls.ts'

/** Answers that the ring has room for at first; it grows as they come. */
const FIRST_CAPACITY = 64

/** What one answer has to be known by. */
export interface AnswerKey {
  readonly id: number
  /** Fingerprint of the call. */
  readonly low: number
  readonly high: number
}

/** The bytes are gone, to keep within the limit. */
const FORGOTTEN = Symbol('forgotten')

const bytesIn = (kept: Outcome | typeof FORGOTTEN | undefined): number => {
  if (kept === undefined || kept === FORGOTTEN || kept.kind === 'error') return 0
  const output = kept.bytes ?? kept.page
  return output instanceof Uint8Array ? output.length : 0
}

export class KeptAnswers {
  readonly #answersMax: number
  readonly #bytesMax: number
  #capacity = 0
  #ids = new Uint32Array(0)
  #lows = new Int32Array(0)
  #highs = new Int32Array(0)
  #rets = new Float64Array(0)
  readonly #calls: CallName[] = []
  /** Whatever is more than a code: outputs and errors. */
  readonly #more: (Outcome | typeof FORGOTTEN | undefined)[] = []
  /** Answers given so far: the number of the next one. */
  #total = 0
  /** Place of the next one. */
  #place = 0
  #bytes = 0
  /** No answer with a lower number has bytes. */
  #bytesFrom = 0
  #isWhole = true
  #index: Map<number, number> | undefined
  /** The index goes when so many answers were given. */
  #indexUntil = 0

  /** `answersMax`: 1 and more. `bytesMax`: bytes of pages in all answers together. */
  constructor(answersMax: number, bytesMax: number) {
    this.#answersMax = answersMax
    this.#bytesMax = bytesMax
  }

  /** Answers given since the beginning; each has the number that this was before it. */
  get total(): number {
    return this.#total
  }

  /** Answers that are kept. */
  get size(): number {
    return Math.min(this.#total, this.#capacity)
  }

  /** Bytes of pages that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Every answer that was ever given is kept: an id that is not found here was never answered. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** True while a look-up costs nothing. */
  get isIndexed(): boolean {
    return this.#index !== undefined
  }

  /** Answers were given before of which nothing is known. */
  miss(): void {
    this.#isWhole = false
  }

  /** Makes look-ups cost nothing until every answer that was given so far has left the ring. */
  index(): void {
    this.#index ??= this.#newIndex()
    this.#indexUntil = this.#total + this.#answersMax
  }

  /**
   * Keeps an answer, in place of the oldest one when the ring is full. An error may be one object for
   * many calls: its id is the key's.
   */
  add({ id, low, high }: AnswerKey, outcome: Outcome): void {
    if (this.#total === this.#capacity && this.#capacity < this.#answersMax) this.#grow()
    else if (this.#total >= this.#capacity) this.#isWhole = false
    const at = this.#place
    if (this.#index !== undefined) this.#reindex(this.#index, id, at)
    this.#bytes -= bytesIn(this.#more[at])
    this.#ids[at] = id
    this.#lows[at] = low
    this.#highs[at] = high
    if (outcome.kind === 'answer' && isPlain(outcome)) {
      this.#calls[at] = outcome.call
      this.#rets[at] = outcome.ret
      this.#more[at] = undefined
    } else {
      this.#more[at] = outcome
      this.#bytes += bytesIn(outcome)
    }
    this.#total++
    this.#place = at + 1 === this.#capacity ? 0 : at + 1
    if (this.#bytes > this.#bytesMax) this.#dropBytes()
  }

  /** The number of the last answer to a call of that id; -1 when it is not kept. */
  find(id: number): number {
    if (this.#index === undefined) this.index()
    return this.#index?.get(id) ?? -1
  }

  /** True when an answer was given to a call with that fingerprint. */
  fits(number: number, low: number, high: number): boolean {
    const at = this.#placeOf(number)
    return this.#lows[at] === low && this.#highs[at] === high
  }

  /** The answer as it was given; undefined when its bytes are gone. `number` must be kept. */
  outcome(number: number): Outcome | undefined {
    const at = this.#placeOf(number)
    const more = this.#more[at]
    if (more === FORGOTTEN) return undefined
    const id = this.#ids[at] as number
    if (more !== undefined) return more.kind === 'error' ? { ...more, id } : more
    const call = this.#calls[at] as CallName
    return { kind: 'answer', id, call, ret: this.#rets[at] as number }
  }

  /** All that can be given again, the oldest first. */
  *all(): Generator<AnswerKey & { readonly outcome: Outcome }> {
    for (let number = this.#total - this.size; number < this.#total; number++) {
      const at = this.#placeOf(number)
      const outcome = this.outcome(number)
      if (outcome === undefined) continue
      const [low, high] = [this.#lows[at] as number, this.#highs[at] as number]
      yield { id: this.#ids[at] as number, low, high, outcome }
    }
  }

  /** Only a ring that has reached its highest capacity goes round. */
  #placeOf(number: number): number {
    return number % this.#capacity
  }

  #grow(): void {
    this.#capacity = Math.min(this.#answersMax, Math.max(FIRST_CAPACITY, this.#capacity * 2))
    this.#ids = widened(this.#ids, new Uint32Array(this.#capacity))
    this.#lows = widened(this.#lows, new Int32Array(this.#capacity))
    this.#highs = widened(this.#highs, new Int32Array(this.#capacity))
    this.#rets = widened(this.#rets, new Float64Array(this.#capacity))
    this.#place = this.#total
  }

  #newIndex(): Map<number, number> {
    const index = new Map<number, number>()
    for (let number = this.#total - this.size; number < this.#total; number++) {
      index.set(this.#ids[this.#placeOf(number)] as number, number)
    }
    return index
  }

  /** An answer takes the place `at`. */
  #reindex(index: Map<number, number>, id: number, at: number): void {
    const oldest = this.#total - this.#capacity
    const evicted = this.#ids[at] as number
    if (oldest >= 0 && index.get(evicted) === oldest) index.delete(evicted)
    index.set(id, this.#total)
    if (this.#total >= this.#indexUntil) this.#index = undefined
  }

  /** Lets the oldest bytes go until the limit is kept. */
  #dropBytes(): void {
    this.#isWhole = false
    let number = Math.max(this.#bytesFrom, this.#total - this.size)
    for (; this.#bytes > this.#bytesMax; number++) {
      const at = this.#placeOf(number)
      const bytes = bytesIn(this.#more[at])
      if (bytes === 0) continue
      this.#bytes -= bytes
      this.#more[at] = FORGOTTEN
    }
    this.#bytesFrom = number
  }
}

const isPlain = ({ page, bytes, session }: Extract<Outcome, { kind: 'answer' }>): boolean =>
  page === undefined && bytes === undefined && session === undefined

function widened<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
