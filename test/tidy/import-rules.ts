/** What may import what. */
import { dirname, join } from 'node:path'
import { isIn, type Rule } from './rule.ts'
import type { Source } from './sources.ts'

/** Folders by floor, ground first: a file imports from its own floor or a lower one. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/abi', 'src/lib', 'src/formats'],
  ['schemas', 'src/uvmem', 'src/ultravisor', 'src/guest'],
  ['src/hv', 'src/peer'],
  ['src/server', 'src/lab', 'src/load'],
  ['src/bin', 'src/index.ts'],
]

/** The two sides of the wire know nothing of each other. */
const STRANGERS: readonly (readonly [string, string])[] = [
  ['src/uvmem', 'src/ultravisor'],
  ['src/ultravisor', 'src/uvmem'],
]

/** Folders that work without Node.js. */
const PURE = ['src/abi', 'src/lib', 'src/formats', 'src/uvmem', 'src/ultravisor', 'src/guest']

const floorOf = (path: string): number =>
  FLOORS.findIndex((folders) => folders.some((folder) => isIn(path, folder)))

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** What a file imports, from `import`, `export ... from` and `import()`. */
function importsOf({ text }: Source): readonly { target: string; line: number }[] {
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|import\(\s*'([^']+)'|(?:^|\n)import\s+'([^']+)'/g,
  )
  return [...found].map((match) => ({
    target: match[1] ?? match[2] ?? match[3] ?? '',
    line: lineAt(text, match.index + match[0].length),
  }))
}

export const importsGoDown: Rule = (source) => {
  const { path } = source
  const own = floorOf(path)
  if (path.startsWith('test/')) return []
  if (own < 0) return [`${path}: lies on no floor`]
  return importsOf(source).flatMap(({ target, line }) => {
    if (!target.startsWith('.')) return []
    const to = join(dirname(path), target)
    const floor = floorOf(to)
    if (floor < 0) return [`${path}:${line}: imports ${to}, which lies on no floor`]
    if (floor > own) return [`${path}:${line}: imports upwards, ${to}`]
    const strangers = STRANGERS.some(([from, other]) => isIn(path, from) && isIn(to, other))
    return strangers ? [`${path}:${line}: imports the other side, ${to}`] : []
  })
}

export const pureFloorsStayPure: Rule = (source) => {
  if (!PURE.some((folder) => isIn(source.path, folder))) return []
  return importsOf(source)
    .filter(({ target }) => !target.startsWith('.'))
    .map(({ target, line }) => `${source.path}:${line}: imports ${target} into a pure floor`)
}

export const ownImportsEndInTs: Rule = (source) =>
  importsOf(source)
    .filter(({ target }) => target.startsWith('.') && !target.endsWith('.ts'))
    .map(({ target, line }) => `${source.path}:${line}: ${target} does not end in .ts`)
