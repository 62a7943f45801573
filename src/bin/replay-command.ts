/** `uvmem replay`: runs a record, or recordings of the real code, again and shows what differs. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type Replayed, replay } from '../hv/record-replay.ts'
import { isOfUltravisor, isRecording, replayLines } from '../lab/recordings/replay-file.ts'
import { agrees, linesFor } from '../lab/recordings/report.ts'
import { HV_CHOICES } from './choices.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { flag, oneOf, option } from './option.ts'
import { addOptions, readOptions } from './options.ts'
import { recordLines } from './record-lines.ts'

const EXAMPLES = `
Examples:
  uvmem hv --record run.ndjson                  record a run
  uvmem replay run.ndjson                       the same again, or a mistake of this program
  uvmem replay run.ndjson --profile linux-5.6   what another kernel does differently
  uvmem check --profile series-v1 --uv firmware --world switch --trace found.jsonl
  uvmem replay found.jsonl                      a finding of the checker, step by step
  uvmem replay found.jsonl --profile spec       where the documented behaviour differs first

Exit codes: 0 it ran as before, 1 it did not or the record cannot be read, 2 bad usage.`

export const ReplayOptions = z.strictObject({
  profile: option(
    oneOf(HV_CHOICES, 'a profile').optional(),
    `in place of the record's: ${HV_CHOICES.join(', ')}`,
    { value: 'name', own: true },
  ),
  json: option(flag('json').default(false), 'print the result as JSON', { kind: 'flag' }),
})
type ReplayOptions = z.output<typeof ReplayOptions>

export function register(program: Command, io: Io): void {
  const command = program
    .command('replay')
    .description('Run a record or a recording again and show the first difference')
    .argument('<file>', 'what uvmem hv --record or uvmem check --trace has written, or a recording')
  addOptions(command, ReplayOptions).addHelpText('after', EXAMPLES)
  command.action(async (file: string) => {
    await run(file, readOptions(command, ReplayOptions, io), io)
  })
}

async function run(file: string, options: ReplayOptions, io: Io): Promise<void> {
  const lines = recordLines(file)
  const first = await lines.next()
  const all = startingWith(first, lines)
  const isOfRealCode = first.done !== true && isRecording(first.value)
  await (isOfRealCode
    ? runRecordings(file, first.value, all, options, io)
    : runRecord(file, all, options, io))
}

/** What was read already, and then the rest. */
async function* startingWith(
  first: IteratorResult<string, unknown>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  try {
    if (first.done === true) return
    yield first.value
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}

async function runRecord(
  file: string,
  lines: AsyncIterable<string>,
  { profile, json }: ReplayOptions,
  io: Io,
): Promise<void> {
  const result = await replay(lines, profile === undefined ? {} : { profile })
  if (result.how === 'unreadable') {
    throw new CommandError(`${file}: line ${result.line}: ${result.why}`, ExitCode.Failed)
  }
  io.out.write(json ? `${JSON.stringify(result)}\n` : textOf(result))
  if (result.how === 'different') io.setExitCode(ExitCode.Failed)
}

/** Recordings in the format of the real code's, which `npm run conformance` reads as well. */
async function runRecordings(
  file: string,
  first: string,
  lines: AsyncIterable<string>,
  { profile, json }: ReplayOptions,
  io: Io,
): Promise<void> {
  if (profile !== undefined && isOfUltravisor(first)) {
    throw new CommandError(`--profile ${profile}: ${file} is a recording of an ultravisor`)
  }
  const report = await replayLines(file, lines, profile === undefined ? {} : { profile })
  const how = agrees(report) ? 'same' : 'different'
  io.out.write(
    json ? `${JSON.stringify({ how, ...report })}\n` : `${linesFor(report).join('\n')}\n`,
  )
  if (how === 'different') io.setExitCode(ExitCode.Failed)
}

function textOf(result: Exclude<Replayed, { how: 'unreadable' }>): string {
  if (result.how === 'same') {
    return `The same: ${result.operations} operations in ${result.lines} lines.\n`
  }
  const { line, after, recorded, replayed } = result.difference
  return `Line ${line} goes another way.\n  after     ${after}\n  recorded  ${recorded}\n  replayed  ${replayed}\n`
}
