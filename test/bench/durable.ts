/** What `--durable` costs: the same switch with it and without it, and a start after kill -9. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bench, row } from './row.ts'
import { runClient, startServer } from './wire-process.ts'

const PAGES = 100_000
const WINDOW = 64

interface Switched {
  readonly pagesPerS: number
  /** Microseconds of the server's processor time for each page. */
  readonly cpuUs: number
}

async function switchIn(words: readonly string[]): Promise<Switched> {
  const server = await startServer(['--pool', '8GiB', ...words])
  try {
    const before = server.cpuUs()
    const given = { url: server.url, protocol: 'bin', window: WINDOW, pages: PAGES }
    const { pagesPerS } = await runClient<{ pagesPerS: number }>('all', given)
    return { pagesPerS, cpuUs: (server.cpuUs() - before) / PAGES }
  } finally {
    await server.stop()
  }
}

export const DURABLE: readonly Bench[] = [
  {
    ids: ['bin-durable', 'bin-durable-cpu', 'durable-start'],
    what: 'binary, 100,000 pages by tag, 64 in flight: with --durable and without; processor time until ready again, ms',
    run: async () => {
      const dir = mkdtempSync(join(tmpdir(), 'uvmem-bench-'))
      try {
        const words = ['--durable', '--state-dir', dir]
        const plain = await switchIn([])
        const durable = await switchIn(words)
        const began = performance.now()
        const again = await startServer(['--pool', '8GiB', ...words])
        const startMs = performance.now() - began
        console.log(`  ready again after ${Math.round(startMs)} ms by the clock`)
        const startCpuMs = again.cpuUs() / 1_000
        await again.stop()
        return [
          row('bin-durable', durable.pagesPerS, 'pages/s', plain.pagesPerS, 'without --durable'),
          row('bin-durable-cpu', durable.cpuUs, 'us/page', plain.cpuUs, 'without --durable'),
          row('durable-start', startCpuMs, 'ms', 2_000, 'promised: below'),
        ]
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
  },
]
