/** `uvmem check`: looks through every state of a small world. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { newSetup, type Setup } from '../lab/check/live.ts'
import { narrate } from '../lab/check/narrate.ts'
import { recordingOf } from '../lab/check/recording.ts'
import { type CheckFinding, type CheckResult, Search } from '../lab/check/search.ts'
import { present } from '../lib/assert.ts'
import { UV_PROFILES } from '../ultravisor/profile.ts'
import { HV_PROFILES } from '../uvmem/profile.ts'
import { CheckOptions, worldOf } from './check-options.ts'
import { ExitCode, type Io } from './io.ts'
import { addOptions, readOptions } from './options.ts'

const EXAMPLES = `
Examples:
  uvmem check                                             spec with spec: nothing may be found
  uvmem check --profile linux-5.6 --uv firmware           the naive speed-up
  uvmem check --profile series-v1 --uv firmware --world switch
  uvmem check --profile series-v2 --uv firmware --world thread --trace found.jsonl
  uvmem check --world nested                              a deadlock
  uvmem check --world large                               ten million states and more

A finding is a shortest way to it. Exit codes: 0 nothing wrong, 1 something found, 2 bad usage,
3 a bound of states or memory was reached first.`

export function register(program: Command, io: Io): void {
  const command = program
    .command('check')
    .description('Look through every state of a small world for a broken invariant')
  addOptions(command, CheckOptions).addHelpText('after', EXAMPLES)
  command.action(() => run(readOptions(command, CheckOptions, io), io))
}

function run(options: CheckOptions, io: Io): void {
  const world = present(worldOf(options), 'a world')
  const uv = UV_PROFILES[options.uv]
  const setup = newSetup(world, HV_PROFILES[options.profile], uv, options.strategy)
  const search = new Search(setup, {
    statesMax: options.statesMax,
    bytesMax: options.memory * 1e6,
    findingsMax: options.findings,
  })
  if (io.isTerminal) {
    search.onProgress = (states, transitions, depth) =>
      io.err.write(`\r${count(states)} states, ${count(transitions)} moves, depth ${depth} `)
  }
  const since = performance.now()
  const result = search.run()
  const seconds = (performance.now() - since) / 1000
  if (io.isTerminal) io.err.write('\n')
  io.out.write(
    options.json ? jsonOf(setup, result, seconds) : textOf(options, setup, result, seconds),
  )
  const why = writeTrace(options, setup, result)
  if (why !== undefined) io.err.write(`--trace ${options.trace}: nothing was written: ${why}\n`)
  io.setExitCode(codeOf(result))
}

const count = (n: number): string => n.toLocaleString('en-US')

function codeOf({ findings, end }: CheckResult): ExitCode {
  if (findings.length > 0) return ExitCode.Failed
  return end === 'exhausted' ? ExitCode.Ok : ExitCode.Bound
}

function textOf(
  { profile, uv, strategy }: CheckOptions,
  setup: Setup,
  result: CheckResult,
  seconds: number,
): string {
  const { states, transitions, depth, bytes } = result
  const lines = [
    `${profile} + ${uv} (${strategy}), world ${setup.world.name}: ${setup.world.about}`,
    `${count(states)} states, ${count(transitions)} moves, depth ${depth}, ${seconds.toFixed(1)} s,` +
      ` ${count(Math.round(states / seconds))} states/s, ${count(Math.round(transitions / seconds))}` +
      ` moves/s, ${Math.round(bytes / 1e6)} MB`,
    ENDS[result.end],
  ]
  for (const finding of result.findings) lines.push('', ...tell(setup, finding))
  return `${lines.join('\n')}\n`
}

const ENDS: { readonly [End in CheckResult['end']]: string } = {
  exhausted: 'Every state was looked at.',
  found: 'The search ended with what it found.',
  states: 'The bound of states was reached: more lies beyond. Nothing is said about that.',
  memory: 'The memory for states is used up: more lies beyond. Nothing is said about that.',
}

function tell(setup: Setup, { id, what, lpid, gfn, moves }: CheckFinding): string[] {
  const vm = lpid === undefined ? '' : ` VM ${lpid}`
  const frame = gfn === undefined ? '' : ` GFN ${gfn}`
  const steps = narrate(setup, moves)
  return [
    `${id}:${vm}${frame} ${what}; after ${moves.length} moves:`,
    ...steps.map((s) => `  ${s}`),
  ]
}

function jsonOf(setup: Setup, result: CheckResult, seconds: number): string {
  const findings = result.findings.map((each) => ({ ...each, told: narrate(setup, each.moves) }))
  return `${JSON.stringify({ world: setup.world, ...result, findings, seconds })}\n`
}

/** Writes the first finding as a recording; says why it could not. */
function writeTrace(
  { trace, profile }: CheckOptions,
  setup: Setup,
  { findings }: CheckResult,
): string | undefined {
  const [first] = findings
  if (trace === undefined) return undefined
  if (first === undefined) return 'nothing was found'
  const id = `check-${setup.world.name}-${first.id}`
  const recording = recordingOf(setup, profile, id, first.moves)
  if (typeof recording === 'string') return recording
  writeFileSync(trace, `${JSON.stringify(recording)}\n`)
  return undefined
}
