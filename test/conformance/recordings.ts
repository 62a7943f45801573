/** Where the recordings of the real code lie, and how a file of them is read. */
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
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

/** A file's lines that are not empty, one at a time: the file may be of any size. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const lines = createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  for await (const line of lines) if (line.trim() !== '') yield line
}
