/** Runs commands inside the test: what they say, and the code that they end with. */
import { Readable, Writable } from 'node:stream'
import type { ExitCode, Io } from '../../src/bin/io.ts'
import { main } from '../../src/bin/main.ts'

export interface Said {
  readonly out: string
  readonly err: string
  readonly code: ExitCode
}

export interface Running {
  readonly ended: Promise<Said>
  /** What it has said on its output so far. */
  readonly out: () => string
  readonly signal: (name: NodeJS.Signals) => void
  /** True once it listens to signals: it is under way then. */
  readonly watching: () => boolean
}

export function start(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const said = { out: '', err: '' }
  const into = (name: 'out' | 'err') =>
    new Writable({
      write: (chunk, _, done) => {
        said[name] += String(chunk)
        done()
      },
    })
  let code: ExitCode = 0
  const handlers: ((name: NodeJS.Signals) => void)[] = []
  const io: Io = {
    env,
    input: Readable.from([]),
    out: into('out'),
    err: into('err'),
    isTerminal: false,
    errIsTerminal: false,
    self: [process.execPath, 'uvmem'],
    parent: undefined,
    onSignal: (handle) => {
      handlers.push(handle)
    },
    setExitCode: (given) => {
      code = given
    },
    exit: () => {
      throw new Error('nothing here ends the process')
    },
  }
  const ended = main(words, io).then((given) => ({ ...said, code: given ?? code }))
  const signal = (name: NodeJS.Signals): void => {
    for (const handle of handlers) handle(name)
  }
  return { ended, out: () => said.out, signal, watching: () => handlers.length > 0 }
}

export const run = (words: readonly string[], env?: Readonly<Record<string, string>>) =>
  start(words, env).ended
