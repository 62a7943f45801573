/** What is said about a message that does not fit: the field, what is wrong with it, what would fit. */
import type { ErrorData } from '../../schemas/messages.ts'
import type { Unfit } from '../../schemas/method.ts'

/** Characters of somebody else's text that an error repeats. */
const ECHO_CHARS_MAX = 64

/** A text to repeat in an error, cut when it is long. */
export const shortText = (text: string): string =>
  text.length <= ECHO_CHARS_MAX ? text : `${text.slice(0, ECHO_CHARS_MAX)}…`

/** The value at a path; undefined when there is none. Only own members count. */
function valueAt(item: unknown, path: readonly PropertyKey[]): unknown {
  let value = item
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

const echoOf = (value: unknown): ErrorData => {
  if (typeof value === 'string') return { value: shortText(value) }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return { value }
  return {}
}

/** `{path, reason, value?, expected}` of a message that does not fit. */
export function faultData(item: unknown, unfit: Unfit): ErrorData {
  const [extra] = unfit.unknown ?? []
  const { expected } = unfit
  const keys = extra === undefined ? unfit.path : [...unfit.path, extra]
  const path = keys.map((key) => shortText(String(key))).join('.')
  if (extra !== undefined) return { path, reason: 'unknown', expected }
  const value = valueAt(item, keys)
  if (value === undefined) return { path, reason: 'missing', expected }
  return { path, reason: 'invalid', ...echoOf(value), expected }
}
