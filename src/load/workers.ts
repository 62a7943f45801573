/** The workers of a run: processes that generate the load, as the main one sees them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { BatchReader } from './batch.ts'
import type { Health } from './health.ts'
import type { AuditPart, Down, Up } from './messages.ts'
import type { LoadPlan } from './plan.ts'
import type { Recorder } from './recorder.ts'

/** Milliseconds that a worker has to do what it was told. */
export const obeyMsMax = 120_000
/** Milliseconds that it has to end. */
export const endMsMax = 2_000

interface Worker {
  readonly child: ChildProcess
  readonly reader: BatchReader
  health: Health
  clients: number
}

const NO_HEALTH: Health = { lagP50Ms: 0, lagP99Ms: 0, lagMaxMs: 0, busy: 0 }

/** What a worker answers with. */
type Reply = Extract<Up, { readonly kind: 'ready' | 'unfit' | 'stopped' | 'audited' }>

/** The words that start a worker: a program that talks to its parent as LoadWorker does. */
export type WorkerWords = readonly [string, ...string[]]

export class Workers {
  readonly #plan: LoadPlan
  readonly #workers: readonly Worker[]
  readonly #recorder: Recorder
  readonly #waiting = new Map<Worker, (reply: Reply) => void>()
  #ending = false
  #fail: (error: Error) => void = () => undefined
  /** Rejects when a worker dies. */
  readonly failed: Promise<never>

  constructor(plan: LoadPlan, words: WorkerWords, recorder: Recorder) {
    this.#plan = plan
    this.#recorder = recorder
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    this.#workers = Array.from({ length: plan.workers }, () => this.#spawn(words))
  }

  /** Clients that are connected. */
  get clients(): number {
    return this.#workers.reduce((sum, { clients }) => sum + clients, 0)
  }

  /** How each worker keeps up. */
  get health(): readonly Health[] {
    return this.#workers.map(({ health }) => health)
  }

  /** The worst lag of a worker, in milliseconds. */
  get lagMs(): number {
    return Math.max(...this.health.map(({ lagP99Ms }) => lagP99Ms))
  }

  /** Until every worker can begin; a string says why there is nothing to begin. */
  async ready(): Promise<string | undefined> {
    const replies = await this.#ask((worker) => ({ kind: 'plan', plan: this.#plan, worker }))
    return replies.find((reply) => reply.kind === 'unfit')?.why
  }

  start(epochMs: number): void {
    for (const { child } of this.#workers) tell(child, { kind: 'start', epochMs })
  }

  /** @returns operations that did not end. */
  async stop(): Promise<number> {
    const replies = await this.#ask(() => ({ kind: 'stop' }))
    let waiting = 0
    for (const [i, reply] of replies.entries()) {
      const worker = this.#workers[i]
      if (reply.kind !== 'stopped' || worker === undefined) continue
      worker.health = reply.health
      waiting += reply.waiting
    }
    return waiting
  }

  async audit(): Promise<readonly AuditPart[]> {
    const replies = await this.#ask(() => ({ kind: 'audit' }))
    return replies.flatMap((reply) => (reply.kind === 'audited' ? [reply.part] : []))
  }

  /** Closes every connection, and ends the processes. */
  async end(): Promise<void> {
    this.#ending = true
    await Promise.all(this.#workers.map(({ child }) => endOf(child)))
  }

  #spawn([program, ...words]: WorkerWords): Worker {
    const child = spawn(program, words, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    })
    const worker = { child, reader: new BatchReader(), health: NO_HEALTH, clients: 0 }
    child.on('message', (up) => this.#hear(worker, up as Up))
    child.on('error', (error) => this.#fail(error))
    child.on('exit', (code, signal) => {
      if (!this.#ending) this.#fail(new Error(`a worker ended with ${signal ?? code}`))
    })
    return worker
  }

  #hear(worker: Worker, up: Up): void {
    switch (up.kind) {
      case 'samples':
        worker.reader.read(up.batch, (sample) => this.#recorder.take(sample))
        return
      case 'health':
        worker.health = up.health
        worker.clients = up.clients
        return
      case 'ready':
      case 'unfit':
      case 'stopped':
      case 'audited':
        this.#waiting.get(worker)?.(up)
        return
    }
  }

  #ask(downFor: (worker: number) => Down): Promise<readonly Reply[]> {
    return Promise.all(
      this.#workers.map((worker, i) => {
        const reply = this.#replyOf(worker)
        tell(worker.child, downFor(i))
        return reply
      }),
    )
  }

  #replyOf(worker: Worker): Promise<Reply> {
    const reply = new Promise<Reply>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`a worker did not answer within ${obeyMsMax} ms`)),
        obeyMsMax,
      )
      late.unref()
      this.#waiting.set(worker, (given) => {
        clearTimeout(late)
        resolve(given)
      })
    })
    return Promise.race([reply, this.failed])
  }
}

function tell(child: ChildProcess, down: Down): void {
  if (child.connected) child.send(down)
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  tell(child, { kind: 'end' })
  const cut = setTimeout(() => child.kill('SIGKILL'), endMsMax)
  await gone
  clearTimeout(cut)
}
