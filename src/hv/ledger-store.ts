/**
 * The ledger files of a state directory: `ledger.000001`, `ledger.000002` ... The newest one begins
 * with the whole state and holds what came after it; the one before is kept as it was.
 *
 * A new file gets its name only when it is on the disk: until then the one before is whole. So there
 * is no moment at which a crash leaves less than what was acknowledged.
 */
import type { LedgerDisk } from './ledger-disk.ts'
import {
  type Chain,
  FILE_HEAD_BYTES,
  fileHead,
  firstChain,
  groupHead,
  type LedgerScan,
  scanLedger,
} from './ledger-format.ts'
import { appendAll, type LedgerPorts, LedgerWriter, type Successor } from './ledger-writer.ts'

/** Bytes of a ledger file from which on a new one is begun. */
export const ledgerBytesMax = 16_777_216
/** The same when the state it begins with is large: so many times that. */
const STATE_TIMES = 2

const NAME = /^ledger\.(\d{6,12})$/
const NEW_NAME = 'ledger.new'
const nameOf = (number: number): string => `ledger.${String(number).padStart(6, '0')}`

/** What to do about a damaged file: refuse, or go on without what is behind the damage. */
export type Repair = 'none' | 'cut'

export interface StorePorts extends LedgerPorts {
  readonly disk: LedgerDisk
  /** Random bytes. */
  readonly random: (bytes: number) => Uint8Array
  /** Bytes of a file from which on a new one is begun; ledgerBytesMax when it is left out. */
  readonly bytesMax?: number
  /** Says something to whoever runs the server. */
  readonly tell: (text: string) => void
}

/** What the last run left: what is in the groups of the newest file. */
export interface Left {
  readonly groups: LedgerScan['groups']
  readonly file: string
}

interface Place {
  readonly number: number
  readonly chain: Chain
  readonly bytes: number
  /** Bytes of the state that the file begins with. */
  readonly stateBytes: number
}

/** True when a state directory has a ledger. */
export const hasLedger = (disk: LedgerDisk, path: string): boolean =>
  disk.list(path).some((name) => NAME.test(name))

export class LedgerStore {
  readonly #path: string
  readonly #ports: StorePorts
  /** Where the newest file ends; undefined: there is none yet. */
  #place: Place | undefined
  readonly #left: Left | undefined

  private constructor(path: string, ports: StorePorts, found?: Found) {
    this.#path = path
    this.#ports = ports
    this.#place = found?.place
    this.#left = found?.left
  }

  /** Finds the newest file and sees that it is whole; @returns what is wrong with it, and a way out. */
  static open(
    path: string,
    ports: StorePorts,
    repair: Repair = 'none',
  ): { readonly store: LedgerStore } | { readonly error: string } {
    const { disk } = ports
    disk.remove(`${path}/${NEW_NAME}`)
    for (const number of numbersIn(disk, path)) {
      const found = find(path, number, ports, repair)
      if (found === 'gone') continue
      return 'error' in found ? found : { store: new LedgerStore(path, ports, found) }
    }
    return { store: new LedgerStore(path, ports) }
  }

  get left(): Left | undefined {
    return this.#left
  }

  /** Goes on behind what was left. `state`: what a new file begins with, asked when there is none. */
  write(state: () => Uint8Array): LedgerWriter {
    const { disk } = this.#ports
    const place = this.#place
    if (place !== undefined) {
      const file = disk.open(this.#fileOf(place.number))
      // A group may have been written and not been made sure of when the last run was killed.
      file.syncNow()
      return new LedgerWriter(file, place.chain, place.bytes, this.#ports)
    }
    const { file, chain, bytes, publish } = this.successor(state())
    file.syncNow()
    publish()
    return new LedgerWriter(file, chain, bytes, this.#ports)
  }

  /** Bytes of a file from which on a new one is wanted. */
  get wantedBytes(): number {
    const stateBytes = this.#place?.stateBytes ?? 0
    const { bytesMax = ledgerBytesMax } = this.#ports
    return stateBytes + Math.max(bytesMax, stateBytes * STATE_TIMES)
  }

  /** A new file that begins with a state; it has no name yet. */
  successor(state: Uint8Array): Successor {
    const { disk, digest, random } = this.#ports
    const id = random(16)
    const { head, chain } = groupHead(firstChain(id), state, digest)
    const path = `${this.#path}/${NEW_NAME}`
    disk.remove(path)
    const file = disk.open(path)
    const bytes = FILE_HEAD_BYTES + head.length + state.length
    appendAll(file, fileHead(id, digest))
    appendAll(file, head)
    appendAll(file, state)
    return { file, chain, bytes, publish: () => this.#publish(chain, bytes) }
  }

  #publish(chain: Chain, bytes: number): void {
    const { disk } = this.#ports
    const number = (this.#place?.number ?? 0) + 1
    disk.rename(`${this.#path}/${NEW_NAME}`, this.#fileOf(number))
    this.#place = { number, chain, bytes, stateBytes: bytes }
    for (const each of numbersIn(disk, this.#path)) {
      if (each < number - 1) disk.remove(this.#fileOf(each))
    }
  }

  #fileOf(number: number): string {
    return `${this.#path}/${nameOf(number)}`
  }
}

interface Found {
  readonly place: Place
  readonly left: Left
}

/** Numbers of the files that are there, the highest first. */
const numbersIn = (disk: LedgerDisk, path: string): readonly number[] =>
  disk
    .list(path)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)

/** `gone`: it was put aside, and the one before counts. */
function find(
  path: string,
  number: number,
  { disk, digest, tell }: StorePorts,
  repair: Repair,
): Found | { readonly error: string } | 'gone' {
  const file = `${path}/${nameOf(number)}`
  const bytes = disk.read(file) ?? new Uint8Array()
  const { fault, end, chain, groups } = scanLedger(bytes, digest)
  const [state] = groups
  const lost = bytes.length - end
  if (state === undefined || chain === undefined) {
    if (repair === 'cut') return putAside(path, number, disk, tell)
    return { error: damageText(file, end, fault?.expected ?? 'the state that it begins with') }
  }
  if (fault?.how === 'damaged') {
    if (repair === 'none') return { error: damageText(file, end, fault.expected) }
    disk.write(`${file}.damaged`, bytes)
    disk.truncate(file, end)
    tell(`${file}: cut at byte ${end}; ${lost} bytes are left out, see ${file}.damaged.`)
  } else if (fault !== undefined) {
    disk.truncate(file, end)
    tell(`${file}: the last ${lost} bytes were never whole and are cut: nobody was told of them.`)
  }
  const stateBytes = state.body.length
  return { place: { number, chain, bytes: end, stateBytes }, left: { groups, file } }
}

const damageText = (file: string, at: number, expected: string): string =>
  `${file} is damaged at byte ${at}: there should be ${expected}. It is kept as it is. ` +
  '--state-repair cut goes on without what is from there on, and keeps a copy of the file.'

/** Without the state that it begins with a file is of no use. */
function putAside(
  path: string,
  number: number,
  disk: LedgerDisk,
  tell: (text: string) => void,
): 'gone' | { readonly error: string } {
  const file = `${path}/${nameOf(number)}`
  const before = nameOf(number - 1)
  if (disk.read(`${path}/${before}`) === undefined) {
    return {
      error: `${file} has lost the state that it begins with, and no file before it is left.`,
    }
  }
  disk.rename(file, `${file}.damaged`)
  tell(
    `${file} has lost the state that it begins with: it is kept as ${file}.damaged, ${before} counts.`,
  )
  return 'gone'
}
