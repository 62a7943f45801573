/** How often calls ended with which code: a small table of numbers for each call. */
import type { JournalNames } from './journal-names.ts'

/** Codes that are told apart; any further one counts as `other`. */
export const codesMax = 32
const OTHER = codesMax - 1
/** What nearly all calls end with: it has the number 0. */
const SUCCESS = 0
/** What ends a call without a code. */
export const NO_CODE = Number.NaN

/** Small numbers for codes, shared by all tables of a host. */
export class CodeNumbers {
  readonly #byCode = new Map<number, number>([[SUCCESS, 0]])
  readonly #codes: number[] = [SUCCESS]

  of(code: number): number {
    if (code === SUCCESS) return 0
    const known = this.#byCode.get(code)
    if (known !== undefined) return known
    if (this.#codes.length === OTHER) return OTHER
    this.#byCode.set(code, this.#codes.length)
    this.#codes.push(code)
    return this.#codes.length - 1
  }

  /** undefined: any of the codes that are not told apart. */
  at(number: number): number | undefined {
    return this.#codes[number]
  }
}

export interface CallCount {
  readonly call: string
  /** `other`: codes past the first 31; `error`: ended without a code. */
  readonly code: number | 'other' | 'error'
  readonly count: number
}

export class CallCounts {
  readonly #names: JournalNames
  readonly #codes: CodeNumbers
  readonly #byName: (number[] | undefined)[] = []

  constructor(names: JournalNames, codes: CodeNumbers) {
    this.#names = names
    this.#codes = codes
  }

  /** A call, by its name's number, ended with a code: NO_CODE for none. */
  add(name: number, code: number): void {
    const counts = this.#byName[name] ?? this.#newCounts(name)
    const at = this.#codes.of(code)
    counts[at] = (counts[at] as number) + 1
  }

  #newCounts(name: number): number[] {
    while (this.#byName.length < name) this.#byName.push(undefined)
    const counts = new Array<number>(codesMax).fill(0)
    this.#byName[name] = counts
    return counts
  }

  /** Adds what another table of the same host has counted: with the same numbers for names and codes. */
  merge(other: CallCounts): void {
    for (const [name, counts] of other.#byName.entries()) {
      if (counts === undefined) continue
      const sums = this.#byName[name] ?? this.#newCounts(name)
      for (let at = 0; at < codesMax; at++) {
        sums[at] = (sums[at] as number) + (counts[at] as number)
      }
    }
  }

  /** Calls of that name that ended, with whatever code. */
  total(call: string): number {
    const name = this.#names.find(call)
    const counts = name === undefined ? undefined : this.#byName[name]
    return counts === undefined ? 0 : counts.reduce((sum, count) => sum + count, 0)
  }

  *read(): Generator<CallCount> {
    for (const [name, counts] of this.#byName.entries()) {
      for (const [at, count] of (counts ?? []).entries()) {
        if (count > 0) yield { call: this.#names.at(name), code: this.#codeAt(at), count }
      }
    }
  }

  #codeAt(at: number): CallCount['code'] {
    const code = this.#codes.at(at)
    if (code === undefined) return 'other'
    return Number.isNaN(code) ? 'error' : code
  }
}
