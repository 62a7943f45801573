/** Files as the state directory needs them, and Node's way to give them. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

export interface Disk {
  /** Makes a directory, and those above it, unless it is there. */
  readonly makeDir: (path: string) => void
  /** undefined: there is no such file. */
  readonly read: (path: string) => Uint8Array | undefined
  /** Writes a whole file and waits until it is on the disk. */
  readonly write: (path: string, bytes: Uint8Array) => void
  /** Makes a file that must not be there yet; false when it is. */
  readonly create: (path: string, text: string) => boolean
  /** Gives a file another's place, at a stroke, and waits until that is on the disk. */
  readonly rename: (from: string, to: string) => void
  readonly remove: (path: string) => void
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** Node's file system. Whatever fails otherwise is thrown, as Node does. */
export const nodeDisk: Disk = {
  makeDir: (path) => {
    mkdirSync(path, { recursive: true })
  },
  read: (path) => {
    try {
      return readFileSync(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  },
  write: (path, bytes) => {
    const file = openSync(path, 'w', 0o600)
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  },
  create: (path, text) => {
    try {
      const file = openSync(path, 'wx', 0o600)
      try {
        writeSync(file, text)
      } finally {
        closeSync(file)
      }
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  },
  rename: (from, to) => {
    renameSync(from, to)
    const directory = openSync(dirname(to), 'r')
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  },
  remove: (path) => rmSync(path, { force: true }),
}
