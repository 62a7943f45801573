/**
 * Files as the ledger of `--durable` needs them, and Node's way to give them: a file that only grows,
 * and a moment at which what was put there is sure to outlast a loss of power.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  writeSync,
} from 'node:fs'
import { type Disk, nodeDisk } from './state-disk.ts'

/** A file that is open for appending. Whatever the disk refuses is thrown, as Node does. */
export interface LedgerFile {
  /** Puts bytes at the end; @returns how many were taken, which may be fewer than all. */
  readonly append: (bytes: Uint8Array) => number
  /** Makes sure of what was put there; `done` is told later, with what went wrong, if anything. */
  readonly sync: (done: (error: Error | undefined) => void) => void
  /** The same, and waits for it. */
  readonly syncNow: () => void
  readonly close: () => void
}

export interface LedgerDisk extends Disk {
  /** Opens a file for appending; it is made when it is not there. */
  readonly open: (path: string) => LedgerFile
  /** Cuts a file to so many bytes, and waits until that is on the disk. */
  readonly truncate: (path: string, bytes: number) => void
  /** Names of what is in a directory. */
  readonly list: (path: string) => readonly string[]
}

function openFile(path: string): LedgerFile {
  const file = openSync(path, 'a', 0o600)
  return {
    append: (bytes) => writeSync(file, bytes),
    sync: (done) => fdatasync(file, (error) => done(error ?? undefined)),
    syncNow: () => fdatasyncSync(file),
    close: () => closeSync(file),
  }
}

function truncateFile(path: string, bytes: number): void {
  const file = openSync(path, 'r+')
  try {
    ftruncateSync(file, bytes)
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

export const nodeLedgerDisk: LedgerDisk = {
  ...nodeDisk,
  open: openFile,
  truncate: truncateFile,
  list: (path) => readdirSync(path),
}
