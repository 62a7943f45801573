/** What may not be written. */
import { isIn, type Rule } from './rule.ts'
import { codeOf, type Source } from './sources.ts'

/** Lines of code, comments and strings left out, that match. */
function codeLines({ path, text }: Source, pattern: RegExp, why: string): readonly string[] {
  return codeOf(text)
    .split('\n')
    .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${why}`] : []))
}

export const noDefaultExport: Rule = (source) =>
  codeLines(source, /\bexport default\b/, 'a default export')

export const noEnum: Rule = (source) =>
  codeLines(source, /^\s*(export )?(const )?enum\s+\w/, 'an enum')

export const noAny: Rule = (source) =>
  codeLines(source, /(?::|<|\bas|\||&|,)\s*any\b(?!\s*[:(])/, 'the type any')

const BRANDS = 'Gpa|Gfn|Ra|Frame|DevicePfn|Lpid|SlotId'
const BRAND_CAST = new RegExp(`\\bas (?:unknown as )?(?:${BRANDS})\\b`)

export const brandsAreMadeInAbi: Rule = (source) => {
  const { path } = source
  if (isIn(path, 'src/abi') || path.startsWith('test/')) return []
  return codeLines(source, BRAND_CAST, 'a cast to a brand outside src/abi').filter(
    (found) => !/^\s*import\b|^\s*type\b/.test(lineOf(source, found)),
  )
}

const lineOf = ({ text }: Source, found: string): string =>
  text.split('\n')[Number(found.split(':')[1]) - 1] ?? ''

const UNFINISHED = /\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b/

export const nothingIsLeftToDo: Rule = ({ path, text }) =>
  text
    .split('\n')
    .flatMap((line, i) => (UNFINISHED.test(line) ? [`${path}:${i + 1}: something left to do`] : []))

export const testsAreNotPassedOver: Rule = (source) => {
  if (!source.path.startsWith('test/')) return []
  return codeLines(source, /\bt\.(skip|only|pass|todo)\(/, 'a test that is passed over')
}

export const testsAssertSomething: Rule = ({ path, text }) =>
  path.endsWith('.test.ts') &&
  !/\bt\.(equal|same|ok|notOk|match|not|notMatch|throws|rejects|strictSame|has)\(|check[A-Z]\w*\(t\b/.test(
    text,
  )
    ? [`${path}: no assertion`]
    : []

export const namesAreKebabCase: Rule = ({ path }) => {
  const bad = path.split('/').filter((part) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(part))
  return bad.map((part) => `${path}: ${part} is not in kebab-case`)
}
