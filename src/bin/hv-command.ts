/** `uvmem hv`: the hypervisor as a server, until a signal ends it. */
import type { Command } from 'commander'
import { isLoopback } from '../server/guard.ts'
import { HvOptions } from './hv-options.ts'
import { type Served, serveHypervisor } from './hv-serve.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { addOptions, readOptions } from './options.ts'
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
  const { host, port, auth, stateDir } = options
  const served = await serveHypervisor(options, { host, port, token: auth ? token : undefined }, io)
  io.out.write(readyLine(served, io))
  endOnSignal(served.end, stateDir === undefined ? endMsMax : saveMsMax, io)
}

function readyLine({ app, address }: Served, { isTerminal }: Io): string {
  const { profile, poolPages } = app.hv.config
  const { url, uv } = address
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
