/** `uvmem load` and `uvmem hv` as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { buildProgram } from '../built-program.ts'

const start = (words: readonly string[]): ChildProcess =>
  spawn(process.execPath, [...buildProgram().words, ...words], {
    // What tap wants of Node.js is for tests: each of the load's processes would heed it.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })

/** A server that ends with the test. */
export async function startServer(
  t: { teardown: (end: () => void) => void },
  pool = '1GiB',
): Promise<string> {
  const child = start([
    'hv',
    '--port',
    '0',
    '--pool',
    pool,
    '--log-level',
    'error',
    '--session-grace',
    '3s',
  ])
  t.teardown(() => child.kill('SIGKILL'))
  if (child.stdout === null) throw new Error('no stdout')
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return (JSON.parse(line) as { url: string }).url
}

export async function load(words: readonly string[], signalAfterMs?: number) {
  const child = start(['load', ...words])
  const text = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text.out += part
  })
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text.err += part
    // The first line of progress says that the workers are at work.
    if (signalAfterMs !== undefined && text.err === part)
      setTimeout(() => child.kill('SIGINT'), signalAfterMs)
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...text }
}
