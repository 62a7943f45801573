/**
 * What it costs to be looked at: the same switch with a dashboard's questions and without, and with a
 * journal and without, in turns, so that whatever else the machine does is shared alike.
 */
import { type Bench, type Row, row } from './row.ts'
import type { AllFigures } from './wire.ts'
import { runClient, type Server, startServer } from './wire-process.ts'

const WARM_PAGES = 131_072
const PAGES = 262_144
/** As the dashboard asks: milliseconds from one answer to the next question. */
const MAP_PAUSE_MS = 100
const NO_JOURNAL = new URL('./no-journal.js', import.meta.url).href
const FLAGS = ['--pool', '32GiB']

/** Pages a second of one VM that is switched, by a client of its own. */
async function switchRate({ url }: Server, pages = PAGES): Promise<number> {
  const given = { url, protocol: 'bin', window: 64, pages }
  return (await runClient<AllFigures>('all', given)).pagesPerS
}

/** The rate of several runs of the same length together. */
const together = (rates: readonly number[]): number =>
  rates.length / rates.reduce((sum, rate) => sum + 1 / rate, 0)

/** Microseconds of the server's processor time for each page of a VM that is switched. */
async function switchCost(server: Server): Promise<number> {
  const before = server.cpuUs()
  await switchRate(server)
  return (server.cpuUs() - before) / PAGES
}

/** When maps came that told of a change: milliseconds. */
interface Seen {
  readonly maps: readonly number[]
}

/** Looks at a server as the dashboard does, until it is told to stop. */
function look(url: string): { readonly stop: () => Promise<Seen> } {
  const end = new AbortController()
  const maps: number[] = []
  const follow = async (): Promise<void> => {
    const { body } = await fetch(`${url}/v1/journal/stream?backlog=100`, { signal: end.signal })
    for await (const _ of body ?? []) {
      // What is in it is told by the tests of the stream: here it has to be taken.
    }
  }
  const ask = async (): Promise<void> => {
    for (let since = ''; !end.signal.aborted; ) {
      const reply = await fetch(`${url}/v1/vms/1/map${since}`, { signal: end.signal })
      await reply.arrayBuffer()
      const epoch = reply.headers.get('etag')?.replaceAll('"', '')
      if (reply.status === 200) maps.push(performance.now())
      since = reply.status === 404 || epoch === undefined ? '' : `?since=${epoch}`
      await new Promise((resume) => setTimeout(resume, MAP_PAUSE_MS))
    }
  }
  const both = Promise.allSettled([follow(), ask()])
  return {
    stop: async () => {
      end.abort()
      await both
      return { maps }
    },
  }
}

const watched: Bench = {
  ids: ['bin-watched', 'bin-watched-updates'],
  what: "binary, `all`, tags, with a map and the journal's stream ten times a second, and without",
  run: async (): Promise<readonly Row[]> => {
    const server = await startServer(FLAGS)
    try {
      await switchRate(server, WARM_PAGES)
      const plain: number[] = []
      const looked: number[] = []
      const gaps: number[] = []
      for (const isLooked of [true, false, false, true, true, false]) {
        if (!isLooked) {
          plain.push(await switchRate(server))
          continue
        }
        const watcher = look(server.url)
        looked.push(await switchRate(server))
        const { maps } = await watcher.stop()
        gaps.push(...maps.slice(1).map((ms, i) => ms - (maps[i] ?? ms)))
      }
      const gap = gaps.reduce((sum, ms) => sum + ms, 0) / gaps.length
      return [
        row(
          'bin-watched',
          together(looked),
          'pages/s',
          together(plain),
          'unwatched; promised: 0.90',
        ),
        row('bin-watched-updates', 1_000 / gap, 'maps/s', 10, 'promised'),
      ]
    } finally {
      await server.stop()
    }
  },
}

const journal: Bench = {
  ids: ['bin-journal'],
  what: "the server's processor time for a page of that, with journal, counters and history",
  run: async () => {
    const servers = [await startServer(FLAGS), await startServer(FLAGS, [NO_JOURNAL])] as const
    const costs: [number[], number[]] = [[], []]
    try {
      for (const server of servers) await switchRate(server, WARM_PAGES)
      for (const at of [0, 1, 1, 0] as const) costs[at].push(await switchCost(servers[at]))
    } finally {
      for (const server of servers) await server.stop()
    }
    const [kept, none] = costs.map((each) => Math.min(...each))
    return [row('bin-journal', kept ?? 0, 'us/page', none ?? 0, 'without them')]
  },
}

export const WATCHED: readonly Bench[] = [watched, journal]
