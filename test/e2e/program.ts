/** Runs `uvmem` as processes of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { buildProgram } from '../built-program.ts'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has said so far. */
  readonly said: () => { readonly out: string; readonly err: string }
}

export function start(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [...buildProgram().words, ...words], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }))
  })
  return { process: child, ended, said: () => ({ out, err }) }
}

export const run = (words: readonly string[], env?: Readonly<Record<string, string>>) =>
  start(words, env).ended

export interface Server extends Running {
  readonly url: string
}

/** A server on a free port, once it says that it is ready. */
export async function startServer(
  words: readonly string[] = [],
  env?: Readonly<Record<string, string>>,
): Promise<Server> {
  const running = start(['hv', '--port', '0', '--log-level', 'warn', ...words], env)
  const { stdout } = running.process
  if (stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: stdout })) {
    const { url } = JSON.parse(line) as { url: string }
    return { ...running, url }
  }
  throw new Error(`the server did not start: ${(await running.ended).err}`)
}

/** Waits until `look` gives something; fails after a minute. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + 60_000
  while (Date.now() < end) {
    const seen = await look()
    if (seen !== undefined) return seen
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('it did not happen within a minute')
}
