/** A world for commands without a process: what they print is kept, nothing else happens. */
import { PassThrough } from 'node:stream'
import type { Io } from '../../src/bin/io.ts'

export interface FakeIo extends Io {
  outText(): string
  errText(): string
}

export function fakeIo(env: Readonly<Record<string, string>> = {}): FakeIo {
  const out = new PassThrough({ encoding: 'utf8' })
  const err = new PassThrough({ encoding: 'utf8' })
  const textOf = (stream: PassThrough) => String(stream.read() ?? '')
  return {
    env,
    input: new PassThrough(),
    out,
    err,
    isTerminal: false,
    errIsTerminal: false,
    self: ['node'],
    parent: undefined,
    onSignal: () => undefined,
    setExitCode: () => undefined,
    exit: (code) => {
      throw new Error(`exit ${code}`)
    },
    outText: () => textOf(out),
    errText: () => textOf(err),
  }
}
