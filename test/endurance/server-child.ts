/** A server in a process of its own, which tells what it holds when it is asked. */
import { LIMITS } from '../../schemas/limits.ts'
import { listen } from '../../src/server/listen.ts'
import { heapBytes } from '../hostile/heap.ts'
import { server } from '../server/server.ts'
import type { Asked, Held } from './server-process.ts'

/** Small enough to be full before anything is measured. */
const JOURNAL_EVENTS = 1_024
const SESSION_GRACE_MS = 200
const KEEP_ALIVE_MS = 1_000

const POOL_PAGES = 4_096

const app = server({
  hv: { poolPages: POOL_PAGES },
  limits: { ...LIMITS, sessionGraceMs: SESSION_GRACE_MS, keepAliveMsMax: KEEP_ALIVE_MS },
  app: { journalEvents: JOURNAL_EVENTS },
})

// Whoever writes there for the first time opens it: that is nothing that a client left.
void process.stderr.writable

/** Kinds of what keeps the process alive, counted. */
function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

async function gauge(name: string): Promise<number> {
  const headers = { host: '127.0.0.1' }
  const { body } = await app.http.inject({ url: '/metrics', headers })
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1] ?? 'NaN')
}

async function answer(asked: Asked): Promise<void> {
  if (asked === 'end') {
    await app.close()
    process.disconnect()
    return
  }
  const heap = asked === 'all' ? await heapBytes() : 0
  const held: Held = {
    heap,
    rss: process.memoryUsage.rss(),
    resources: resources(),
    queueLongest: await gauge('uvmem_queue_longest'),
    sendBufferLongest: await gauge('uvmem_send_buffer_bytes_longest'),
    sessions: await gauge('uvmem_sessions'),
    vms: app.hv.host.vms.size,
    devicePages: app.hv.host.devices.pool.taken,
  }
  process.send?.(held)
}

process.on('message', (asked: Asked) => void answer(asked))
// A test that is gone asks for nothing more.
process.on('disconnect', () => process.exit(0))

process.send?.(await listen(app, '127.0.0.1', 0))
