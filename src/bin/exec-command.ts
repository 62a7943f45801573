/** `uvmem exec -- COMMAND`: a command with a fresh emulator of its own, for test suites and scripts. */
import { performance } from 'node:perf_hooks'
import type { Command } from 'commander'
import { pino } from 'pino'
import { type App, buildApp } from '../server/app.ts'
import { callLog } from '../server/call-log.ts'
import { type Address, listen } from '../server/listen.ts'
import { ExecOptions } from './exec-options.ts'
import { runInForeground } from './foreground.ts'
import { hvConfig } from './hv-config.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { addOptions, readOptions } from './options.ts'
import { type Image, loadImages, makeVms, parseImage, parseVm, type VmWish } from './start-vms.ts'
import { VERSION } from './version.ts'

/** Other machines have no business with it. */
const HOST = '127.0.0.1'

const EXAMPLES = `
Examples:
  uvmem exec -- npm test
  uvmem exec --profile series-v2 --pool 1GiB -- ./check.sh --quick
  uvmem exec --vm 1:128MiB -- sh -c 'curl -s $UVMEM_URL/v1/vms/1; uvmem uv'

The command finds the emulator in its environment:
  UVMEM_URL, UVMEM_HTTP   http://127.0.0.1:PORT (every uvmem command takes it from there, too)
  UVMEM_WS                ws://127.0.0.1:PORT/v1/uv
  UVMEM_TOKEN             the token to show; only if it was set before

The emulator ends with the command. Signals are passed on to the command. Every option is also an
environment variable (UVMEM_POOL) and a member of the section "exec" of the --config file.

Exit codes: the command's; 128 and the number of the signal that ended it; 126 it cannot be run,
127 there is no such command; 1 the emulator could not start, 2 bad usage.`

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
  const vms = options.vm.map(parseVm)
  const images = options.load.map(parseImage)
  const app = buildApp({
    hv: hvConfig(options),
    guard: { token: options.token, host: HOST, allowedOrigins: [] },
    version: VERSION,
    log: pino({ level: options.logLevel }, io.err),
    ...(options.logCalls
      ? {
          watch: callLog(
            () => performance.now(),
            (line) => io.err.write(line),
          ),
        }
      : {}),
  })
  try {
    io.exit(await withEmulator(app, vms, images, words, io))
  } finally {
    await app.close()
  }
}

async function withEmulator(
  app: App,
  vms: readonly VmWish[],
  images: readonly Image[],
  words: readonly [string, ...string[]],
  io: Io,
): Promise<number> {
  await makeVms(app, vms)
  await loadImages(app, images)
  const env = { ...io.env, ...settingsOf(await start(app)) }
  const { code, failure } = await runInForeground(words, env, io)
  if (failure !== undefined) io.err.write(`${failure}\n`)
  return code
}

async function start(app: App): Promise<Address> {
  try {
    return await listen(app, HOST, 0)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`the emulator could not start: ${why}`, ExitCode.Failed)
  }
}

const settingsOf = ({ url, uv }: Address) => ({
  UVMEM_URL: url,
  UVMEM_HTTP: url,
  UVMEM_WS: uv,
})
