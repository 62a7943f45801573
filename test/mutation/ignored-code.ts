/**
 * What is not worth changing, as a plugin of Stryker: conditions and texts of our own mistakes
 * (src/lib/assert.ts). They never happen, so no test can notice.
 */

interface Node {
  readonly type: string
  readonly callee?: { readonly name?: string }
  /** Of a case of a switch: null is the default. */
  readonly test?: object | null
  readonly consequent?: readonly Statement[]
}

/** A call on its own, or one that is returned. */
interface Statement {
  readonly expression?: Node
  readonly argument?: Node | null
}

interface Path {
  readonly node: Node
  readonly parent?: Node
  /** Under which name, or in which list, the parent holds it. */
  readonly listKey?: string
}

const CHECKS = ['invariant', 'unreachable']
const NAMERS = ['present', 'InvariantError']
const TEXTS = ['StringLiteral', 'TemplateLiteral']

/** Why it is left alone; undefined when it is not. */
export function shouldIgnore({ node, parent, listKey }: Path): string | undefined {
  if (node.type === 'SwitchCase' && node.test === null && isUnreachable(node)) {
    return 'a check of what never happens'
  }
  if (listKey !== 'arguments') return undefined
  const name = parent?.callee?.name ?? ''
  if (CHECKS.includes(name)) return 'a check of what never happens'
  if (NAMERS.includes(name) && TEXTS.includes(node.type)) {
    return 'the text of a mistake that never happens'
  }
  return undefined
}

/** Whether a case has only the call that says that nobody comes there. */
function isUnreachable({ consequent = [] }: Node): boolean {
  const [only, ...others] = consequent
  const name = (only?.expression ?? only?.argument)?.callee?.name
  return others.length === 0 && name === 'unreachable'
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'own-mistakes', value: { shouldIgnore } }]
