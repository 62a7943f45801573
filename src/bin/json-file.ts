/** Reads a JSON file that an option names, and checks it. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { CommandError } from './io.ts'

/** Complaints that an error repeats. */
const complaintsMax = 5

/** Throws a CommandError that names what does not fit. */
export function readJsonFile<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  option: string,
): z.output<Schema> {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CommandError(`${option} ${path}: ${why}`)
  }
  const read = schema.safeParse(json)
  if (read.success) return read.data
  const complaints = read.error.issues
    .slice(0, complaintsMax)
    .map((issue) => `${option} ${path}: ${[...issue.path, issue.message].join(': ')}`)
  throw new CommandError(complaints.join('\n'))
}
