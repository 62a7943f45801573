/**
 * The options of a command: flags, environment variables and a config file from one zod object.
 *
 * The key `logCalls` of `uvmem hv` is the flag `--log-calls`, the variable `UVMEM_HV_LOG_CALLS` and
 * the member `logCalls` of the section `hv` in the config file. `UVMEM_LOG_CALLS`, without the
 * command's name, is meant for every command that has the option; those that mean something else by
 * that name (`own`) do not read it. A flag beats a variable, the variable with the command's name the
 * one without, a variable the file, the file the default.
 */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { z } from 'zod'
import { COMMAND_NAMES } from './commands.ts'
import { CommandError, type Io } from './io.ts'
import { metaOf, type OptionMeta } from './option.ts'

type Section = Readonly<Record<string, unknown>>

/** Where a value came from, as an error names it. */
interface Given {
  readonly value: unknown
  readonly from: string
}

export const flagOf = (key: string): string =>
  `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
/** `names`: those of the command, or none. */
export const variableOf = (names: readonly string[], key: string): string =>
  ['UVMEM', ...names, key.replace(/[A-Z]/g, (letter) => `_${letter}`)]
    .join('_')
    .replaceAll('-', '_')
    .toUpperCase()

/** The variables that an option of a command is read from, the one that beats the others first. */
export const variablesOf = (names: readonly string[], key: string, meta: OptionMeta): string[] =>
  meta.own ? [variableOf(names, key)] : [variableOf(names, key), variableOf([], key)]

/** Adds a flag for every option of `schema` to a command, and `--config`. */
export function addOptions(command: Command, schema: z.ZodObject): Command {
  for (const [key, field] of Object.entries(schema.shape)) {
    const meta = metaOf(field as z.ZodType)
    if (meta === undefined || meta.secret) continue
    for (const each of flagsFor(key, meta)) command.addOption(each.helpGroup(meta.group))
  }
  const config = new Option('--config <file>', 'JSON file with a section for each command')
  command.addOption(config.helpGroup('Options:'))
  return command.addHelpText('after', () => elsewhere(command, schema))
}

/** Where the options can be given but for the command line: a paragraph of `--help`. */
function elsewhere(command: Command, schema: z.ZodObject): string {
  const names = namesOf(command)
  const keys = Object.keys(schema.shape)
  const isOwn = (key: string): boolean => metaOf(schema.shape[key] as z.ZodType)?.own === true
  const shared = keys.find((key) => !isOwn(key))
  const shown = shared ?? keys[0] ?? ''
  const variables = [names, ...(shared === undefined ? [] : [[]])].map((of) =>
    variableOf(of, shown),
  )
  const own = shared === undefined ? [] : keys.filter(isOwn).map(flagOf)
  const section = names.reduceRight((inner, name) => `{"${name}": ${inner}}`, `{"${shown}": ...}`)
  return `
Every option is also an environment variable (${flagOf(shown)}: ${variables.join(' or ')})
and a member of the --config file (${section}); lists have semicolons in a variable.${
    own.length === 0 ? '' : `\nOnly with the command's name in the variable: ${own.join(', ')}.`
  }${keys.includes('token') ? '\nA token is in UVMEM_TOKEN or in a file.' : ''}`
}

function flagsFor(key: string, meta: OptionMeta): Option[] {
  const { kind, value, help, short, shownDefault } = meta
  const flag = flagOf(key)
  const shown = shownDefault === undefined ? help : `${help} (default: ${shownDefault})`
  if (kind === 'flag') {
    const both = short === undefined ? flag : `-${short}, ${flag}`
    return [new Option(both, shown), new Option(flag.replace('--', '--no-')).hideHelp()]
  }
  const one = new Option(`${flag} <${value}>`, shown)
  if (kind === 'list') {
    one.argParser((given: string, before: string[] | undefined) => [...(before ?? []), given])
  }
  return [one]
}

/** The options of a command, from wherever they were given. Errors are CommandErrors. */
export function readOptions<Schema extends z.ZodObject>(
  command: Command,
  schema: Schema,
  io: Io,
): z.output<Schema> {
  const named: unknown = command.getOptionValue('config')
  const file = typeof named === 'string' ? named : io.env[variableOf([], 'config')]
  const section = file === undefined ? {} : readSection(file, command)
  const unknown = Object.keys(section).find((key) => !Object.hasOwn(schema.shape, key))
  if (unknown !== undefined) {
    throw new CommandError(
      `${file ?? ''}: ${namesOf(command).join('.')}.${unknown} is not an option.`,
    )
  }
  const given = new Map<string, Given>()
  for (const key of Object.keys(schema.shape)) {
    const found = find(key, schema, command, io, section, file ?? '')
    if (found !== undefined) given.set(key, found)
  }
  const read = schema.safeParse(
    Object.fromEntries([...given].map(([key, { value }]) => [key, value])),
  )
  if (read.success) return read.data
  throw new CommandError(read.error.issues.map((issue) => complaint(issue, given)).join('\n'))
}

function find(
  key: string,
  schema: z.ZodObject,
  command: Command,
  io: Io,
  section: Section,
  file: string,
): Given | undefined {
  // A flag that has a `--no-` twin is true by default for commander: only what was typed counts.
  if (command.getOptionValueSource(key) === 'cli') {
    return { value: command.getOptionValue(key), from: flagOf(key) }
  }
  const meta = metaOf(schema.shape[key] as z.ZodType)
  const variables = meta === undefined ? [] : variablesOf(namesOf(command), key, meta)
  // An empty variable is none.
  const from = variables.find((name) => (io.env[name] ?? '') !== '')
  if (from !== undefined) return { value: io.env[from], from }
  if (!Object.hasOwn(section, key)) return undefined
  return { value: section[key], from: `${file}: ${namesOf(command).join('.')}.${key}` }
}

/** The names of a command: `vm ls` has two, as it is a part of `vm`. */
function namesOf(command: Command): readonly string[] {
  const { parent } = command
  return parent === null || parent.parent === null
    ? [command.name()]
    : [...namesOf(parent), command.name()]
}

/** A command's section; that of `vm ls` lies in that of `vm`. */
function readSection(file: string, command: Command): Section {
  const config = readJson(file)
  const names = namesOf(command)
  const known = [...COMMAND_NAMES, names[0]]
  const unknown = Object.keys(config).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new CommandError(
      `${file}: ${unknown} is not a command; the sections are ${COMMAND_NAMES.join(', ')}.`,
    )
  }
  return names.reduce((section: Section, name, at) => {
    const inner = section[name] ?? {}
    if (isSection(inner)) return inner
    throw new CommandError(`${file}: ${names.slice(0, at + 1).join('.')} is not an object.`)
  }, config)
}

function readJson(file: string): Section {
  let config: unknown
  try {
    config = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new CommandError(`--config ${file}: ${error instanceof Error ? error.message : ''}`)
  }
  if (isSection(config)) return config
  throw new CommandError(`--config ${file}: a JSON object was expected.`)
}

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Values whose text an error may repeat. */
function complaint(issue: z.core.$ZodIssue, given: ReadonlyMap<string, Given>): string {
  const key = String(issue.path[0] ?? '')
  const found = given.get(key)
  if (found === undefined) return `${flagOf(key)} is missing: ${issue.message}`
  const isSecret = key === 'token'
  const value = isSecret ? '' : ` ${JSON.stringify(found.value)?.slice(0, 80)}`
  return `${found.from}${value}: expected ${issue.message}`
}
