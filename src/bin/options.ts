/**
 * The options of a command: flags, environment variables and a config file from one zod object.
 *
 * The key `poolPages` is the flag `--pool-pages`, the variable `UVMEM_POOL_PAGES` and the member
 * `poolPages` of the command's section in the config file. A flag beats a variable, a variable the
 * file, the file the default.
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
export const variableOf = (key: string): string =>
  `UVMEM_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** Adds a flag for every option of `schema` to a command, and `--config`. */
export function addOptions(command: Command, schema: z.ZodObject): Command {
  for (const [key, field] of Object.entries(schema.shape)) {
    const meta = metaOf(field as z.ZodType)
    if (meta === undefined || meta.secret) continue
    for (const each of flagsFor(key, meta)) command.addOption(each.helpGroup(meta.group))
  }
  const config = new Option('--config <file>', 'JSON file with a section for each command')
  return command.addOption(config.helpGroup('Options:'))
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
  const flags: Section = command.opts()
  const named = flags['config']
  const file = typeof named === 'string' ? named : io.env['UVMEM_CONFIG']
  const section = file === undefined ? {} : readSection(file, command)
  const unknown = Object.keys(section).find((key) => !Object.hasOwn(schema.shape, key))
  if (unknown !== undefined) {
    throw new CommandError(
      `${file ?? ''}: ${namesOf(command).join('.')}.${unknown} is not an option.`,
    )
  }
  const given = new Map<string, Given>()
  for (const key of Object.keys(schema.shape)) {
    const found = find(key, command, flags, io, section, file ?? '')
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
  command: Command,
  flags: Section,
  io: Io,
  section: Section,
  file: string,
): Given | undefined {
  // A flag that has a `--no-` twin is true by default for commander: only what was typed counts.
  if (command.getOptionValueSource(key) === 'cli') return { value: flags[key], from: flagOf(key) }
  const variable = variableOf(key)
  const fromEnv = io.env[variable]
  if (fromEnv !== undefined && fromEnv !== '') return { value: fromEnv, from: variable }
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
