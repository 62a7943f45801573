/** `uvmem exec -- COMMAND`: a command with a fresh emulator of its own, for test suites and scripts. */
import type { Command } from 'commander'
import type { Address } from '../server/listen.ts'
import { ExecOptions } from './exec-options.ts'
import { runInForeground } from './foreground.ts'
import { serveHypervisor } from './hv-serve.ts'
import { ExitCode, type Io } from './io.ts'
import { addOptions, readOptions } from './options.ts'

/** Other machines have no business with it. */
const HOST = '127.0.0.1'

const EXAMPLES = `
Examples:
  uvmem exec -- npm test
  uvmem exec --profile series-v2 --pool 1GiB -- ./check.sh --quick
  uvmem exec --seed-file ./seed.json --faults ./faults.json --record run.ndjson -- npm test
  uvmem exec --vm 1:128MiB -- sh -c 'curl -s $UVMEM_URL/v1/vms/1; uvmem uv'

The command finds the emulator in its environment:
  UVMEM_URL, UVMEM_HTTP   http://127.0.0.1:PORT (every uvmem command takes it from there, too)
  UVMEM_WS                ws://127.0.0.1:PORT/v1/uv
  UVMEM_TOKEN             the token to show; only if there is one

The emulator ends with the command. Signals are passed on to the command. The options are those of
uvmem hv.

Exit codes: the command's; 128 and the number of the signal that ended it; 126 it cannot be run,
127 there is no such command; 1 the emulator could not start or keep its state, 2 bad usage.`

export function register(program: Command, io: Io): void {
  const command = program
    .command('exec')
    .description('Run a command with an emulator of its own')
    .argument('<command...>', 'the command and its words, best behind --')
    .passThroughOptions()
  addOptions(command, ExecOptions).addHelpText('after', EXAMPLES)
  command.action(async (words: [string, ...string[]]) => {
    await run(words, readOptions(command, ExecOptions, io), io)
  })
}

async function run(
  words: readonly [string, ...string[]],
  options: ExecOptions,
  io: Io,
): Promise<void> {
  const token = options.tokenFile ?? options.token
  const { address, end } = await serveHypervisor(
    options,
    { host: HOST, port: options.port, token },
    io,
  )
  const env = { ...io.env, ...settingsOf(address, token) }
  const { code, failure } = await runInForeground(words, env, io)
  if (failure !== undefined) io.err.write(`${failure}\n`)
  const isWhole = await end()
  io.exit(code === 0 && !isWhole ? ExitCode.Failed : code)
}

const settingsOf = ({ url, uv }: Address, token: string | undefined) => ({
  UVMEM_URL: url,
  UVMEM_HTTP: url,
  UVMEM_WS: uv,
  ...(token === undefined ? {} : { UVMEM_TOKEN: token }),
})
