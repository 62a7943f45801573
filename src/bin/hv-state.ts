/** `--state-dir`: the state of a server from one run to the next. */
import { readFileSync } from 'node:fs'
import { StateDir } from '../hv/state-dir.ts'
import { nodeDisk } from '../hv/state-disk.ts'
import type { App } from '../server/app.ts'
import { sha256 } from '../server/state-routes.ts'
import { CommandError, ExitCode } from './io.ts'

/** True when a process with that id runs, whoever's it is. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * The boot that a process belongs to and when it began: an id alone may be another's after a crash.
 * undefined where there is no /proc.
 */
function birthOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // The name of the program may hold anything but is closed by the last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // One that has ended and whose parent has not looked yet holds nothing any more.
    return fields[0] === 'Z' ? undefined : `${boot}:${fields[19]}`
  } catch {
    return undefined
  }
}

/** Takes the directory; a CommandError says who has it. */
export function openStateDir(path: string): StateDir {
  const ports = { disk: nodeDisk, sha256, pid: process.pid, isAlive, birthOf }
  try {
    const opened = StateDir.open(path, ports)
    if ('dir' in opened) return opened.dir
    throw new CommandError(`--state-dir: ${opened.error}`, ExitCode.Failed)
  } catch (error) {
    if (error instanceof CommandError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`--state-dir ${path}: ${why}`, ExitCode.Failed)
  }
}

/** Goes on from what the last run left. False: it left nothing. */
export async function loadState(dir: StateDir, { state }: App): Promise<boolean> {
  const loaded = dir.load()
  if ('error' in loaded) throw refused(loaded.error)
  if (loaded.state === undefined) return false
  const refusal = await state.restore(loaded.state)
  if (refusal === undefined) return true
  // Its file is kept as it is, with the same sentence.
  throw refused(dir.refuse(refusal.text.replace(/\.$/, '')).error)
}

const refused = (why: string): CommandError =>
  new CommandError(`--state-dir: ${why}`, ExitCode.Failed)

/** Keeps the state of a server that has ended; @returns why it could not. */
export async function saveState(dir: StateDir, { state }: App): Promise<string | undefined> {
  const snapshot = await state.snapshot()
  if ('why' in snapshot) return snapshot.text
  try {
    return dir.save(snapshot)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
