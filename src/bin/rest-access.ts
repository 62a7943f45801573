/** What the commands that look at a running server have in common: where it is, and how they fail. */
import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { asLpid, LPID_MAX, type Lpid } from '../abi/page.ts'
import { HvRest, RestError } from '../peer/hv-rest.ts'
import { endpointsOf } from './endpoints.ts'
import { CommandError, ExitCode, type Io } from './io.ts'
import { credentialsOf, SERVER_OPTIONS } from './net-options.ts'
import { flag, option } from './option.ts'
import { addOptions, readOptions } from './options.ts'

export const REST_OPTIONS = {
  ...SERVER_OPTIONS,
  json: option(flag('json').default(false), 'JSON instead of a table', { kind: 'flag' }),
}
/** For a command that has no options of its own. */
export const RestOptions = z.strictObject(REST_OPTIONS)
export type RestOptions = z.output<typeof RestOptions>

/** Behind the examples of every such command. */
export const REST_HELP = `
Exit codes: 0 done, 1 refused or no answer, 2 bad usage.`

/** What a command does with a server. */
export type RestAction<Options, Words extends readonly unknown[]> = (
  rest: HvRest,
  options: Options,
  io: Io,
  ...words: Words
) => Promise<void>

/** Gives a command its options and what it does; what the server refuses ends it with 1. */
export function serveCommand<Schema extends z.ZodObject, Words extends readonly unknown[]>(
  command: Command,
  schema: Schema,
  io: Io,
  action: RestAction<z.output<Schema>, Words>,
): Command {
  addOptions(command, schema)
  return command.action(async (...given: unknown[]) => {
    const options = readOptions(command, schema, io)
    // Behind the words of the command come commander's options and the command itself.
    const words = given.slice(0, -2) as unknown as Words
    await told(() => action(restOf(options), options, io, ...words))
  })
}

/** The schema of every such command has the members of REST_OPTIONS. */
function restOf(options: object): HvRest {
  const given = options as RestOptions
  return new HvRest({ url: endpointsOf(given.url).http, ...credentialsOf(given) })
}

async function told(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    throw error instanceof RestError ? new CommandError(error.message, ExitCode.Failed) : error
  }
}

/** An LPID as a word of the command line. */
export function lpidWord(word: string): Lpid {
  const value = /^\d{1,4}$/.test(word) ? Number(word) : 0
  if (value >= 1 && value <= LPID_MAX) return asLpid(value)
  throw new InvalidArgumentError(`An LPID is 1 to ${LPID_MAX}.`)
}

/** One JSON document on a line. */
export const writeJson = (io: Io, document: unknown): void => {
  io.out.write(`${JSON.stringify(document)}\n`)
}
