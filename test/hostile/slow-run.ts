/** How long a good client waits beside slow peers, against how long it waits alone. By command. */
import { performance } from 'node:perf_hooks'
import { asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import type { App } from '../../src/server/app.ts'
import { listen } from '../../src/server/listen.ts'
import { Line } from '../server/line.ts'
import { server } from '../server/server.ts'
import type { RawSocket } from './raw-socket.ts'
import { neverRead, SLOW_KINDS, SlowPeer } from './slow-peers.ts'

export interface SlowFigures {
  readonly sockets: number
  readonly neverReading: number
  /** Microseconds: the median over all calls, alone and beside the slow ones. */
  readonly quiet: number
  readonly beside: number
  /** The 99th of a hundred. */
  readonly quietP99: number
  readonly besideP99: number
  /** Calls that were not answered as they must be. */
  readonly failed: number
  readonly durationMs: number
}

/** Alone and beside them, in turns, so that what else goes on in the machine hits both. */
const rounds = 5
const callsPerTurn = 1_000
const neverReading = 100
/** Milliseconds between two bytes of a slow peer. */
const dripMs = 1_000
const GOOD = 9

const atShare = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

/** Makes calls one after the other; the microseconds of each. */
async function measure(good: Line, into: number[]): Promise<number> {
  let failed = 0
  for (let n = 0; n < callsPerTurn; n++) {
    const start = performance.now()
    const { result } = await good.call('H_SVM_INIT_DONE', { lpid: GOOD })
    into.push((performance.now() - start) * 1_000)
    if (result?.ret !== -67) failed++
  }
  return failed
}

/** `sockets` slow ones of every kind, and those that never read; returns what sends them away. */
async function besiege(port: number, sockets: number): Promise<() => Promise<void>> {
  const slow: SlowPeer[] = []
  for (let n = 0; n < sockets; n++) {
    // Nine of ten say nothing at all; the others are of every kind.
    const kind = n % 10 === 0 ? SLOW_KINDS[(n / 10) % SLOW_KINDS.length] : 'says nothing'
    const peer = new SlowPeer(port, kind ?? 'says nothing', dripMs)
    slow.push(peer)
    if (n % 100 === 99) await peer.raw.opened()
  }
  const silent: RawSocket[] = []
  for (let n = 0; n < neverReading; n++) silent.push(await neverRead(port, 60))
  // Until the server has stopped reading from those.
  await new Promise((done) => setTimeout(done, 500))
  return async () => {
    for (const peer of slow) peer.stop()
    for (const raw of silent) raw.destroy()
    await new Promise((done) => setTimeout(done, 500))
  }
}

async function fill({ vmm }: App): Promise<void> {
  const slots = [{ id: asSlotId(0), base: asGfn(0), pages: 2 }]
  await vmm.create({ lpid: asLpid(1), radix: true, svmEnabled: true, slots })
  await vmm.writePage(asLpid(1), asGfn(1), 0, new Uint8Array(65_536).fill(1))
}

export async function measureSlow(
  sockets: number,
  tell: (line: string) => void,
): Promise<SlowFigures> {
  const app = server({ limits: { sendBufferHighBytes: 262_144 } })
  const start = performance.now()
  try {
    const { uv } = await listen(app, '127.0.0.1', 0)
    await fill(app)
    const good = new Line(uv)
    await good.opened()
    await good.call('SESSION_OPEN', { name: 'good' })
    const slot = { lpid: GOOD, start_gpa: 0, size: 65_536, flags: 0, slotid: 0 }
    await good.call('UV_REGISTER_MEM_SLOT', slot)
    const quiet: number[] = []
    const beside: number[] = []
    let failed = await measure(good, [])
    for (let round = 1; round <= rounds; round++) {
      failed += await measure(good, quiet)
      const sendAway = await besiege(Number(new URL(uv).port), sockets)
      failed += await measure(good, beside)
      await sendAway()
      tell(`round ${round} of ${rounds}`)
    }
    good.socket.terminate()
    quiet.sort((a, b) => a - b)
    beside.sort((a, b) => a - b)
    return {
      sockets,
      neverReading,
      quiet: Math.round(atShare(quiet, 0.5)),
      beside: Math.round(atShare(beside, 0.5)),
      quietP99: Math.round(atShare(quiet, 0.99)),
      besideP99: Math.round(atShare(beside, 0.99)),
      failed,
      durationMs: Math.round(performance.now() - start),
    }
  } finally {
    await app.close()
  }
}
