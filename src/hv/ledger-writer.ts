/**
 * Writes a ledger: what a turn has to say goes into one group, and everybody who waits for any of it
 * is told when that group is on the disk (group commit). While the disk works, the next group gathers.
 *
 * A disk that has failed once is not asked again: what it did with the bytes before nobody knows, so
 * nothing that waits is ever told that it is safe.
 */
import { ByteWriter } from './ledger-bytes.ts'
import type { LedgerFile } from './ledger-disk.ts'
import { type Chain, type Digest, GROUP_HEAD_BYTES, groupHead } from './ledger-format.ts'

export interface LedgerPorts {
  readonly digest: Digest
  /** Runs something in a later turn, after what is to be done in this one. */
  readonly later: (run: () => void) => void
  /** The disk failed: nothing more is kept. Told once. */
  readonly failed: (why: string) => void
}

/** A file that takes the place of the one before when it is on the disk. */
export interface Successor {
  readonly file: LedgerFile
  readonly chain: Chain
  /** Bytes in it. */
  readonly bytes: number
  /** Gives it its name; may throw what the disk says. */
  readonly publish: () => void
}

interface Waiting {
  /** What has to be on the disk first. */
  readonly until: number
  readonly run: () => void
}

const EMPTY = new Uint8Array(0)

export class LedgerWriter {
  readonly #ports: LedgerPorts
  readonly #pending = new ByteWriter()
  #beforeGroup: (() => void) | undefined
  #successor: Successor | undefined
  /** The successor is written to, and has no name yet: another one would be put in its place. */
  #isNameless = false
  #file: LedgerFile
  #chain: Chain
  #fileBytes: number
  /** Records that were added, and how many of them are on the disk. */
  #added = 0
  #safe = 0
  #waiting: Waiting[] = []
  #scheduled = false
  #syncing = false
  #recordAt = 0
  #failure: string | undefined

  /** Goes on behind `bytes` bytes of `file`. */
  constructor(file: LedgerFile, chain: Chain, bytes: number, ports: LedgerPorts) {
    this.#file = file
    this.#chain = chain
    this.#fileBytes = bytes
    this.#ports = ports
  }

  /** Why nothing is kept any more. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Bytes of the file that is written to. */
  get fileBytes(): number {
    return this.#fileBytes
  }

  /** True when everything that was added is on the disk. */
  get isSafe(): boolean {
    return this.#safe === this.#added
  }

  /** `run` is called before each group. */
  beforeGroup(run: () => void): void {
    this.#beforeGroup = run
  }

  /**
   * From the next group on another file is written to, which has all that was added so far. Nothing
   * happens while one is on its way already.
   */
  succeed(make: () => Successor): void {
    if (this.#failure !== undefined || this.#successor !== undefined || this.#isNameless) return
    const isMade = this.#guard(() => {
      this.#successor = make()
    })
    if (!isMade) return
    this.#pending.clear()
    this.#schedule()
  }

  /** Begins a record; what is written to the returned writer is its body. */
  begin(kind: number): ByteWriter {
    const out = this.#pending
    this.#recordAt = out.length
    out.u32(kind)
    out.u32(0)
    return out
  }

  /** Ends the record that was begun. */
  end(): void {
    const out = this.#pending
    out.setU32(this.#recordAt + 4, out.length - this.#recordAt - 8)
    this.#added++
    this.#schedule()
  }

  /** Runs something when all that was added so far is on the disk: at once, or later in its turn. */
  whenSafe(run: () => void): void {
    if (this.isSafe && this.#failure === undefined) run()
    else this.#waiting.push({ until: this.#added, run })
  }

  /** Nothing is written any more; who waits is not told. */
  close(): void {
    this.#failure ??= 'it was closed'
    this.#waiting = []
    this.#file.close()
  }

  #schedule(): void {
    if (this.#scheduled || this.#syncing || this.#failure !== undefined) return
    this.#scheduled = true
    this.#ports.later(() => {
      this.#scheduled = false
      if (this.#failure === undefined && !this.#syncing) this.#guard(() => this.#commit())
    })
  }

  #commit(): void {
    this.#beforeGroup?.()
    const successor = this.#successor
    if (successor !== undefined) this.#moveTo(successor)
    if (this.#pending.length > 0) this.#write(this.#pending.copy())
    else if (successor === undefined) return
    this.#pending.clear()
    const until = this.#added
    this.#syncing = true
    this.#file.sync((error) => {
      this.#syncing = false
      if (this.#failure !== undefined) return
      if (error !== undefined) this.#fail(error)
      else if (this.#guard(() => this.#seal(successor))) this.#tell(until)
    })
  }

  #moveTo({ file, chain, bytes }: Successor): void {
    const before = this.#file
    this.#successor = undefined
    this.#isNameless = true
    this.#file = file
    this.#chain = chain
    this.#fileBytes = bytes
    before.close()
  }

  /** From here on a group that does not fit is no torn end: it was acknowledged. */
  #seal(successor: Successor | undefined): void {
    successor?.publish()
    this.#isNameless = false
    this.#write(EMPTY)
  }

  #tell(until: number): void {
    this.#safe = until
    let told = 0
    while (told < this.#waiting.length && (this.#waiting[told]?.until ?? 0) <= until) told++
    const safe = this.#waiting.splice(0, told)
    if (this.#pending.length > 0 || this.#successor !== undefined) this.#schedule()
    for (const { run } of safe) run()
  }

  #write(body: Uint8Array): void {
    const { head, chain } = groupHead(this.#chain, body, this.#ports.digest)
    this.#chain = chain
    const bytes = new Uint8Array(GROUP_HEAD_BYTES + body.length)
    bytes.set(head)
    bytes.set(body, GROUP_HEAD_BYTES)
    appendAll(this.#file, bytes)
    this.#fileBytes += bytes.length
  }

  /** False when the disk failed. */
  #guard(run: () => void): boolean {
    try {
      run()
    } catch (error) {
      this.#fail(error)
    }
    return this.#failure === undefined
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = error instanceof Error ? error.message : String(error)
    this.#waiting = []
    this.#ports.failed(this.#failure)
  }
}

/** Appends all of it, however few bytes the disk takes at a time. */
export function appendAll(file: LedgerFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const taken = file.append(at === 0 ? bytes : bytes.subarray(at))
    if (taken <= 0) throw new Error('the disk takes no more bytes')
    at += taken
  }
}
