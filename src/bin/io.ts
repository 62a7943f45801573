/** What a command knows of the world; src/bin/uvmem.ts makes it of `process`. */
import type { Readable, Writable } from 'node:stream'

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly input: Readable
  /** True when `input` is a terminal. */
  readonly inputIsTerminal?: boolean
  readonly out: Writable
  readonly err: Writable
  /** True when `out` is a terminal. */
  readonly isTerminal: boolean
  /** True when `err` is a terminal. */
  readonly errIsTerminal: boolean
  /**
   * The words that start this program again: the running node executable, its flags, the script.
   */
  readonly self: readonly [string, ...string[]]
  /** Whoever started this program to talk to it in messages; undefined when nobody did. */
  readonly parent: ParentPort | undefined
  /** Calls back for every SIGINT and SIGTERM, or for other signals. */
  readonly onSignal: (
    handle: (signal: NodeJS.Signals) => void,
    signals?: readonly NodeJS.Signals[],
  ) => void
  /** Sets the code that the process ends with once nothing is left to do. */
  readonly setExitCode: (code: ExitCode) => void
  /** Ends the process at once. */
  readonly exit: (code: number) => never
}

/** Messages to and from the process that started this one. */
export interface ParentPort {
  readonly send: (message: unknown) => void
  readonly onMessage: (hear: (message: unknown) => void) => void
  /** Tells once that the other process is gone, or has let go. */
  readonly onEnd: (ended: () => void) => void
  readonly close: () => void
}

/** How the program ends. */
export const ExitCode = {
  /** Everything asked for was done. */
  Ok: 0,
  /** A run failed. */
  Failed: 1,
  /** The command line, the environment or a file cannot be understood. */
  Usage: 2,
  /** A bound was reached before the answer was known. */
  Bound: 3,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** The user asked for something that cannot be done; `main` prints it and ends with `code`. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: ExitCode

  constructor(message: string, code: ExitCode = ExitCode.Usage) {
    super(message)
    this.code = code
  }
}
