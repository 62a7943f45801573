/**
 * What the wire costs: client and server as two processes over 127.0.0.1, beside the same traffic
 * with no emulator in it, taken in the same run.
 */
import { type Bench, type Row, row } from './row.ts'
import { runClient, type Server, startFloor, startServer } from './wire-process.ts'

const GIB = 2 ** 30
const BIG_PAGES = 1_638_400
/** The first times run code that is not compiled yet. */
const BIG_ROUNDS = 4
/** Of pages of bytes: the first ones take memory that the later ones use again. */
const BYTES_ROUNDS = 8
const JSON_PAGES = 100_000
const BYTES_PAGES = 4_000
const PAGES_PER_MESSAGE = 4
/** What is short is measured so often in one process; its floor, too. */
const ROUNDS = 3

export interface AllFigures {
  readonly pagesPerS: number
  /** Of the first switch that both processes see. */
  readonly firstPerS: number
  readonly messagesPerS: number
  readonly bytes: number
  readonly sentPerPage: number
  readonly receivedPerPage: number
}

async function withServer<T>(
  words: readonly string[],
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const server = await startServer(words)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

async function floorOf(mode: string, task: string, given: object): Promise<number> {
  const { url, stop } = await startFloor(mode)
  try {
    const { rate } = await runClient<{ rate: number }>(task, { url, ...given })
    return rate
  } finally {
    await stop()
  }
}

const jsonOneVm: Bench = {
  ids: ['json-1vm', 'json-batch'],
  what: 'JSON, one VM, `all`, tags: 64 and 1,024 page-ins in flight, pages a second',
  run: async () => {
    const run = (window: number) =>
      withServer(['--pool', '16GiB', '--window', String(window)], ({ url }) =>
        runClient<AllFigures>('all', {
          url,
          protocol: 'json',
          window,
          pages: JSON_PAGES,
          rounds: ROUNDS,
        }),
      )
    const one = await run(64)
    const batch = await run(1_024)
    return [
      row('json-1vm', one.pagesPerS, 'pages/s', 20_000, 'promised: at least'),
      row('json-batch', batch.pagesPerS, 'pages/s', 100_000, 'promised: at least'),
    ]
  },
}

const jsonWindow: Bench = {
  ids: ['json-window32'],
  what: 'JSON, one call in a message, 32 in flight: messages a second beside raw ws echo',
  run: async () => {
    const figures = await withServer(['--pool', '16GiB', '--window', '32'], ({ url }) =>
      runClient<AllFigures>('all', {
        url,
        protocol: 'json',
        window: 32,
        pages: 30_000,
        each: true,
        rounds: ROUNDS,
      }),
    )
    const echo = await floorOf('echo', 'echo', {
      count: 60_000,
      size: figures.bytes,
      rounds: ROUNDS,
    })
    const { sentPerPage, receivedPerPage } = figures
    // A call, its nested call and both answers: each in a message of its own.
    if (sentPerPage < 2 || receivedPerPage < 2) throw new Error(JSON.stringify(figures))
    return [row('json-window32', figures.messagesPerS, 'messages/s', echo, 'raw ws echo')]
  },
}

const binAll: Bench = {
  ids: [
    'bin-100g-all',
    'bin-100g-all-first',
    'bin-100g-all-floor',
    'bin-100g-all-awake',
    'bin-100g-all-cpu',
    'loop-delay',
  ],
  what: 'binary, one VM of 100 GB, `all`, tags, 64 in flight: pages a second; the server meanwhile',
  run: async () => {
    const given = { protocol: 'bin', window: 64, pages: BIG_PAGES, rounds: BIG_ROUNDS }
    const { figures, delay, cpu } = await withServer(['--pool', '128GiB'], async (server) => {
      const { url, loopDelay, cpuUs } = server
      await loopDelay()
      const before = cpuUs()
      const figures = await runClient<AllFigures>('all', { url, ...given })
      return {
        figures,
        delay: await loopDelay(),
        cpu: (cpuUs() - before) / (BIG_ROUNDS * BIG_PAGES),
      }
    })
    const { pagesPerS, firstPerS } = figures
    const loop = { pages: BIG_PAGES / 4, window: 64 }
    const bare = await floorOf('pages', 'pages', { ...loop, awake: false })
    const awake = await floorOf('awake', 'pages', { ...loop, awake: true })
    return [
      row('bin-100g-all', pagesPerS, 'pages/s', 400_000, 'promised: at least'),
      row('bin-100g-all-first', firstPerS, 'pages/s', pagesPerS, 'once the code is compiled'),
      row('bin-100g-all-floor', pagesPerS, 'pages/s', bare, 'bare loop; promised: 0.35'),
      row('bin-100g-all-awake', pagesPerS, 'pages/s', awake, 'bare loop that stays awake, too'),
      row('bin-100g-all-cpu', cpu, 'us/page', 2.5, 'what 400,000 pages/s leave the server'),
      row('loop-delay', delay.p99Ms, 'ms', 50, 'promised p99: below'),
    ]
  },
}

const binNecessary: Bench = {
  ids: ['bin-necessary', 'bin-necessary-growth'],
  what: 'binary, `necessary`, 40 MB of guest with digests: milliseconds; and from 1 GB to 1 TB',
  run: async () => {
    const sizes = [GIB, 100 * GIB, 1_024 * GIB]
    const { ms } = await withServer(['--pool', '2TiB'], ({ url }) =>
      runClient<{ ms: readonly number[] }>('necessary', { url, sizes }),
    )
    return [
      row('bin-necessary', ms[1] ?? 0, 'ms', 250, 'promised: below'),
      row(
        'bin-necessary-growth',
        Math.max(...ms) / Math.min(...ms),
        'times',
        1.5,
        'promised: below',
      ),
    ]
  },
}

const MB = 1e6

const bytes: Bench = {
  ids: ['bytes-in', 'bytes-in-single', 'bytes-out'],
  what: 'binary, pages of 65,536 bytes into the ultravisor, and out encrypted: megabytes a second',
  run: async () => {
    const moved = await withServer(['--pool', '1GiB'], ({ url }) =>
      runClient<{ in: number; out: number }>('bytes', {
        url,
        pages: BYTES_PAGES,
        rounds: BYTES_ROUNDS,
      }),
    )
    /** The same bytes, so many pages in a message. */
    const messages = (pages: number) => ({
      count: BYTES_PAGES / pages,
      size: pages * 65_600,
      rounds: BYTES_ROUNDS,
    })
    const source = await floorOf('source', 'source', messages(PAGES_PER_MESSAGE))
    const single = await floorOf('source', 'source', messages(1))
    const sink = await floorOf('sink', 'sink', messages(PAGES_PER_MESSAGE))
    const { seal, copy } = await runClient<{ seal: number; copy: number }>('local', {})
    const out = Math.min(sink, seal)
    console.log(`  memcpy ${Math.round(copy / MB)} MB/s, AES-256-GCM ${Math.round(seal / MB)} MB/s`)
    return [
      row('bytes-in', moved.in / MB, 'MB/s', source / MB, 'raw ws; promised: 0.70'),
      row('bytes-in-single', moved.in / MB, 'MB/s', single / MB, 'raw ws, a page in a message'),
      row('bytes-out', moved.out / MB, 'MB/s', out / MB, 'raw ws or AES-GCM; promised: 0.50'),
    ]
  },
}

/** The most memory that the server had while `use` ran, in megabytes. */
async function peakOf<T>(server: Server, use: Promise<T>): Promise<{ given: T; rss: number }> {
  let rss = 0
  const timer = setInterval(() => {
    rss = Math.max(rss, server.rss())
  }, 100)
  try {
    return { given: await use, rss }
  } finally {
    clearInterval(timer)
  }
}

const manyClients: Bench = {
  ids: ['clients-1000', 'clients-1000-rss'],
  what: '1,000 clients with one VM each, connected and switched: seconds; memory of the server',
  run: async () =>
    withServer(['--pool', '128GiB'], async (server) => {
      const client = runClient<{ s: number; secure: number; sessions: number }>('clients', {
        url: server.url,
        count: 1_000,
      })
      const { given, rss } = await peakOf(server, client)
      if (given.secure !== 1_000 || given.sessions !== 1_000) throw new Error(JSON.stringify(given))
      return [
        row('clients-1000', given.s, 's', 60, 'promised: below'),
        row('clients-1000-rss', rss, 'MB', 600, 'promised: below'),
      ]
    }),
}

const manyVms: Bench = {
  ids: ['vms-1000'],
  what: '1,000 VMs of 100 GB held at once, all secure: memory of the server, megabytes',
  run: async (): Promise<readonly Row[]> =>
    withServer(['--pool', '120TiB'], async (server) => {
      const client = runClient<{ secure: number }>('vms', { url: server.url, count: 1_000 })
      const { given, rss } = await peakOf(server, client)
      if (given.secure < BIG_PAGES - 10) throw new Error(JSON.stringify(given))
      return [row('vms-1000', rss, 'MB', 1_000, 'promised: below')]
    }),
}

const terabyte: Bench = {
  ids: ['loop-delay-1tb'],
  what: 'switch, reset and end of a VM of 1 TB: the longest that the server did nothing else, ms',
  run: async () =>
    withServer(['--pool', '1200GiB'], async ({ url, loopDelay }) => {
      await loopDelay()
      await runClient('terabyte', { url })
      return [row('loop-delay-1tb', (await loopDelay()).maxMs, 'ms', 50, 'promised: below')]
    }),
}

export const WIRE: readonly Bench[] = [
  jsonOneVm,
  jsonWindow,
  binAll,
  binNecessary,
  bytes,
  manyClients,
  manyVms,
  terabyte,
]
