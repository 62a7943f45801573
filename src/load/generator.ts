/** The part of a load run that one worker does: its clients, when they act, and what goes wrong. */
import { prng } from '../lib/prng.ts'
import type { BatchWriter } from './batch.ts'
import { type LineTold, LoadClient } from './client.ts'
import { codeOf, KILLED } from './failure.ts'
import type { Image } from './image.ts'
import type { DetailName } from './metric.ts'
import { drawOperation } from './mix.ts'
import { OPERATIONS } from './operations.ts'
import { clientsOf, drainMsMax, type LoadPlan } from './plan.ts'
import { clientsAt, lengthOf } from './stages.ts'
import type { LoadVm } from './vm.ts'

/** Operations of one worker that wait for their VM in the open model; one more is given up. */
export const backlogMax = 10_000

const TICK_MS = 5
/** In the closed model a VM that failed waits, so that a server that is gone is not stormed. */
const PAUSE_MS = 100

export class Generator {
  readonly plan: LoadPlan
  readonly clients: readonly LoadClient[]
  readonly #image: Image
  readonly #batch: BatchWriter
  readonly #random
  /** The same in every worker, so that all reconnect at once. */
  readonly #storms
  readonly #kills
  readonly #looping = new Set<LoadVm>()
  readonly #peak: number
  #waiting = 0
  #epochMs = 0
  #timer: NodeJS.Timeout | undefined
  #nextArrivalMs = 0
  #nextKillMs = 0
  #nextCutMs = 0
  #nextStormMs = 0

  constructor(plan: LoadPlan, worker: number, image: Image, batch: BatchWriter) {
    this.plan = plan
    this.#image = image
    this.#batch = batch
    const told: LineTold = (name, ms) => batch.add(name, this.#now(), ms, undefined)
    this.clients = clientsOf(plan, worker).map((number) => new LoadClient(plan, number, told))
    this.#random = prng(plan.seed * 1_009 + worker)
    this.#kills = prng(plan.seed * 2_003 + worker)
    this.#storms = prng(plan.seed)
    this.#peak = plan.stages.reduce((max, { clients }) => Math.max(max, clients), 1)
  }

  /** Operations that are under way or wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** Clients that have a session. */
  get connected(): number {
    return this.clients.filter(({ uv }) => uv !== undefined).length
  }

  start(epochMs: number): void {
    this.#epochMs = epochMs
    this.#nextArrivalMs = this.#gap(this.#random.real(), this.#rate)
    this.#nextKillMs = this.#gap(this.#kills.real(), this.#killRate)
    this.#nextCutMs = this.#gap(this.#kills.real(), this.#cutRate)
    this.#nextStormMs = this.#gap(this.#storms.real(), this.plan.chaos.reconnect)
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Begins nothing more. @returns operations that have not ended after `drainMsMax`. */
  async stop(): Promise<number> {
    clearInterval(this.#timer)
    this.#timer = undefined
    const end = performance.now() + drainMsMax
    while (this.waiting > 0 && performance.now() < end) await pause(TICK_MS)
    return this.waiting
  }

  close(): void {
    for (const client of this.clients) client.leave()
  }

  get #rate(): number {
    return (this.plan.ratePerS ?? 0) / this.plan.workers
  }

  get #killRate(): number {
    return this.plan.chaos.kill / this.plan.workers
  }

  get #cutRate(): number {
    return this.plan.chaos.cut / this.plan.workers
  }

