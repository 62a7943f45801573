/** The project's own files, as the tests that police it see them. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

export interface Source {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

/** What git tracks, and what it would: new files count before their first commit. */
function listFiles(): readonly string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0')
  return [...new Set(listed)].filter((path) => path !== '' && existsSync(join(ROOT, path)))
}

export const readSource = (path: string): Source => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
})

const BINARY = /\.(png|jpg|ico|gz|bin|wasm|woff2?)$/

/** Every text file. */
export const allFiles = (): readonly Source[] =>
  listFiles()
    .filter((path) => !BINARY.test(path))
    .map(readSource)

/** The TypeScript files of the product and of its tests. */
export const typescriptFiles = (): readonly Source[] =>
  allFiles().filter(({ path }) => /^(src|schemas|test)\/.*\.ts$/.test(path))

/** The text without comments, strings and templates; lines stay where they are. */
export function codeOf(text: string): string {
  const blank = (found: string): string => found.replaceAll(/[^\n]/g, ' ')
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[=(,:?!&|]\s*)\/(?![*/])(?:\[(?:[^\]\\\n]|\\.)*\]|[^/\\\n[]|\\.)+\/[a-z]*/g
  return text.replaceAll(token, blank)
}
