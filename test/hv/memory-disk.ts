/** A disk in memory that forgets what was not made sure of, and can fail at any step. */
import type { Disk } from '../../src/hv/state-disk.ts'

export class MemoryDisk implements Disk {
  readonly files = new Map<string, Uint8Array>()
  /** What was done, in order. */
  readonly steps: string[] = []
  /** The step with this number throws. */
  failsAt = -1

  makeDir = (path: string): void => this.#step(`makeDir ${path}`)

  read = (path: string): Uint8Array | undefined => this.files.get(path)

  write = (path: string, bytes: Uint8Array): void => {
    // Half of it may be there when it fails.
    this.files.set(path, bytes.slice(0, bytes.length / 2))
    this.#step(`write ${path}`)
    this.files.set(path, bytes)
  }

  create = (path: string, text: string): boolean => {
    this.#step(`create ${path}`)
    if (this.files.has(path)) return false
    this.files.set(path, new TextEncoder().encode(text))
    return true
  }

  rename = (from: string, to: string): void => {
    this.#step(`rename ${from} ${to}`)
    const bytes = this.files.get(from)
    if (bytes === undefined) throw new Error(`no ${from}`)
    this.files.delete(from)
    this.files.set(to, bytes)
  }

  remove = (path: string): void => {
    this.#step(`remove ${path}`)
    this.files.delete(path)
  }

  #step(step: string): void {
    if (this.steps.length === this.failsAt) {
      this.failsAt = -1
      throw new Error(`the disk failed: ${step}`)
    }
    this.steps.push(step)
  }
}
