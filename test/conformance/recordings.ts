/** Where the recordings of the real code lie. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The nearest folder above this file that holds a package.json, from the sources and from dist alike. */
function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** `../shared/traces`, seen from the repository. */
export const recordingsFolder = (): string => join(repositoryRoot(), '..', 'shared', 'traces')

/** The recording files of a folder whose names begin with `prefix`; `undefined` without the folder. */
export function recordingsIn(folder: string, prefix = ''): readonly string[] | undefined {
  if (!existsSync(folder)) return undefined
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
  return names
    .filter((name) => name.startsWith(prefix))
    .sort()
    .map((name) => join(folder, name))
}
