/** What a replay of one recording says. */

/** One place where the emulator and the recording differ. */
export interface Disagreement {
  /** Id of the recording. */
  readonly trace: string
  /** Index of the step, from 0. */
  readonly step: number
  /** The operation as recorded. */
  readonly op: unknown
  /** What differs: the code, the calls, the fault, or a key of the state. */
  readonly what: string
  readonly expected: unknown
  readonly got: unknown
}

export interface Replay {
  readonly id: string
  /** Steps that the recording has. */
  readonly steps: number
  /** Steps without a disagreement. */
  readonly agreed: number
  readonly disagreements: readonly Disagreement[]
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

/** One line for a person: where, what, and both sides. */
export const lineOf = (d: Disagreement): string =>
  `${d.trace} step ${d.step} ${textOf(d.op)} ${d.what}: ` +
  `expected ${textOf(d.expected)}, got ${textOf(d.got)}`
