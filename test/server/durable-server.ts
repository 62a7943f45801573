/** A durable server on a disk in memory, which crashes and comes back on its port. */
import { randomBytes } from 'node:crypto'
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import { Durable } from '../../src/hv/durable.ts'
import type { Repair } from '../../src/hv/ledger-store.ts'
import { type App, buildApp } from '../../src/server/app.ts'
import { listen } from '../../src/server/listen.ts'
import { digest } from '../hv/ledger-world.ts'
import type { PowerDisk } from '../hv/power-disk.ts'

const HOST = '127.0.0.1'

export interface DurableOptions {
  readonly limits?: Partial<Limits>
  readonly poolPages?: number
  readonly repair?: Repair
  /** Bytes of a ledger file from which on a new one is begun. */
  readonly bytesMax?: number
}

export class DurableServer {
  readonly app: App
  readonly disk: PowerDisk
  readonly told: string[] = []
  readonly url: string
  readonly uv: string
  /** Records that were read at the start. */
  readonly records: number

  private constructor(
    app: App,
    disk: PowerDisk,
    place: { readonly url: string; readonly uv: string },
    records: number,
  ) {
    this.app = app
    this.disk = disk
    this.url = place.url
    this.uv = place.uv
    this.records = records
  }

  /** Throws when the ledger is refused. `port` 0: any free one. */
  static async start(
    disk: PowerDisk,
    port: number,
    { limits, poolPages = 256, repair, bytesMax = 16_777_216 }: DurableOptions = {},
  ): Promise<DurableServer> {
    disk.isQuick = true
    const opened = Durable.open(
      'dir',
      { disk, digest, random: randomBytes, later: setImmediate, tell: () => undefined, bytesMax },
      repair,
    )
    if ('error' in opened) throw new Error(opened.error)
    const { durable } = opened
    const app = buildApp({
      hv: {
        profile: 'linux-6',
        poolPages,
        autoCreateVms: true,
        notifiesMigrations: false,
        orphans: 'keep',
        window: 16,
        limits: { ...LIMITS, ...limits },
      },
      guard: { token: undefined, tokens: [], allowedHosts: [], host: HOST, allowedOrigins: [] },
      version: '1.2.3',
      crashOnFailure: true,
      durable,
    })
    const records = durable.restore(app.hv, (facts, link) => app.uv.restore(facts, link)) ?? 0
    durable.begin(app.hv, { quietly: (run, ms) => void app.state.quietly(run, ms) })
    return new DurableServer(app, disk, await listen(app, HOST, port), records)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** The process is gone, in the middle of whatever it did. Its disk takes nothing more of it. */
  async crash(): Promise<void> {
    this.disk.failsAt = 0
    this.app.uv.terminate()
    const { server } = this.app.http
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
