/**
 * `npm run defects -- [ID] [--markdown] [--write FILE]`
 *
 * The known defects of the real code. Without an id: all of them, one line each; with one: what it
 * is and its story, under the real profile and with the defect mended. `--markdown` prints the
 * tables of the README, `--write` puts them between the markers of a file. Exit 0; 2 on bad usage.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import {
  BEGIN,
  betweenMarkers,
  END,
  listAll,
  tellMarkdown,
  tellOne,
  withFreshTables,
} from './tell.ts'

process.exitCode = run(process.argv.slice(2))

function run(args: string[]): number {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  const { values, positionals } = parsed
  if (values.write !== undefined) return write(values.write)
  if (values.markdown === true) return print([tellMarkdown()])
  if (positionals.length > 1) return refuse(`one id at a time; got ${positionals.join(' ')}`)
  const [id] = positionals
  if (id === undefined) return print(listAll())
  const told = tellOne(id)
  return told === undefined ? refuse(`no defect ${id}; there are:`, listAll()) : print(told)
}

function parse(args: string[]) {
  const options = { markdown: { type: 'boolean' }, write: { type: 'string' } } as const
  return parseArgs({ args, options, allowPositionals: true })
}

function write(file: string): number {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (betweenMarkers(text) === undefined) return refuse(`${file} has no ${BEGIN} … ${END}`)
  writeFileSync(file, withFreshTables(text))
  return 0
}

function print(lines: readonly string[]): number {
  console.log(lines.join('\n'))
  return 0
}

function refuse(why: string, lines: readonly string[] = []): number {
  console.error([why, ...lines.map((line) => `  ${line}`)].join('\n'))
  return 2
}
