/**
 * A server as its options want it, for `uvmem hv` and `uvmem exec` alike: what it begins with, its
 * state from run to run, its record, and its end, at which state and record are kept.
 */
import { performance } from 'node:perf_hooks'
import type { Durable } from '../hv/durable.ts'
import type { StateDir } from '../hv/state-dir.ts'
import { type App, buildApp, type TlsOptions } from '../server/app.ts'
import { callLog } from '../server/call-log.ts'
import { type Address, listen } from '../server/listen.ts'
import type { TokenEntry } from '../server/tokens.ts'
import { addFaults, type Beginning, begin, readBeginning } from './hv-begin.ts'
import { hvConfig } from './hv-config.ts'
import { beginDurable, openDurable, restoreDurable } from './hv-ledger.ts'
import type { ServerOptions } from './hv-options.ts'
import { loadState, openStateDir, saveState } from './hv-state.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { RecordFile } from './record-file.ts'
import { serverLog } from './server-log.ts'
import { VERSION } from './version.ts'

/** Where a server listens, and what it asks for. */
export interface Place {
  readonly host: string
  readonly port: number
  /** The bearer token that clients show; nobody has to without one. */
  readonly token: string | undefined
  /** Tokens with roles. */
  readonly tokens?: readonly TokenEntry[] | undefined
  /** Names by which it is reached besides `host`. */
  readonly allowedHosts?: readonly string[]
  readonly tls?: TlsOptions | undefined
}

export interface Served {
  readonly app: App
  readonly address: Address
  /** Ends the server. False: its state could not be kept, which stderr says. */
  end(): Promise<boolean>
}

/** What is open beside the server itself. */
interface Kept {
  readonly dir: StateDir | undefined
  readonly durable: Durable | undefined
  readonly file: RecordFile | undefined
}

/** Starts a server. Throws a CommandError when it cannot be what the options say. */
export async function serveHypervisor(
  options: ServerOptions,
  place: Place,
  io: Io,
): Promise<Served> {
  const beginning = readBeginning(options)
  const dir = options.stateDir === undefined ? undefined : openStateDir(options.stateDir)
  try {
    return await open(options, place, beginning, dir, io)
  } catch (error) {
    dir?.close()
    throw error
  }
}

async function open(
  options: ServerOptions,
  place: Place,
  beginning: Beginning,
  dir: StateDir | undefined,
  io: Io,
): Promise<Served> {
  const tell = (why: string): void => {
    io.err.write(`${why}\n`)
  }
  const durable = openDurable(options, tell)
  const file = options.record === undefined ? undefined : new RecordFile(options.record, tell)
  const app = appOf(options, place, { file, durable }, io)
  try {
    const isRestored = durable !== undefined && restoreDurable(durable, app)
    addFaults(app, beginning)
    if (!isRestored && (dir === undefined || !(await loadState(dir, app)))) {
      await begin(app, beginning)
    }
    if (durable !== undefined) beginDurable(durable, options.stateDir ?? '', app)
    const address = await listenAt(app, place)
    return { app, address, end: () => end(app, { dir, file, durable }, tell) }
  } catch (error) {
    await app.close()
    file?.close()
    throw error
  }
}

function appOf(
  options: ServerOptions,
  place: Place,
  { file, durable }: Pick<Kept, 'file' | 'durable'>,
  io: Io,
): App {
  const { token, tokens = [], host, allowedHosts = [], tls } = place
  const guard = { token, tokens, host, allowedHosts, allowedOrigins: options.allowOrigin }
  return buildApp({
    // A VM made at a first call would tell which LPIDs were free: not among several users.
    hv: hvConfig(options, tokens.length === 0),
    guard,
    ...(tls === undefined ? {} : { tls }),
    version: VERSION,
    metricsPerVm: options.metricsPerVm,
    journalEvents: options.journalEntries,
    durable,
    ...(file === undefined ? {} : { record: file.write }),
    log: serverLog(options.logLevel, io.err),
    ...(options.logCalls ? { watch: callLog(elapsed, (line) => io.err.write(line)) } : {}),
  })
}

const elapsed = (): number => performance.now()

async function listenAt(app: App, { host, port }: Place): Promise<Address> {
  try {
    return await listen(app, host, port)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`--host ${host} --port ${port}: ${why}`, ExitCode.Failed)
  }
}

async function end(
  app: App,
  { dir, file, durable }: Kept,
  tell: (why: string) => void,
): Promise<boolean> {
  await app.close()
  app.inspected.record?.flush()
  file?.close()
  if (dir === undefined) return true
  if (durable !== undefined) {
    dir.close()
    return durable.failure === undefined
  }
  const why = await saveState(dir, app)
  dir.close()
  if (why !== undefined) tell(`--state-dir: the state was not kept: ${why}`)
  return why === undefined
}
