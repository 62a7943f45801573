/**
 * The hypervisor under search, as `uvmem hv` starts it, in a process of its own. Whoever started it
 * may have its heap written to a file, and may make it keep something that it should not have.
 */
import { writeHeapSnapshot } from 'node:v8'
import { HvOptions } from '../../src/bin/hv-options.ts'
import { serveHypervisor } from '../../src/bin/hv-serve.ts'
import type { Io } from '../../src/bin/io.ts'

export type Order =
  | { readonly do: 'heap'; readonly path: string }
  | { readonly do: 'keep'; readonly text: string }
  | { readonly do: 'end' }

/** What is kept although it should not be. */
export const kept: string[] = []

const io: Io = {
  env: {},
  input: process.stdin,
  out: process.stdout,
  err: process.stderr,
  isTerminal: false,
  errIsTerminal: false,
  self: [process.execPath],
  parent: undefined,
  onSignal: () => undefined,
  setExitCode: () => undefined,
  exit: (code) => process.exit(code),
}

const options = HvOptions.parse(JSON.parse(process.argv[2] ?? '{}'))
const place = { host: '127.0.0.1', port: 0, token: undefined }
const { address, end } = await serveHypervisor(options, place, io)
process.on('message', (order: Order) => void obey(order))
process.send?.({ ready: address })

async function obey(order: Order): Promise<void> {
  if (order.do === 'heap') writeHeapSnapshot(order.path)
  if (order.do === 'keep') kept.push(order.text)
  if (order.do === 'end') await end()
  process.send?.({ done: order.do })
  if (order.do === 'end') process.disconnect()
}
