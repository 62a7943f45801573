/** `uvmem replay`: runs a record again and shows the first difference. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type Replayed, replay } from '../hv/record-replay.ts'
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
    .description('Run a record again and show the first difference')
    .argument('<file>', 'what uvmem hv --record has written')
  addOptions(command, ReplayOptions).addHelpText('after', EXAMPLES)
  command.action(async (file: string) => {
    await run(file, readOptions(command, ReplayOptions, io), io)
  })
}

async function run(file: string, { profile, json }: ReplayOptions, io: Io): Promise<void> {
  const result = await replay(recordLines(file), profile === undefined ? {} : { profile })
  if (result.how === 'unreadable') {
    throw new CommandError(`${file}: line ${result.line}: ${result.why}`, ExitCode.Failed)
  }
  io.out.write(json ? `${JSON.stringify(result)}\n` : textOf(result))
  if (result.how === 'different') io.setExitCode(ExitCode.Failed)
}

function textOf(result: Exclude<Replayed, { how: 'unreadable' }>): string {
  if (result.how === 'same') {
    return `The same: ${result.operations} operations in ${result.lines} lines.\n`
  }
  const { line, after, recorded, replayed } = result.difference
  return `Line ${line} goes another way.\n  after     ${after}\n  recorded  ${recorded}\n  replayed  ${replayed}\n`
}
