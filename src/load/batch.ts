/**
 * Measurements on their way from a worker to the main one: numbers in one array that is handed over
 * without a copy. The names of codes go beside it, each once.
 */
import { METRIC_NAMES, type MetricName } from './metric.ts'

/** One operation, or one part of one. */
export interface Sample {
  readonly metric: MetricName
  /** Milliseconds after the start of the run at which it ended. */
  readonly endMs: number
  /** How long it took, in milliseconds; in the open model from when it should have begun. */
  readonly ms: number
  /** undefined: it succeeded. */
  readonly code: string | undefined
}

const FIELDS = 4
const SAMPLES_MAX = 1_024

export interface Batch {
  readonly numbers: Float64Array
  /** Names of codes that are new: they continue the list of those before. */
  readonly codes: readonly string[]
}

/** Gathers samples in a worker. */
export class BatchWriter {
  readonly #send: (batch: Batch) => void
  readonly #codes = new Map<string, number>()
  #numbers = new Float64Array(SAMPLES_MAX * FIELDS)
  #at = 0
  #newCodes: string[] = []

  constructor(send: (batch: Batch) => void) {
    this.#send = send
  }

  add(metric: MetricName, endMs: number, ms: number, code: string | undefined): void {
    const at = this.#at
    this.#numbers[at] = METRIC_NAMES.indexOf(metric)
    this.#numbers[at + 1] = endMs
    this.#numbers[at + 2] = ms
    this.#numbers[at + 3] = code === undefined ? 0 : this.#numberOf(code)
    this.#at = at + FIELDS
    if (this.#at === this.#numbers.length) this.flush()
  }

  flush(): void {
    if (this.#at === 0) return
    const numbers = this.#numbers.subarray(0, this.#at).slice()
    const codes = this.#newCodes
    this.#at = 0
    this.#newCodes = []
    this.#send({ numbers, codes })
  }

  #numberOf(code: string): number {
    let number = this.#codes.get(code)
    if (number === undefined) {
      number = this.#codes.size + 1
      this.#codes.set(code, number)
      this.#newCodes.push(code)
    }
    return number
  }
}

/** Reads one worker's batches, in their order. */
export class BatchReader {
  readonly #codes: string[] = []

  read({ numbers, codes }: Batch, take: (sample: Sample) => void): void {
    this.#codes.push(...codes)
    for (let at = 0; at < numbers.length; at += FIELDS) {
      const metric = METRIC_NAMES[numbers[at] ?? -1]
      if (metric === undefined) continue
      const code = numbers[at + 3] ?? 0
      take({
        metric,
        endMs: numbers[at + 1] ?? 0,
        ms: numbers[at + 2] ?? 0,
        code: code === 0 ? undefined : this.#codes[code - 1],
      })
    }
  }
}
