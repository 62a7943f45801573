/** Reads the command line and runs the command. */
import { Command, CommanderError } from 'commander'
import { addCommands } from './commands.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { VERSION } from './version.ts'

const EXIT_CODES = '\nExit codes: 0 ok, 1 a run failed, 2 bad usage.'

/** `words`: the command line without the program. Returns the exit code; undefined while it runs on. */
export async function main(words: readonly string[], io: Io): Promise<ExitCode | undefined> {
  const program = new Command('uvmem')
    .description('Emulates the hypervisor side of the Protected Execution Facility of POWER9')
    .version(VERSION)
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    // So that a command may have words of its own behind it: uvmem exec npm test --quick.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
    })
  await addCommands(program, words, io)
  for (const command of program.commands) command.copyInheritedSettings(program).exitOverride()
  try {
    await program.parseAsync([...words], { from: 'user' })
    return undefined
  } catch (error) {
    return exitCodeOf(error, io)
  }
}

function exitCodeOf(error: unknown, io: Io): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage
  if (!(error instanceof CommandError)) throw error
  io.err.write(`${error.message}\n`)
  return error.code
}