  /** Milliseconds after the start of the run. */
  #now(): number {
    return performance.timeOrigin + performance.now() - this.#epochMs
  }

  /** Milliseconds to the next of events that come at random, so many a second. */
  #gap(real: number, rate: number): number {
    return rate === 0 ? Number.POSITIVE_INFINITY : (-Math.log(1 - real) / rate) * 1_000
  }

  #tick(): void {
    const now = this.#now()
    if (now < 0 || now > lengthOf(this.plan.stages)) return
    const active = clientsAt(this.plan.stages, now)
    for (const client of this.clients) {
      if (client.number < active) this.#wake(client)
    }
    this.#arrive(now, active)
    for (
      ;
      this.#nextKillMs <= now;
      this.#nextKillMs += this.#gap(this.#kills.real(), this.#killRate)
    )
      this.#oneAlive()?.kill()
    for (; this.#nextCutMs <= now; this.#nextCutMs += this.#gap(this.#kills.real(), this.#cutRate))
      this.#oneAlive()?.cut()
    const { reconnect } = this.plan.chaos
    for (; this.#nextStormMs <= now; this.#nextStormMs += this.#gap(this.#storms.real(), reconnect))
      for (const client of this.clients) client.cut()
  }

  /** Lets a client's VMs work: for ever in the closed model, once (to turn secure) in the open one. */
  #wake({ vms, number }: LoadClient): void {
    for (const vm of vms) {
      if (this.#looping.has(vm)) continue
      this.#looping.add(vm)
      if (this.plan.ratePerS === undefined) void this.#loop(vm, number)
      else void this.#perform(vm, undefined)
    }
  }

  async #loop(vm: LoadVm, number: number): Promise<void> {
    while (this.#timer !== undefined && number < clientsAt(this.plan.stages, this.#now())) {
      if (!(await this.#perform(vm, undefined))) await pause(PAUSE_MS)
    }
    this.#looping.delete(vm)
  }

  /** The open model: what is due begins, whether the server keeps up or not. */
  #arrive(now: number, active: number): void {
    const random = this.#random
    const awake = this.clients.filter(({ number }) => number < active)
    for (
      ;
      this.#nextArrivalMs <= now;
      this.#nextArrivalMs += this.#gap(random.real(), this.#rate)
    ) {
      const client = awake[random.int(Math.max(1, awake.length))]
      const vm = client?.vms[random.int(client.vms.length)]
      if (vm === undefined || random.real() * this.#peak > active) continue
      const due = this.#nextArrivalMs
      if (this.waiting < backlogMax) void this.#perform(vm, due)
      else this.#batch.add(drawOperation(this.plan.mix, random), now, now - due, 'BACKLOG FULL')
    }
  }

  #oneAlive(): LoadClient | undefined {
    const alive = this.clients.filter(({ uv }) => uv !== undefined)
    return alive[this.#kills.int(Math.max(1, alive.length))]
  }

  /** One operation on a VM when it is its turn; true when it succeeded. Never rejects for the server. */
  #perform(vm: LoadVm, dueMs: number | undefined): Promise<boolean> {
    this.#waiting++
    return vm.inTurn(async () => {
      const { client } = vm
      const name = vm.secure ? drawOperation(this.plan.mix, this.#random) : 'boot'
      const begun = dueMs ?? this.#now()
      const { losses } = client
      let code: string | undefined
      try {
        await this.#operate(vm, name)
      } catch (error) {
        code = failureOf(client, losses, error)
        if (/host.fault/i.test(code)) vm.forget()
      }
      const end = this.#now()
      this.#batch.add(name, end, end - begun, code)
      this.#waiting--
      return code === undefined
    })
  }

  async #operate(vm: LoadVm, name: keyof typeof OPERATIONS): Promise<void> {
    const { losses } = vm.client
    const uv = await vm.client.ready()
    const part = async <T>(detail: DetailName, run: () => Promise<T>): Promise<T> => {
      const begun = performance.now()
      let code: string | undefined
      try {
        return await run()
      } catch (error) {
        code = failureOf(vm.client, losses, error)
        throw error
      } finally {
        this.#batch.add(detail, this.#now(), performance.now() - begun, code)
      }
    }
    const work = { plan: this.plan, image: this.#image, vm, uv, random: this.#random, part }
    await OPERATIONS[name](work)
  }
}

/** What fails because its client was killed meanwhile is nobody's error. */
function failureOf(client: LoadClient, lossesBefore: number, error: unknown): string {
  const code = codeOf(error)
  return client.losses === lossesBefore ? code : KILLED
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
