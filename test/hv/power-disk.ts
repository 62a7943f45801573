/**
 * A disk in memory that can lose its power: then it forgets what was not made sure of, or keeps some
 * of it, or has something else there. It can also fail, or take fewer bytes than it is given, at any
 * of its steps.
 */
import type { LedgerDisk, LedgerFile } from '../../src/hv/ledger-disk.ts'
import type { Prng } from '../../src/lib/prng.ts'

/** Bytes of which a disk writes all or none. */
const SECTOR = 16

interface Node {
  bytes: Uint8Array
  /** What outlasts a loss of power. */
  safe: Uint8Array
}

export class PowerDisk implements LedgerDisk {
  readonly #nodes = new Map<string, Node>()
  /** Names that outlast a loss of power. */
  #safeNames = new Map<string, Node>()
  readonly #syncs: (() => void)[] = []
  /** What was done, in order. */
  readonly steps: string[] = []
  /** The step with this number throws; later ones do as well when the disk stays broken. */
  failsAt = Number.POSITIVE_INFINITY
  /** Takes half of what it is given at this step. */
  shortAt = Number.POSITIVE_INFINITY
  stays = true
  /** Does what it is asked for by itself, in a later turn. */
  isQuick = false
  why = 'EIO: the disk failed'

  makeDir = (path: string): void => this.#step(`makeDir ${path}`)

  read = (path: string): Uint8Array | undefined => this.#nodes.get(path)?.bytes

  list = (path: string): readonly string[] =>
    [...this.#nodes.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1))

  write = (path: string, bytes: Uint8Array): void => {
    const node = this.#make(path)
    node.bytes = bytes.slice(0, bytes.length / 2)
    this.#step(`write ${path}`)
    node.bytes = bytes.slice()
    node.safe = node.bytes
  }

  create = (path: string, text: string): boolean => {
    this.#step(`create ${path}`)
    if (this.#nodes.has(path)) return false
    this.#make(path).bytes = new TextEncoder().encode(text)
    return true
  }

  rename = (from: string, to: string): void => {
    this.#step(`rename ${from} ${to}`)
    const node = this.#nodes.get(from)
    if (node === undefined) throw new Error(`no ${from}`)
    this.#nodes.delete(from)
    this.#nodes.set(to, node)
    this.#step(`syncDir ${to}`)
    this.#safeNames = new Map(this.#nodes)
  }

  remove = (path: string): void => {
    this.#step(`remove ${path}`)
    this.#nodes.delete(path)
  }

  truncate = (path: string, bytes: number): void => {
    this.#step(`truncate ${path}`)
    const node = this.#make(path)
    node.bytes = node.bytes.slice(0, bytes)
    node.safe = node.bytes
  }

  open = (path: string): LedgerFile => {
    this.#step(`open ${path}`)
    const node = this.#make(path)
    const sync = (): void => {
      this.#step(`sync ${path}`)
      node.safe = node.bytes
    }
    return {
      append: (bytes) => {
        this.#step(`append ${path}`)
        const taken = this.steps.length - 1 === this.shortAt ? bytes.length >> 1 : bytes.length
        node.bytes = extended(node.bytes, bytes.subarray(0, taken))
        return taken
      },
      sync: (done) => {
        // What is put there after this call is not waited for.
        const { bytes } = node
        this.#syncs.push(() => {
          try {
            this.#step(`sync ${path}`)
            if (bytes.length > node.safe.length) node.safe = bytes
          } catch (error) {
            return done(error as Error)
          }
          done(undefined)
        })
        if (this.isQuick) setImmediate(() => this.work())
      },
      syncNow: sync,
      close: () => undefined,
    }
  }

  /** Does what was asked of it meanwhile. False: there was nothing. */
  work(): boolean {
    const syncs = this.#syncs.splice(0)
    for (const sync of syncs) sync()
    return syncs.length > 0
  }

  /** The disk as it is when its power comes back; this one is as it was. */
  losePower(random: Prng): PowerDisk {
    const after = new PowerDisk()
    const names = new Map(this.#safeNames)
    for (const name of new Set([...names.keys(), ...this.#nodes.keys()])) {
      // Making and removing a name is sure to last only with the next change of a name.
      if (this.#nodes.get(name) === names.get(name) || random.int(2) === 0) continue
      const node = this.#nodes.get(name)
      if (node === undefined) names.delete(name)
      else names.set(name, node)
    }
    for (const [name, node] of names) after.put(name, remains(node, random))
    return after
  }

  /** The disk as another process finds it when this one was killed: nothing is lost. */
  afterKill(): PowerDisk {
    const after = new PowerDisk()
    for (const [name, { bytes }] of this.#nodes) after.put(name, bytes.slice())
    return after
  }

  /** Puts a file there as if it had always been there. */
  put(path: string, bytes: Uint8Array): void {
    const node = { bytes, safe: bytes }
    this.#nodes.set(path, node)
    this.#safeNames.set(path, node)
  }

  #make(path: string): Node {
    const known = this.#nodes.get(path)
    if (known !== undefined) return known
    const node = { bytes: new Uint8Array(), safe: new Uint8Array() }
    this.#nodes.set(path, node)
    return node
  }

  #step(step: string): void {
    const at = this.steps.push(step) - 1
    if (this.stays ? at >= this.failsAt : at === this.failsAt) throw new Error(this.why)
  }
}

/** Bytes with more behind them: in the room that their buffer has, which nobody else sees, or in a bigger one. */
function extended(bytes: Uint8Array, more: Uint8Array): Uint8Array {
  const length = bytes.length + more.length
  let { buffer } = bytes
  if (bytes.byteOffset !== 0 || buffer.byteLength < length) {
    buffer = new ArrayBuffer(Math.max(1_024, 2 * length))
    new Uint8Array(buffer).set(bytes)
  }
  const longer = new Uint8Array(buffer, 0, length)
  longer.set(more, bytes.length)
  return longer
}

/** What is sure, and of the rest: some of its sectors, zeros and rubbish. */
function remains({ bytes, safe }: Node, random: Prng): Uint8Array {
  const extra = bytes.length - safe.length
  if (extra <= 0) return safe.slice()
  const length = safe.length + random.int(extra + 1)
  const left = bytes.slice(0, length)
  for (let at = safe.length; at < length; at += SECTOR) {
    const fate = random.int(3)
    const sector = left.subarray(at, Math.min(at + SECTOR, length))
    if (fate === 1) sector.fill(0)
    else if (fate === 2) for (let i = 0; i < sector.length; i++) sector[i] = random.int(256)
  }
  return left
}
