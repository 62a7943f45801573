/**
 * A command that takes this program's place at the terminal: it has the same input and output, gets
 * the signals that this program gets, and its end is this program's end.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Io } from './io.ts'

/** Signals that are passed on. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const

/** As shells do: a command that is not there, one that cannot be run, one that a signal ended. */
const NOT_FOUND = 127
const NOT_RUNNABLE = 126
const SIGNALLED = 128

export interface Ended {
  /** 0 to 255; 128 and the signal's number when a signal ended it. */
  readonly code: number
  /** Set when the command could not be started. */
  readonly failure: string | undefined
}

/** Runs a command to its end. */
export function runInForeground(
  [program, ...words]: readonly [string, ...string[]],
  env: Io['env'],
  { onSignal, inputIsTerminal }: Io,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { env, stdio: 'inherit' })
    onSignal((signal) => {
      // Ctrl-C and Ctrl-\ at a terminal reach the command by themselves: twice would be once too often.
      const isKey = signal === 'SIGINT' || signal === 'SIGQUIT'
      if (!(isKey && inputIsTerminal === true)) child.kill(signal)
    }, PASSED_ON)
    child.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE
      resolve({ code, failure: `${program}: ${error.message}` })
    })
    child.once('close', (code, signal) => {
      const number = signal === null ? 0 : constants.signals[signal]
      resolve({ code: code ?? SIGNALLED + number, failure: undefined })
    })
  })
}
