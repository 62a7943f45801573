/**
 * A hypervisor of which nothing is said that is not on the disk: `--durable`.
 *
 * Everything that comes in and is let in goes into a ledger (ledger-record.ts), one group a turn, and
 * what is said in that turn leaves when the group is on the disk (held-transport.ts): answers,
 * ultracalls, and what REST is told. After a crash the ledger is read again (ledger-replay.ts), which
 * leads to the state that was said, with the same calls open and the same answers kept, and an
 * ultravisor goes on with its session as after any broken line.
 */

import { frameOf } from '../abi/page.ts'
import type { Keeper } from './held-transport.ts'
import type { Hypervisor } from './hypervisor.ts'
import { BadRecord, recordsOf } from './ledger-record-read.ts'
import { LedgerReplay, type ReplayPorts } from './ledger-replay.ts'
import { factsOf, hostFrom, readHostRecord, stateRecords } from './ledger-state.ts'
import { LedgerStore, type Repair, type StorePorts } from './ledger-store.ts'
import { LedgerWatch } from './ledger-watch.ts'
import type { LedgerWriter } from './ledger-writer.ts'
import type { Task } from './operation.ts'

/** Milliseconds that operations are held back so that a new file can be begun, at most. */
export const compactWaitMsMax = 250

export interface DurablePorts {
  /** Runs something when no operation is under way, with those that come held back: or not at all. */
  readonly quietly: (run: () => void, waitMs: number) => void
}

export class Durable implements Keeper {
  readonly watch: LedgerWatch
  readonly #store: LedgerStore
  #hv: Hypervisor | undefined
  #writer: LedgerWriter | undefined
  #replay: LedgerReplay | undefined
  #quietly: DurablePorts['quietly'] = () => undefined
  /** Bytes of the file at which operations are held back next, to begin a new one. */
  #holdAt = 0
  #over = false
  #failed: (why: string) => void = () => undefined
  /** Who waits to hear that it is safe, or never will be. */
  readonly #stranded = new Set<() => void>()

  /** Opens the ledger of a directory; @returns what is wrong with it, and a way out. */
  static open(
    path: string,
    ports: Omit<StorePorts, 'failed'>,
    repair: Repair = 'none',
  ): { readonly durable: Durable } | { readonly error: string } {
    let durable: Durable | undefined
    const failed = (why: string): void => {
      if (durable !== undefined) durable.#fail(why)
    }
    const opened = LedgerStore.open(path, { ...ports, failed }, repair)
    if ('error' in opened) return opened
    durable = new Durable(opened.store)
    return { durable }
  }

  private constructor(store: LedgerStore) {
    this.#store = store
    this.watch = new LedgerWatch({
      pageAt: (call) =>
        'ra' in call ? (this.#hv?.host.ram.glance(frameOf(call.ra)) ?? null) : null,
      factsOf,
    })
  }

  /** True while the ledger is read, when a turn that an operation wants is not its own to choose. */
  takesTurn(run: () => void, op: Task | undefined): boolean {
    if (this.#replay === undefined || op === undefined) return false
    this.#replay.later(run, op)
    return true
  }

  /**
   * Goes on from what the last run left. Returns how many records that were, undefined when it left
   * nothing; throws a BadRecord when it does not fit.
   */
  restore(hv: Hypervisor, open: ReplayPorts['open']): number | undefined {
    this.#hv = hv
    const { left } = this.#store
    if (left === undefined) return undefined
    const hostOf = (json: unknown) => {
      const { host, operations, sessions } = readHostRecord(json)
      if (operations !== undefined) this.watch.operations = operations
      if (sessions !== undefined) hv.sessions.opened = sessions
      return hostFrom(hv, host)
    }
    const replay = new LedgerReplay(hv, this.watch, { hostOf, open })
    this.#replay = replay
    for (const { at, body } of left.groups) {
      try {
        for (const record of recordsOf(body)) replay.apply(record)
      } catch (error) {
        throw new BadRecord(`${left.file}, group at byte ${at}: ${textOf(error)}`)
      }
    }
    replay.end()
    hv.recount()
    return replay.records
  }

  /** From here on everything is written down. What was under way goes on. */
  begin(hv: Hypervisor, { quietly }: DurablePorts): void {
    this.#hv = hv
    this.#quietly = quietly
    const writer = this.#store.write(() => stateRecords(hv, this.watch.operations))
    this.#writer = writer
    this.watch.writer = writer
    this.#holdAt = 2 * this.#store.wantedBytes
    writer.beforeGroup(() => this.#compactIfWanted())
    const replay = this.#replay
    this.#replay = undefined
    for (const session of hv.sessions.list()) hv.detachSession(session)
    replay?.goOn()
  }

  get isSafe(): boolean {
    return this.#writer?.isSafe === true && !this.isOver
  }

  whenSafe(run: () => void): void {
    if (!this.#over) this.#writer?.whenSafe(run)
  }

  /** Why nothing is kept any more; undefined while all is well. */
  get failure(): string | undefined {
    return this.#over ? undefined : this.#writer?.failure
  }

  /** `run` is told when the disk fails; nothing is kept from then on. */
  onFailure(run: (why: string) => void): void {
    this.#failed = run
  }

  /** Resolves when all that has happened so far is on the disk; false: it never will be. */
  safe(): Promise<boolean> {
    if (this.isOver) return Promise.resolve(false)
    if (this.isSafe) return Promise.resolve(true)
    return new Promise((resolve) => {
      const never = (): void => resolve(false)
      this.#stranded.add(never)
      this.whenSafe(() => {
        this.#stranded.delete(never)
        resolve(true)
      })
    })
  }

  get isOver(): boolean {
    return this.#over || this.#writer?.failure !== undefined
  }

  /** The server ends: what was said so far is kept, nothing more is said or kept. */
  async end(): Promise<void> {
    await this.safe()
    this.#over = true
    this.watch.writer = undefined
    this.#writer?.close()
    this.#strand()
  }

  #fail(why: string): void {
    this.#failed(why)
    this.#strand()
  }

  #strand(): void {
    const stranded = [...this.#stranded]
    this.#stranded.clear()
    for (const never of stranded) never()
  }

  #compactIfWanted(): void {
    const { fileBytes = 0 } = this.#writer ?? {}
    if (fileBytes < this.#store.wantedBytes) return
    if (this.#hv?.openOperations === 0) this.#compact()
    else if (fileBytes >= this.#holdAt) {
      // There are always some under way: the next ones have to wait for a moment.
      this.#holdAt = 2 * fileBytes
      this.#quietly(() => {
        // Another file may have taken over meanwhile, when nothing was under way.
        if (this.#writer !== undefined && this.#writer.fileBytes >= this.#store.wantedBytes) {
          this.#compact()
        }
      }, compactWaitMsMax)
    }
  }

  #compact(): void {
    const hv = this.#hv
    if (hv === undefined || this.isOver) return
    this.#writer?.succeed(() => this.#store.successor(stateRecords(hv, this.watch.operations)))
    this.#holdAt = 2 * this.#store.wantedBytes
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
