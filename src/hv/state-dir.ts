/**
 * A directory that keeps a host's state from one run to the next.
 *
 * One process at a time has it (a lock file with its id). A state is written beside the old one and
 * takes its place at a stroke; the old one stays as `host.state.previous`. A file that cannot be read
 * is left as it is, and nothing is written over it.
 */
import type { Disk } from './state-disk.ts'
import { readState, type Sha256, writeState } from './state-file.ts'

export const STATE_FILE = 'host.state'
export const PREVIOUS_FILE = 'host.state.previous'
const NEW_FILE = 'host.state.new'
export const LOCK_FILE = 'lock'

export interface StateDirPorts {
  readonly disk: Disk
  readonly sha256: Sha256
  /** This process. */
  readonly pid: number
  /** True when a process with that id runs. */
  readonly isAlive: (pid: number) => boolean
  /**
   * What tells a process from a later one with the same id, as after a crash of the machine or of a
   * container; undefined when nobody knows.
   */
  readonly birthOf?: (pid: number) => string | undefined
}

export type Opened = { readonly dir: StateDir } | { readonly error: string }
/** `state` undefined: there is none yet. */
export type Loaded = { readonly state: unknown } | { readonly error: string }

export class StateDir {
  readonly #path: string
  readonly #ports: StateDirPorts
  /** The file that is there could not be read: it is not written over. */
  #refused = false

  private constructor(path: string, ports: StateDirPorts) {
    this.#path = path
    this.#ports = ports
  }

  /** Takes the directory, which is made when it is not there. */
  static open(path: string, ports: StateDirPorts): Opened {
    const { disk, pid, birthOf } = ports
    const lock = `${path}/${LOCK_FILE}`
    disk.makeDir(path)
    for (let tries = 0; tries < 3; tries++) {
      if (disk.create(lock, `${pid} ${birthOf?.(pid) ?? ''}\n`)) {
        return { dir: new StateDir(path, ports) }
      }
      const text = textOf(disk.read(lock))
      const holder = holderOf(text, ports)
      if (holder !== undefined) return { error: `${path} is in use by process ${holder}.` }
      // Who had it ended without giving it back.
      takeAway(disk, lock, `${lock}.${pid}`, text)
    }
    return { error: `${path} is being taken by another process.` }
  }

  /** What the last run left; says in one sentence what is wrong with it. */
  load(): Loaded {
    const { disk, sha256 } = this.#ports
    const file = `${this.#path}/${STATE_FILE}`
    const bytes = disk.read(file)
    if (bytes === undefined) return { state: undefined }
    const read = readState(bytes, sha256)
    return 'error' in read ? this.refuse(read.error) : { state: read.state }
  }

  /** The state that was loaded does not fit this host: its file is kept. */
  refuse(why: string): { readonly error: string } {
    this.#refused = true
    const hint =
      this.#ports.disk.read(`${this.#path}/${PREVIOUS_FILE}`) === undefined
        ? ''
        : ` The state before it is in ${PREVIOUS_FILE}.`
    return { error: `${this.#path}/${STATE_FILE} is kept as it is: ${why}.${hint}` }
  }

  /** Keeps a state for the next run; says why not when the file that is there was refused. */
  save(state: object): string | undefined {
    const { disk, sha256 } = this.#ports
    const [file, previous, fresh] = [STATE_FILE, PREVIOUS_FILE, NEW_FILE].map(
      (name) => `${this.#path}/${name}`,
    ) as [string, string, string]
    if (this.#refused) return `${file} was refused and is not written over.`
    const bytes = writeState(state, sha256)
    disk.write(fresh, bytes)
    const old = disk.read(file)
    if (old !== undefined) {
      // The old one stays readable under both names until the new one is in its place.
      disk.write(`${previous}.new`, old)
      disk.rename(`${previous}.new`, previous)
    }
    disk.rename(fresh, file)
    return undefined
  }

  /** Gives the directory back. */
  close(): void {
    this.#ports.disk.remove(`${this.#path}/${LOCK_FILE}`)
  }
}

const textOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes ?? new Uint8Array())

/** The process that has a lock with that text; undefined when it has ended. */
function holderOf(text: string, { pid, isAlive, birthOf }: StateDirPorts): number | undefined {
  const [word = '', birth = ''] = text.trim().split(' ')
  const holder = Number(word)
  if (!Number.isInteger(holder) || holder <= 0 || !isAlive(holder)) return undefined
  // Without a word on its birth our own id can only be that of somebody before us.
  if (birth === '') return holder === pid ? undefined : holder
  return birthOf?.(holder) === birth ? holder : undefined
}

/** Removes a lock with that text. One that another process has made meanwhile is put back. */
function takeAway(disk: Disk, lock: string, aside: string, text: string): void {
  if (textOf(disk.read(lock)) !== text) return
  disk.rename(lock, aside)
  if (textOf(disk.read(aside)) === text) disk.remove(aside)
  else disk.rename(aside, lock)
}
