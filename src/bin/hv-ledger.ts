/** `--durable`: the ledger in the state directory, on the disk of this machine. */
import { createHash, randomBytes } from 'node:crypto'
import { Durable } from '../hv/durable.ts'
import { nodeLedgerDisk } from '../hv/ledger-disk.ts'
import type { Digest } from '../hv/ledger-format.ts'
import { BadRecord } from '../hv/ledger-record-read.ts'
import { hasLedger } from '../hv/ledger-store.ts'
import type { App } from '../server/app.ts'
import type { ServerOptions } from './hv-options.ts'
import { CommandError, ExitCode } from './io.ts'

const digest: Digest = (parts) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The ledger that the options ask for. Throws a CommandError when there is one that nobody asks for. */
export function openDurable(
  { durable, stateDir, stateRepair }: ServerOptions,
  tell: (text: string) => void,
): Durable | undefined {
  if (stateDir === undefined) {
    if (durable) throw new CommandError('--durable needs --state-dir')
    return undefined
  }
  if (!durable) {
    if (!hasLedger(nodeLedgerDisk, stateDir)) return undefined
    throw new CommandError(
      `--state-dir ${stateDir}: a server with --durable keeps its state there; start this one with it`,
      ExitCode.Failed,
    )
  }
  const ports = {
    disk: nodeLedgerDisk,
    digest,
    random: randomBytes,
    later: (run: () => void) => void setImmediate(run),
    tell,
  }
  const opened = inStateDir(stateDir, () => Durable.open(stateDir, ports, stateRepair))
  if ('error' in opened) throw refused(opened.error)
  return opened.durable
}

/** Goes on from what the last run left. False: it left nothing. */
export function restoreDurable(durable: Durable, { hv, uv }: App): boolean {
  try {
    return durable.restore(hv, (facts, link) => uv.restore(facts, link)) !== undefined
  } catch (error) {
    if (error instanceof BadRecord) throw refused(error.message)
    throw error
  }
}

/** From here on everything is written down. */
export function beginDurable(durable: Durable, stateDir: string, { hv, state }: App): void {
  const quietly = (run: () => void, waitMs: number): void => void state.quietly(run, waitMs)
  inStateDir(stateDir, () => durable.begin(hv, { quietly }))
}

const refused = (why: string): CommandError =>
  new CommandError(`--state-dir: ${why}`, ExitCode.Failed)

/** What the disk says is told as a CommandError. */
function inStateDir<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error) || !('code' in error))
      throw error
    throw refused(`${path}: ${error.message}`)
  }
}
