/**
 * Kinds of options. Each is a zod schema that takes text (a flag, an environment variable) or a JSON
 * value (the config file) alike, and knows how it shows in `--help`.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseSize } from './size.ts'

/** How an option shows on the command line. */
export interface OptionMeta {
  /** `text` takes a value, `flag` none, `list` may be given many times. */
  readonly kind: 'text' | 'flag' | 'list'
  /** What stands for the value in `--help`. */
  readonly value: string
  /** What it does; the default is shown beside it. */
  readonly help: string
  readonly group: string
  /** One letter that stands for the flag: `f` for `-f`. */
  readonly short: string | undefined
  /** Shown in place of the default value. */
  readonly shownDefault: string | undefined
  /** A secret is taken from the environment and the config file, never from a flag. */
  readonly secret: boolean
  /**
   * Other commands mean something else by its name: only the variable with this command's name in it
   * is its own.
   */
  readonly own: boolean
}

const METAS = z.registry<OptionMeta>()

/** What `--help` needs to know; every option has it. */
export const metaOf = (schema: z.ZodType): OptionMeta | undefined => METAS.get(schema)

/** Marks a schema as an option. */
export function option<Schema extends z.ZodType>(
  schema: Schema,
  help: string,
  meta: Partial<OptionMeta> = {},
): Schema {
  METAS.add(schema, {
    kind: 'text',
    value: 'value',
    group: 'Options:',
    short: undefined,
    shownDefault: undefined,
    secret: false,
    own: false,
    ...meta,
    help,
  })
  return schema
}

/** Marks options whose names mean something else in other commands. */
export function own<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Shape {
  for (const schema of Object.values(shape)) {
    const meta = metaOf(schema)
    if (meta !== undefined) METAS.add(schema, { ...meta, own: true })
  }
  return shape
}

/** An integer, as a JSON number or as decimal text. */
export function integer(min: number, max: number, what: string) {
  const expected = `${what}: an integer ${min} to ${max}`
  return z
    .union([z.number(), z.string().regex(/^-?\d{1,16}$/, expected)], { error: expected })
    .transform(Number)
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, expected)
}

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
])

export function flag(what: string) {
  const expected = `${what}: true or false`
  return z.unknown().transform((value, context): boolean => {
    const given = FLAGS.get(value)
    if (given !== undefined) return given
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

export function text(what: string) {
  const expected = `${what}: text`
  return z.string({ error: expected }).min(1, expected)
}

export function oneOf<const Names extends readonly [string, ...string[]]>(
  names: Names,
  what: string,
) {
  return z.enum(names, { error: `${what}: one of ${names.join(', ')}` })
}

/** Several texts: repeated flags, an environment variable with semicolons, a JSON array. */
export function list(what: string) {
  const expected = `${what}: one or more texts`
  return z
    .union([z.string(), z.array(z.string(expected), expected)], { error: expected })
    .transform((value) => (typeof value === 'string' ? value.split(';') : value))
}

/** Pages: `8GiB`, `512MiB`, or a number of pages. */
export function pages(max: number, what: string) {
  const expected = `${what}: a size such as 8GiB, or a number of 64 KiB pages, ${max} at most`
  return z
    .union([z.number(), z.string()], { error: expected })
    .transform((value, context): number => {
      const isCount = typeof value === 'number' || /^\d+$/.test(value)
      const count = isCount ? Number(value) : parseSize(value) / 65_536
      if (Number.isInteger(count) && count >= 0 && count <= max) return count
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

/** A file that can be read and holds something; undefined for any other. */
function contentOf(path: string): string | undefined {
  try {
    const content = readFileSync(path, 'utf8').trim()
    return content === '' ? undefined : content
  } catch {
    // Whatever the reason: the path does not lead to a text.
    return undefined
  }
}

/** The text in a file, without the white space around it. */
export function fileText(what: string) {
  const expected = `${what}: the path of a file that can be read and is not empty`
  return text(what).transform((path, context): string => {
    const content = contentOf(path)
    if (content !== undefined) return content
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}

/** What `read` makes of the text in a file; it answers with a string when it cannot. */
export function fileOf<T extends object>(what: string, read: (content: string) => T | string) {
  return fileText(what).transform((content, context): T => {
    const made = read(content)
    if (typeof made !== 'string') return made
    context.addIssue({ code: 'custom', message: `${what}: ${made}` })
    return z.NEVER
  })
}

/** A PEM file with one or more certificates; its path as well, for processes that we start. */
export function certificateFile(what: string) {
  const expected = `${what}: the path of a PEM file with certificates`
  return text(what).transform((path, context): { path: string; pem: string } => {
    const pem = contentOf(path)
    if (pem?.includes('-----BEGIN CERTIFICATE-----') === true) return { path, pem }
    context.addIssue({ code: 'custom', message: expected })
    return z.NEVER
  })
}
