/** How long files and functions may be. */
import type { Rule } from './rule.ts'
import { codeOf } from './sources.ts'

const LINES_MAX = 300
/** Tables of cases may be longer. */
const TEST_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

export const filesAreShort: Rule = ({ path, text }) => {
  const lines = text.split('\n').length - 1
  const most = path.startsWith('test/') ? TEST_LINES_MAX : LINES_MAX
  return lines > most ? [`${path}: ${lines} lines, ${most} at most`] : []
}

const FUNCTION_START =
  /^(\s*)(?:export )?(?:default )?(?:(?:static |override |async |readonly |#)*)(?:function\*? ?\w*.*|(?:const|let) #?\w+[^\n]*=>|(?!if\b|for\b|while\b|switch\b|return\b|else\b|catch\b|do\b|try\b)#?\*?#?\w+\([^\n]*\)[^\n=;]*) ?\{$/

/** A function ends at the first line that closes its brace at the same depth of indentation. */
export const functionsAreShort: Rule = ({ path, text }) => {
  const lines = codeOf(text).split('\n')
  return lines.flatMap((line, start) => {
    const indent = FUNCTION_START.exec(line)?.[1]
    if (indent === undefined || /\b(describe|test)\(/.test(line)) return []
    const end = lines.findIndex((each, i) => i > start && each.startsWith(`${indent}}`))
    const count = end - start + 1
    return count > FUNCTION_LINES_MAX
      ? [`${path}:${start + 1}: a function of ${count} lines, ${FUNCTION_LINES_MAX} at most`]
      : []
  })
}
