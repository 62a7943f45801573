/** `uvmem uv`: an ultravisor that turns guests secure at a hypervisor's server. */
import type { Command } from 'commander'
import { asLpid, LPID_MAX, PAGE_SIZE } from '../abi/page.ts'
import { HvRest, RestError } from '../peer/hv-rest.ts'
import { connectUv, type UvClient } from '../peer/uv-client.ts'
import { UvCallError } from '../peer/uv-errors.ts'
import { ConnectError } from '../peer/ws-transport.ts'
import { endpointsOf } from './endpoints.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { credentialsOf } from './net-options.ts'
import { addOptions, readOptions } from './options.ts'
import { drawProgress } from './progress-bar.ts'
import { Refusals } from './refusals.ts'
import { openFiles, prepareGuest, type ReadyGuest } from './uv-guest.ts'
import { UvOptions } from './uv-options.ts'
import { reportLine, type SwitchReport, switchGuest } from './uv-switch.ts'

const EXAMPLES = `
Examples:
  uvmem uv                                        one guest of made-up bytes, LPID 1
  uvmem uv --kernel ./vmlinux --initrd ./initrd.img --memory 2GiB --slots 2
  uvmem uv --memory 100GiB --strategy all --content tag --window 256
  uvmem uv --wrong-digest initrd                  see a switch fail; exit code 1
  uvmem uv --stay                                 keep the guest, to look at it with curl

A guest whose VM has memory slots already takes those; else it gets --memory.

Exit codes: 0 all guests are secure, 1 a run failed, 2 bad usage.`

export function register(program: Command, io: Io): void {
  const command = program
    .command('uv')
    .description('Connect as an ultravisor and turn guests secure')
  addOptions(command, UvOptions).addHelpText('after', EXAMPLES)
  command.action(async () => {
    await run(readOptions(command, UvOptions, io), io)
  })
}

/** How the connection ended, once it has. */
interface Line {
  ending: string | undefined
  ended: (how: string) => void
}

async function run(options: UvOptions, io: Io): Promise<void> {
  if (options.lpid + options.count - 1 > LPID_MAX) {
    throw new CommandError(`--count ${options.count}: LPIDs end at ${LPID_MAX}`)
  }
  const refusals = new Refusals()
  const line: Line = { ending: undefined, ended: () => undefined }
  const files = openFiles(options)
  const endpoints = endpointsOf(options.url, options.http)
  const rest = new HvRest({ url: endpoints.http, ...credentialsOf(options) })
  let client: UvClient | undefined
  try {
    client = await connect(options, endpoints.uv, refusals, line, io)
    const facts = await client.open()
    const guests = await prepareAll(rest, client, files, options)
    const reports = await switchAll(rest, client, guests, options, refusals, io)
    const broken = client.violations()
    tell(reports, broken, facts, options, io)
    if (reports.some(({ ok }) => !ok) || broken.length > 0) io.setExitCode(ExitCode.Failed)
    else if (options.stay) await stay(line, io)
  } catch (error) {
    throw asCommandError(error)
  } finally {
    client?.close()
  }
}

function connect(
  options: UvOptions,
  url: string,
  refusals: Refusals,
  line: Line,
  io: Io,
): Promise<UvClient> {
  return connectUv({
    url,
    ...credentialsOf(options),
    name: options.name,
    protocol: options.protocol,
    profile: options.profile,
    secureMemory: options.secureMemory * PAGE_SIZE,
    contentMode: options.content,
    window: options.window,
    resumeMsMax: options.resumeFor,
    watch: {
      answered: refusals.note,
      line: (state, why) => {
        if (state !== 'lost') io.err.write(`${state}: ${why}\n`)
      },
    },
    ended: ({ sentence }) => {
      line.ending = sentence
      line.ended(sentence)
    },
  })
}

async function prepareAll(
  rest: HvRest,
  client: UvClient,
  files: ReturnType<typeof openFiles>,
  options: UvOptions,
): Promise<readonly ReadyGuest[]> {
  const ready: ReadyGuest[] = []
  for (let i = 0; i < options.count; i++) {
    const svm = client.svm(asLpid(options.lpid + i))
    ready.push(await prepareGuest(rest, svm, files, options))
  }
  return ready
}

/** All guests at once, with a bar on a terminal. */
async function switchAll(
  rest: HvRest,
  client: UvClient,
  guests: readonly ReadyGuest[],
  options: UvOptions,
  refusals: Refusals,
  io: Io,
): Promise<readonly SwitchReport[]> {
  const svms = guests.map((_, i) => client.svm(asLpid(options.lpid + i)))
  const total = guests.reduce((sum, { pagesToCome }) => sum + pagesToCome, 0)
  const stop = drawProgress(io.err, io.errIsTerminal, 'pages', () => ({
    done: svms.reduce((sum, { counts }) => sum + counts.pageIns, 0),
    total,
  }))
  try {
    return await Promise.all(
      guests.map((guest, i) => {
        const svm = client.svm(asLpid(options.lpid + i))
        return switchGuest(rest, svm, guest, options.strategy, refusals)
      }),
    )
  } finally {
    stop()
  }
}

function tell(
  reports: readonly SwitchReport[],
  broken: ReturnType<UvClient['violations']>,
  facts: Awaited<ReturnType<UvClient['open']>>,
  options: UvOptions,
  io: Io,
): void {
  if (options.json) {
    const { session, host } = facts
    const document = {
      session,
      hypervisor: host,
      profile: options.profile,
      guests: reports,
      broken,
    }
    io.out.write(`${JSON.stringify(document)}\n`)
  }
  for (const report of reports) {
    if (!report.ok) io.err.write(`${reportLine(report)}\n`)
    else if (!options.json) io.out.write(`${reportLine(report)}\n`)
  }
  for (const { rule, lpid, detail } of broken) {
    io.err.write(`LPID ${lpid ?? '-'}: the ultravisor breaks the rule ${rule}: ${detail}\n`)
  }
}

/** Until a signal comes, or the connection ends, which is a failure. */
function stay(line: Line, io: Io): Promise<void> {
  return new Promise((resolve, reject) => {
    io.onSignal(() => resolve())
    line.ended = (how) => reject(new CommandError(how, ExitCode.Failed))
    if (line.ending !== undefined) line.ended(line.ending)
  })
}

function asCommandError(error: unknown): unknown {
  const isTold =
    error instanceof UvCallError || error instanceof ConnectError || error instanceof RestError
  return isTold ? new CommandError(error.message, ExitCode.Failed) : error
}
