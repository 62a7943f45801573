/** What a peer that does not read costs the others. */
import { type Bench, row } from './row.ts'
import { runClient, startServer } from './wire-process.ts'

/** How many times what it is alone, in the middle of all pairs of measurements. */
export interface Beside {
  readonly latency: number
  readonly p99: number
  readonly cpu: number
}

const PROMISE = 'promised: below'

export const FAIRNESS: readonly Bench[] = [
  {
    ids: ['slow-reader', 'slow-reader-p99', 'slow-reader-cpu'],
    what: 'page moves of one client beside a peer that asks for 64 KiB again and again and reads none of it: times what they take without it',
    run: async () => {
      const server = await startServer(['--pool', '1GiB'])
      try {
        const beside = await runClient<Beside>('beside', { url: server.url, pairs: 10 })
        return [
          row('slow-reader', beside.latency, 'times', 2, PROMISE),
          row('slow-reader-p99', beside.p99, 'times', 2, PROMISE),
          row('slow-reader-cpu', beside.cpu, 'times', 2, PROMISE),
        ]
      } finally {
        await server.stop()
      }
    },
  },
]
