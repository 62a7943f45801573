/** The files of the working tree that patterns with a star stand for, each once, in the patterns' order. */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

function isAlike(pattern: string, path: string): boolean {
  const [before = '', after] = pattern.split('*')
  if (after === undefined) return path === pattern
  return path.startsWith(before) && path.endsWith(after)
}

const filesUnder = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

/** Patterns are without the ending or with it; a star is any part of a path. */
export function globFiles(patterns: readonly string[], ending: string): readonly string[] {
  const found = patterns.flatMap((pattern) => {
    const whole = pattern.endsWith(ending) ? pattern : `${pattern}${ending}`
    return filesUnder(dirname(pattern.split('*')[0] ?? '')).filter((path) => isAlike(whole, path))
  })
  return [...new Set(found)]
}
