/**
 * A server, a client of it behind a proxy that breaks connections, and one secure guest: everything
 * that is needed to see whether a call is lost, or executed twice.
 */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import { asGfn, asGpa, asLpid, asSlotId, type Gfn, PAGE_SIZE } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { buildGuest } from '../../src/guest/guest.ts'
import { NO_WATCH } from '../../src/hv/watch.ts'
import { disagreementsOf } from '../../src/lab/agreement.ts'
import { loadGuest } from '../../src/peer/guest-load.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { connectUv, type UvClient } from '../../src/peer/uv-client.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import { type App, buildApp } from '../../src/server/app.ts'
import { listen } from '../../src/server/listen.ts'
import type { ContentMode } from '../../src/ultravisor/svm.ts'
import { unexplained, violationsOf } from '../../src/uvmem/invariants.ts'
import { TcpProxy } from './tcp-proxy.ts'

export const LPID = asLpid(1)
/** Frames of the guest; the image lies in the first half. */
export const FRAMES = 256
/** The first frame that is free for tests. */
export const FIRST = 128
/** Tag of frame 0; each frame has one more than the one before. */
const TAG = 0x7000_0000_0000_0000n

export interface WorldOptions {
  readonly protocol: UvProtocol
  readonly contentMode?: ContentMode
  readonly limits?: Partial<Limits>
  readonly random?: () => number
}

export class ResumeWorld implements AsyncDisposable {
  readonly app: App
  /** Resumes that came before the server had missed the connection. */
  readonly fences: Fences
  readonly proxy: TcpProxy
  readonly client: UvClient
  /** Ultracalls that the ultravisor has served, by name. */
  readonly served = new Map<string, number>()
  /** Lines that the client, or the server, would have logged as odd. */
  readonly reports: string[]
  readonly #states: Map<string, number>
  readonly #resumed: (() => void)[]

  private constructor(
    app: App,
    proxy: TcpProxy,
    client: UvClient,
    watched: Watched,
    fences: Fences,
  ) {
    this.app = app
    this.fences = fences
    this.proxy = proxy
    this.client = client
    this.served = watched.served
    this.reports = watched.reports
    this.#states = watched.states
    this.#resumed = watched.resumed
  }

  static async start(options: WorldOptions): Promise<ResumeWorld> {
    const { protocol, contentMode = 'tag', limits = {}, random = Math.random } = options
    const fences = new Fences()
    const app = buildApp({
      hv: {
        profile: 'linux-6',
        poolPages: 4_096,
        autoCreateVms: true,
        notifiesMigrations: false,
        orphans: 'keep',
        window: 64,
        limits: { ...LIMITS, ...limits },
      },
      guard: { token: undefined, host: '127.0.0.1', allowedOrigins: [] },
      version: 'resume',
      crashOnFailure: true,
      watch: { ...NO_WATCH, attached: (_session, isFenced) => fences.add(isFenced) },
    })
    const { url } = await listen(app, '127.0.0.1', 0)
    const proxy = await TcpProxy.start(Number(new URL(url).port))
    const watched: Watched = { served: new Map(), reports: [], states: new Map(), resumed: [] }
    const client = await connectUv({
      url: `ws://127.0.0.1:${proxy.port}/v1/uv`,
      protocol,
      contentMode,
      window: 32,
      backoff: { firstMs: 1, highestMs: 16 },
      random,
      watch: {
        ultracall: ({ call }) => count(watched.served, call),
        report: ({ kind, text }) => watched.reports.push(`${kind}: ${text}`),
        line: (state) => {
          count(watched.states, state)
          if (state === 'connected') for (const told of watched.resumed.splice(0)) told()
        },
      },
    })
    await client.open()
    const world = new ResumeWorld(app, proxy, client, watched, fences)
    await world.#turnSecure(new HvRest({ url }))
    return world
  }

  /** How often the client went on over another connection. */
  get resumes(): number {
    return this.client.app.peer.counters.resumes
  }

  /** Calls `run` when the session goes on the next time. */
  whenResumed(run: () => void): void {
    this.#resumed.push(run)
  }

  timesIn(state: string): number {
    return this.#states.get(state) ?? 0
  }

  /** Calls and operations of a name that have ended in the hypervisor's core. */
  executed(call: string): number {
    return this.app.inspected.counters.callCount(call)
  }

  /** What is wrong now that nothing is under way: the two sides, their rules, and what guests stored. */
  async wrong(): Promise<readonly string[]> {
    const { hv } = this.app
    const found = [
      ...disagreementsOf(hv.host, this.client.app.uv).map((one) => JSON.stringify(one)),
      ...unexplained(violationsOf(hv.host)).map((one) => JSON.stringify(one)),
      ...this.client.violations().map((one) => JSON.stringify(one)),
      ...this.reports,
    ]
    const { peer } = this.client.app
    if (peer.callsOpen + peer.callsServed > 0) found.push('calls are open')
    if (hv.openOperations > 0) found.push('operations are open')
    for (const call of ['UV_PAGE_IN', 'UV_PAGE_OUT']) {
      const served = this.served.get(call) ?? 0
      const told = this.executed(call)
      if (told !== served) found.push(`${call}: served ${served} times, answered ${told} times`)
    }
    for (let gfn = FIRST; gfn < FRAMES; gfn++) {
      const loaded = await this.client.svm(LPID).load(asGpa(gfn * PAGE_SIZE), 8)
      const bytes = loaded.kind === 'OK' ? Buffer.from(loaded.bytes).readBigUInt64BE() : loaded.kind
      if (bytes !== TAG + BigInt(gfn)) found.push(`GFN ${gfn} holds ${bytes}`)
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proxy.disarm()
    this.client.close()
    await this.proxy.close()
    await this.app.close()
  }

  async #turnSecure(rest: HvRest): Promise<void> {
    const svm = this.client.svm(LPID)
    const size = FRAMES * PAGE_SIZE
    const ret = await svm.registerSlot(asSlotId(0), asGpa(0), size)
    if (ret !== 0) throw new Error(`slot: ${ret}`)
    await this.app.vmm.fill(LPID, asGfn(0), FRAMES, TAG, 1n)
    const files = { kernel: sourceOf(fileOf(150_000)), initrd: sourceOf(fileOf(70_000)) }
    const slots = [{ start: asGpa(0), size: FIRST * PAGE_SIZE }]
    const bootargs = 'console=hvc0'
    const kernelBase = asGpa(0x10_0000)
    const guest = buildGuest({ ...files, bootargs, slots, sha512: nodeSha512, kernelBase })
    if (typeof guest === 'string') throw new Error(guest)
    await loadGuest(rest, LPID, guest, files)
    const end = await svm.esm({ kernelBase, tree: guest.fdtGpa, strategy: 'all' })
    if (end.kind !== 'SECURE') throw new Error(`UV_ESM: ${JSON.stringify(end)}`)
  }
}

/** Counts what a session's resumes were. */
class Fences {
  count = 0

  add(isFenced: boolean): void {
    if (isFenced) this.count++
  }
}

interface Watched {
  readonly served: Map<string, number>
  readonly reports: string[]
  readonly states: Map<string, number>
  /** Told when the session goes on the next time. */
  readonly resumed: (() => void)[]
}

const fileOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) % 256)

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

/** The frames that tests move. */
export const testFrames = (): readonly Gfn[] =>
  Array.from({ length: FRAMES - FIRST }, (_, i) => asGfn(FIRST + i))
