/** `uvmem load`: many ultravisors against a server, and whether it held. */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { LPID_MAX } from '../abi/page.ts'
import { comparisonText, readReport } from '../load/compare.ts'
import { lagP99MsMax } from '../load/health.ts'
import type { LoadPlan } from '../load/plan.ts'
import type { LoadReport } from '../load/report.ts'
import { reportPage } from '../load/report-page.ts'
import { reportText } from '../load/report-text.ts'
import { LoadError, runLoad } from '../load/run.ts'
import { lengthOf, parseStages, rampOf, type Stage } from '../load/stages.ts'
import { RestError } from '../peer/hv-rest.ts'
import { endpointsOf } from './endpoints.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { LoadOptions } from './load-options.ts'
import { progressLine } from './load-progress.ts'
import { LOAD_WORKER } from './load-worker-command.ts'
import { credentialsOf } from './net-options.ts'
import { addOptions, readOptions } from './options.ts'

const EXAMPLES = `
Examples:
  uvmem load                                       8 clients, 30 seconds, all operations
  uvmem load --clients 200 --ramp-up 10s --hold 1m --ramp-down 10s --html report.html
  uvmem load --rate 200/s --threshold 'p99<50ms' --threshold 'errors<0.1%'
  uvmem load --mix boot=1 --strategy all --vm-size 1GiB --clients 4
  uvmem load --chaos kill=0.5/s,cut=2/s,reconnect=2/m --duration 5m
  uvmem load --json new.json --compare old.json

Operations: boot (create, load, UV_ESM), churn (pages out and in), share (share, write, unshare),
fault (reclaim and guest fault), hotplug (a slot more and less), reboot, touch (host access).
Latency counts successes; without --rate from when an operation began (closed model), with it from
when it should have begun (open model). At the end every frame is compared on both sides.
A run is INVALID, and fails, when a worker's event loop ran more than ${lagP99MsMax} ms late at the 99th
percentile: its figures are then its own and not the server's. Take fewer clients, or more workers.

Exit codes: 0 ok; 1 a threshold, the audit, the generator or the run failed; 2 bad usage.`

export function register(program: Command, io: Io): void {
  const command = program
    .command('load')
    .description('Load a server with many ultravisors, and audit it afterwards')
  addOptions(command, LoadOptions).addHelpText('after', EXAMPLES)
  command.action(async () => {
    await run(readOptions(command, LoadOptions, io), io)
  })
}

async function run(options: LoadOptions, io: Io): Promise<void> {
  const plan = planOf(options)
  const old = options.compare === undefined ? undefined : readOld(options.compare)
  const report = await measure(plan, options, io)
  io.out.write(`${reportText(report)}\n`)
  if (old !== undefined) io.out.write(`\n${comparisonText(old, report)}\n`)
  if (options.json !== undefined) save('json', options.json, `${JSON.stringify(report)}\n`)
  if (options.html !== undefined) save('html', options.html, reportPage(report))
  if (report.failures.length > 0) io.setExitCode(ExitCode.Failed)
}

async function measure(plan: LoadPlan, options: LoadOptions, io: Io): Promise<LoadReport> {
  const line = progressLine(io.err, io.errIsTerminal)
  let signals = 0
  const interrupted = new Promise<void>((resolve) => {
    io.onSignal(() => {
      signals++
      if (signals > 1) io.exit(ExitCode.Failed)
      resolve()
    })
  })
  try {
    return await runLoad(plan, options.threshold, {
      words: [...io.self, LOAD_WORKER],
      progress: line.show,
      interrupted,
    })
  } catch (error) {
    const isTold = error instanceof LoadError || error instanceof RestError
    throw isTold ? new CommandError(error.message, ExitCode.Failed) : error
  } finally {
    line.end()
  }
}

function planOf(options: LoadOptions): LoadPlan {
  const { uv, http } = endpointsOf(options.url, options.http)
  const { clients, vmsPerClient, lpid } = options
  const last = lpid + clients * vmsPerClient - 1
  if (last > LPID_MAX) {
    throw new CommandError(
      `--clients ${clients} --vms-per-client ${vmsPerClient} --lpid ${lpid}: LPIDs end at ${LPID_MAX}`,
    )
  }
  return {
    uv,
    http,
    ...credentialsOf(options),
    clients,
    vmsPerClient,
    vmPages: options.vmSize,
    firstLpid: lpid,
    protocol: options.protocol,
    content: options.content,
    strategy: options.strategy,
    profile: options.profile,
    window: options.window,
    mix: options.mix,
    stages: stagesOf(options),
    ratePerS: options.rate,
    chaos: options.chaos,
    seed: options.seed,
    workers: Math.min(options.workers ?? availableParallelism(), clients),
  }
}

function stagesOf(options: LoadOptions): readonly Stage[] {
  const { stages, clients, duration, rampUp, rampDown, hold } = options
  if (stages !== undefined) {
    const parsed = parseStages(stages, clients)
    if (typeof parsed === 'string') throw new CommandError(`--stages ${stages}: ${parsed}`)
    return parsed
  }
  const holdMs = hold ?? duration - rampUp - rampDown
  if (holdMs < 0) {
    throw new CommandError(
      `--duration ${duration / 1_000}s: shorter than --ramp-up and --ramp-down together`,
    )
  }
  const ramp = rampOf(clients, { rampUpMs: rampUp, holdMs, rampDownMs: rampDown })
  if (lengthOf(ramp) > 0) return ramp
  throw new CommandError('--duration 0s: expected more than nothing')
}

function readOld(path: string): LoadReport {
  const old = readReport(path)
  if (typeof old === 'string') throw new CommandError(`--compare ${path}: ${old}`)
  return old
}

function save(option: string, path: string, content: string): void {
  try {
    writeFileSync(path, content)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`--${option} ${path}: ${why}`, ExitCode.Failed)
  }
}
