/** `uvmem hv`: the hypervisor as a server, until a signal ends it. */
import { createSecureContext } from 'node:tls'
import type { Command } from 'commander'
import type { TlsOptions } from '../server/app.ts'
import { isLoopback } from '../server/guard.ts'
import { HvOptions } from './hv-options.ts'
import { type Place, type Served, serveHypervisor } from './hv-serve.ts'
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
  uvmem hv --host 0.0.0.0 --tokens-file ./tokens --allow-host lab --tls-cert c.pem --tls-key k.pem
  uvmem hv --state-dir ./state --seed-file ./seed.json --faults ./faults.json
  uvmem hv --record run.ndjson              then: uvmem replay run.ndjson --profile spec

Without tokens whoever reaches the server may do everything, so other addresses than this machine's
own need --no-auth then. A line of a tokens file: reader grafana sha256:<hex>, or operator,uv ci <token>,
or uv lab-1 <token> lpids=1-100. Readers look, operators use all of REST, a uv connects as ultravisor.

Exit codes: 0 ended by a signal, 1 could not start, 2 bad usage.`

export function register(program: Command, io: Io): void {
  const command = program.command('hv').description('Serve the hypervisor over WebSocket and REST')
  addOptions(command, HvOptions).addHelpText('after', EXAMPLES)
  command.action(async () => {
    await run(readOptions(command, HvOptions, io), io)
  })
}

async function run(options: HvOptions, io: Io): Promise<void> {
  const place = placeOf(options)
  const served = await serveHypervisor(options, place, io)
  for (const danger of dangersOf(place)) served.app.http.log.warn(danger)
  io.out.write(readyLine(served, io))
  endOnSignal(served.end, options.stateDir === undefined ? endMsMax : saveMsMax, io)
}

/** Where it listens and what it asks for. Throws a CommandError where others would find it open. */
function placeOf(options: HvOptions): Place {
  const { host, port, auth, tokensFile, allowHost: allowedHosts } = options
  const token = auth ? (options.tokenFile ?? options.token) : undefined
  const tokens = auth ? tokensFile : undefined
  if (auth && token === undefined && tokens === undefined && !isLoopback(host)) {
    throw new CommandError(
      `--host ${host}: an address that others can reach needs --tokens-file, --token-file, UVMEM_TOKEN or --no-auth`,
    )
  }
  return { host, port, token, tokens, allowedHosts, tls: tlsOf(options) }
}

function tlsOf({ tlsCert: cert, tlsKey: key }: HvOptions): TlsOptions | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new CommandError('--tls-cert and --tls-key come together')
  }
  try {
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`--tls-cert and --tls-key do not fit: ${why}`)
  }
}

/** What an operator should know before somebody else does. */
function dangersOf({ host, token, tokens, tls }: Place): readonly string[] {
  if (isLoopback(host)) return []
  if (token === undefined && tokens === undefined) {
    return [`whoever reaches ${host} may do everything: there are no tokens (--tokens-file)`]
  }
  return tls === undefined ? [`tokens for ${host} travel in the clear (--tls-cert, --tls-key)`] : []
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
