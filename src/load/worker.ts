/** A worker of a load run: does its part of a plan, and tells the main process what it measures. */
import { auditClients } from './audit.ts'
import { BatchWriter } from './batch.ts'
import { Generator } from './generator.ts'
import { HealthWatch } from './health.ts'
import { imageOf } from './image.ts'
import type { Down, Up } from './messages.ts'
import type { LoadPlan } from './plan.ts'

const REPORT_MS = 250

export interface WorkerPort {
  readonly say: (up: Up) => void
  /** Nothing more will be said or heard. */
  readonly close: () => void
}

export class LoadWorker {
  readonly #port: WorkerPort
  readonly #health = new HealthWatch()
  #batch: BatchWriter | undefined
  #generator: Generator | undefined
  #reports: NodeJS.Timeout | undefined
  #ended = false

  constructor(port: WorkerPort) {
    this.#port = port
  }

  /** Does what the main process says. Rejects only when we are wrong. */
  async obey(down: Down): Promise<void> {
    switch (down.kind) {
      case 'plan':
        return this.#prepare(down.plan, down.worker)
      case 'start':
        this.#health.start()
        this.#generator?.start(down.epochMs)
        this.#reports = setInterval(() => this.#report(), REPORT_MS)
        return
      case 'stop':
        return this.#stop()
      case 'audit':
        return this.#audit()
      case 'end':
        return this.end()
    }
  }

  /** Leaves the server, also in the middle of a run. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#reports)
    void this.#generator?.stop()
    this.#generator?.close()
    this.#port.close()
  }

  #prepare(plan: LoadPlan, worker: number): void {
    const image = imageOf(plan.vmPages, plan.seed)
    if (typeof image === 'string') return this.#port.say({ kind: 'unfit', why: image })
    this.#batch = new BatchWriter((batch) => this.#port.say({ kind: 'samples', batch }))
    this.#generator = new Generator(plan, worker, image, this.#batch)
    this.#port.say({ kind: 'ready' })
  }

  async #audit(): Promise<void> {
    const generator = this.#generator
    if (generator === undefined) return
    const part = await auditClients(generator.clients, generator.plan.profile)
    this.#port.say({ kind: 'audited', part })
  }

  async #stop(): Promise<void> {
    const health = this.#health.read()
    const waiting = (await this.#generator?.stop()) ?? 0
    clearInterval(this.#reports)
    this.#report()
    this.#health.stop()
    this.#port.say({ kind: 'stopped', waiting, health })
  }

  #report(): void {
    this.#batch?.flush()
    const clients = this.#generator?.connected ?? 0
    this.#port.say({ kind: 'health', health: this.#health.read(), clients })
  }
}
