/** A server that is started by some command, asked for a whole VM, and ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { connectUv } from '../../src/peer/uv-client.ts'

const LPID = asLpid(1)
const PAGES = 4
const BYTES = PAGES * 65_536

export interface ServedResult {
  readonly ended: { readonly code: number | null; readonly err: string }
  /** Milliseconds from SIGTERM to the end. */
  readonly endMs: number
}

/** `look` is told its process id while it serves. */
export async function served(
  t: Test,
  words: readonly string[],
  look: (pid: number) => Promise<void>,
): Promise<ServedResult> {
  const hv = ['hv', '--port', '0', '--log-level', 'warn']
  const env = { PATH: process.env['PATH'] ?? '' }
  // What tap wants of Node.js is for tests, not for the server: it adds that to every environment.
  const command = ['-u', 'NODE_OPTIONS', ...words, ...hv]
  const child = spawn('env', command, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const closed = once(child, 'close') as Promise<[number | null]>
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>
  const first = await Promise.race([line, closed.then(() => undefined)])
  if (first === undefined) throw new Error(`it did not start: ${err}`)
  const { url, uv } = JSON.parse(first[0]) as { url: string; uv: string }
  const rest = new HvRest({ url })
  const client = await connectUv({ url: uv, protocol: 'bin' })
  await client.open()
  t.equal(await client.svm(LPID).registerSlot(asSlotId(0), asGpa(0), BYTES), 0)
  t.match(await rest.call('getVm', { path: { lpid: LPID } }), { frames: PAGES })
  await look(child.pid ?? 0)
  client.close()
  const began = performance.now()
  child.kill('SIGTERM')
  const [code] = await closed
  return { ended: { code, err }, endMs: performance.now() - began }
}
