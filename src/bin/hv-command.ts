/** `uvmem hv`: the hypervisor as a server, until a signal ends it. */
import { performance } from 'node:perf_hooks'
import type { Command } from 'commander'
import { pino } from 'pino'
import type { StateDir } from '../hv/state-dir.ts'
import { type App, buildApp } from '../server/app.ts'
import { callLog } from '../server/call-log.ts'
import { isLoopback } from '../server/guard.ts'
import { type Address, listen } from '../server/listen.ts'
import { addFaults, type Beginning, begin, readBeginning } from './hv-begin.ts'
import { hvConfig } from './hv-config.ts'
import { HvOptions } from './hv-options.ts'
import { loadState, openStateDir, saveState } from './hv-state.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { addOptions, readOptions } from './options.ts'
import { RecordFile } from './record-file.ts'
import { VERSION } from './version.ts'

/** Milliseconds that the server has to end. */
const endMsMax = 2_500
/** The same when it has a state to keep. */
const saveMsMax = 30_000

const EXAMPLES = `
Examples:
  uvmem hv                                  serve this machine on port 8080
  uvmem hv --port 0 --pool 100GiB           any free port; the first line on stdout says which
  uvmem hv --vm 1:2GiB,512MiB --load 1:0x4000000:./vmlinux
  uvmem hv --host 0.0.0.0 --token-file ./token --log-calls
  uvmem hv --state-dir ./state --seed-file ./seed.json --faults ./faults.json
  uvmem hv --record run.ndjson              then: uvmem replay run.ndjson --profile spec

Every option is also an environment variable (--log-calls: UVMEM_LOG_CALLS=true; lists with
semicolons) and a member of the section "hv" of the --config file ({"hv": {"logCalls": true}}).
A token may be in UVMEM_TOKEN.

Exit codes: 0 ended by a signal, 1 could not start, 2 bad usage.`

export function register(program: Command, io: Io): void {
  const command = program.command('hv').description('Serve the hypervisor over WebSocket and REST')
  addOptions(command, HvOptions).addHelpText('after', EXAMPLES)
  command.action(async () => {
    await run(readOptions(command, HvOptions, io), io)
  })
}

async function run(options: HvOptions, io: Io): Promise<void> {
  const token = options.tokenFile ?? options.token
  if (options.auth && token === undefined && !isLoopback(options.host)) {
    throw new CommandError(
      `--host ${options.host}: an address that others can reach needs --token-file, UVMEM_TOKEN or --no-auth`,
    )
  }
  const beginning = readBeginning(options)
  const dir = options.stateDir === undefined ? undefined : openStateDir(options.stateDir)
  try {
    await serve(options, token, beginning, dir, io)
  } catch (error) {
    dir?.close()
    throw error
  }
}

async function serve(
  options: HvOptions,
  token: string | undefined,
  beginning: Beginning,
  dir: StateDir | undefined,
  io: Io,
): Promise<void> {
  const tell = (why: string): void => {
    io.err.write(`${why}\n`)
  }
  const file = options.record === undefined ? undefined : new RecordFile(options.record, tell)
  const app = buildApp({
    hv: hvConfig(options),
    guard: {
      token: options.auth ? token : undefined,
      host: options.host,
      allowedOrigins: options.allowOrigin,
    },
    version: VERSION,
    metricsPerVm: options.metricsPerVm,
    journalEvents: options.journalEntries,
    ...(file === undefined ? {} : { record: file.write }),
    log: pino({ level: options.logLevel }, io.err),
    ...(options.logCalls ? { watch: callLog(elapsed, (line) => io.err.write(line)) } : {}),
  })
  addFaults(app, beginning)
  if (dir === undefined || !(await loadState(dir, app))) await begin(app, beginning)
  const address = await start(app, options)
  io.out.write(readyLine(app, address, io))
  endOnSignal(() => end(app, dir, file, tell), dir === undefined ? endMsMax : saveMsMax, io)
}

/** False: the state could not be kept. */
async function end(
  app: App,
  dir: StateDir | undefined,
  file: RecordFile | undefined,
  tell: (why: string) => void,
): Promise<boolean> {
  await app.close()
  app.inspected.record?.flush()
  file?.close()
  if (dir === undefined) return true
  const why = await saveState(dir, app)
  dir.close()
  if (why !== undefined) tell(`--state-dir: the state was not kept: ${why}`)
  return why === undefined
}

const elapsed = (): number => performance.now()

async function start(app: App, { host, port }: HvOptions): Promise<Address> {
  try {
    return await listen(app, host, port)
  } catch (error) {
    await app.close()
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`--host ${host} --port ${port}: ${why}`, ExitCode.Failed)
  }
}

function readyLine({ hv }: App, { url, uv }: Address, { isTerminal }: Io): string {
  const { profile, poolPages } = hv.config
  if (!isTerminal) {
    const line = { event: 'ready', url, uv, version: VERSION, profile, pool_pages: poolPages }
    return `${JSON.stringify(line)}\n`
  }
  return `uvmem ${VERSION} is ready: ${url} (ultravisors: ${uv}), profile ${profile}, ${poolPages} pages of secure memory\n`
}

function endOnSignal(finish: () => Promise<boolean>, waitMs: number, io: Io): void {
  let signals = 0
  io.onSignal(() => {
    signals++
    if (signals > 1) io.exit(ExitCode.Failed)
    setTimeout(() => io.exit(waitMs === endMsMax ? ExitCode.Ok : ExitCode.Failed), waitMs).unref()
    finish().then(
      (isWhole) => io.exit(isWhole ? ExitCode.Ok : ExitCode.Failed),
      () => io.exit(ExitCode.Failed),
    )
  })
}
