/** The program's version, from its package.json: two folders up in the sources, three once built. */
import { readFileSync } from 'node:fs'

function versionAt(path: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
    return name === 'uvmem' && typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}

export const VERSION = versionAt('../../package.json') ?? versionAt('../../../package.json') ?? '?'
