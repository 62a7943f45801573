/** A ledger of numbers on a disk in memory: what was acknowledged, and what the next run finds. */
import { createHash } from 'node:crypto'
import { ByteReader, ByteWriter } from '../../src/hv/ledger-bytes.ts'
import type { Digest } from '../../src/hv/ledger-format.ts'
import { LedgerStore, type Repair, type StorePorts } from '../../src/hv/ledger-store.ts'
import type { LedgerWriter } from '../../src/hv/ledger-writer.ts'
import type { PowerDisk } from './power-disk.ts'

export const digest: Digest = (parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** No two files have the same id. */
let ids = 0

const NUMBER = 1
/** The state that a file begins with: how many numbers came before. */
const STATE = 2

export class LedgerWorld {
  readonly disk: PowerDisk
  readonly store: LedgerStore
  readonly writer: LedgerWriter
  readonly told: string[] = []
  failure: string | undefined
  /** Numbers that were added: 1, 2, 3 ... */
  added: number
  /** The highest number of which somebody was told that it is safe. */
  acknowledged: number
  readonly #turns: (() => void)[] = []

  /** Goes on with what is on the disk; throws an Error with the refusal. */
  constructor(disk: PowerDisk, repair: Repair = 'none') {
    this.disk = disk
    const ports: StorePorts = {
      disk,
      digest,
      random: (bytes) => {
        ids++
        return new Uint8Array(bytes).fill(ids)
      },
      later: (run) => this.#turns.push(run),
      failed: (why) => {
        this.failure = why
      },
      tell: (text) => this.told.push(text),
    }
    const opened = LedgerStore.open('dir', ports, repair)
    if ('error' in opened) throw new Error(opened.error)
    this.store = opened.store
    this.added = countOf(this.store)
    this.acknowledged = this.added
    this.writer = this.store.write(() => this.#state())
  }

  /** Adds the next number; who waits for it is told when it is safe. */
  add(bytes = 0): void {
    this.added++
    const number = this.added
    const out = this.writer.begin(NUMBER)
    out.u32(number)
    out.bytes(new Uint8Array(bytes).fill(number))
    this.writer.end()
    this.writer.whenSafe(() => {
      this.acknowledged = Math.max(this.acknowledged, number)
    })
  }

  /** A new file takes over from here. */
  succeed(): void {
    this.writer.succeed(() => this.store.successor(this.#state()))
  }

  /** Runs what waits for a later turn; then, unless told otherwise, the disk does its part. */
  turn(withDisk = true): boolean {
    const runs = this.#turns.splice(0)
    for (const run of runs) run()
    return (withDisk && this.disk.work()) || runs.length > 0
  }

  settle(): void {
    while (this.turn()) {}
  }

  #state(): Uint8Array {
    const out = new ByteWriter()
    out.u32(STATE)
    out.u32(4)
    out.u32(this.added)
    return out.copy()
  }
}

/** The numbers that a run left: all from 1 to the one that is returned, or an Error is thrown. */
export function countOf(store: LedgerStore): number {
  let count = 0
  for (const { body } of store.left?.groups ?? []) {
    const reader = new ByteReader(body)
    while (reader.left > 0) {
      const kind = reader.u32()
      const record = new ByteReader(reader.bytes(reader.u32()))
      const number = record.u32()
      if (kind === STATE) {
        if (count !== 0) throw new Error('a state in the middle')
        count = number
        continue
      }
      if (number !== count + 1) throw new Error(`${number} follows on ${count}`)
      if (record.bytes().some((byte) => byte !== number % 256)) throw new Error('a changed byte')
      count = number
    }
  }
  return count
}

/** What the next run finds: how many numbers, or why it refuses. */
export function foundOn(disk: PowerDisk, repair: Repair = 'none'): number | string {
  try {
    return new LedgerWorld(disk, repair).added
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
