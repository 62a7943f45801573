/** Files of `schemas/`, read from the sources or from what they were compiled to. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function rootAbove(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootAbove(dirname(folder))
}
const SCHEMAS = join(rootAbove(dirname(fileURLToPath(import.meta.url))), 'schemas')

/** A JSON document by its path in `schemas`. */
export const documentAt = (path: string): unknown =>
  JSON.parse(readFileSync(join(SCHEMAS, path), 'utf8'))
