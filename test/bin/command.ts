/** The `uvmem` command as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Test } from 'tap'
import { buildProgram } from '../built-program.ts'

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** The first line on stdout; fails when the process ends without one. */
  readonly firstLine: Promise<string>
}

/** Starts the command; it ends with the test at the latest. */
export function start(
  t: Test,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [...buildProgram().words, ...words], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const ended = new Promise<Ended>((done) => {
    child.on('close', (code, signal) => done({ code, signal, out, err }))
  })
  const firstLine = new Promise<string>((done, fail) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += String(chunk)
      if (out.includes('\n')) done(out.slice(0, out.indexOf('\n')))
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += String(chunk)
    })
    ended.then(
      () => fail(new Error(`no line: ${err}`)),
      () => undefined,
    )
  })
  firstLine.catch(() => undefined)
  return { child, ended, firstLine }
}

export const run = (t: Test, words: readonly string[], env = {}): Promise<Ended> =>
  start(t, words, env).ended
