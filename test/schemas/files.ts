/** Files of `schemas/`, read for a test. */
import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../schemas/', import.meta.url)

export const namesIn = (path: string): readonly string[] =>
  readdirSync(new URL(path, folder)).toSorted()

export const textOf = (path: string): string => readFileSync(new URL(path, folder), 'utf8')

/** The rows of the table under a heading of the README, each as its cells without backquotes. */
export function tableUnder(heading: string): readonly (readonly string[])[] {
  const [, after = ''] = textOf('README.md').split(`\n${heading}\n`)
  const [section = ''] = after.split(/\n#/)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim()),
    )
}
