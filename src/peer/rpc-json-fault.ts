/** What is said about a message that does not fit: the field, what is wrong with it, what would fit. */
import { LIMITS } from '../../schemas/limits.ts'
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

/** A message with more members somewhere than any may have, or with details of an error that are none. */
export interface Misshapen {
  readonly unfit: Unfit
  /** What is said about it besides. */
  readonly more: ErrorData
}

/**
 * Looks at an item as far as it costs next to nothing, so that the schemas, which say something about
 * each member that does not fit, never see many of them. Objects that are further inside are not of a
 * kind whose members the schemas go through.
 */
export function misshapen(item: Readonly<Record<string, unknown>>): Misshapen | undefined {
  const { error } = item
  const inside: readonly (readonly [readonly string[], unknown])[] = [
    [[], item],
    [['params'], item['params']],
    [['result'], item['result']],
    [['error'], error],
    [['error', 'data'], valueAt(error, ['data'])],
  ]
  for (const [path, object] of inside) {
    if (hasTooMany(object)) return tooMany(path)
  }
  const wrong = flatMisfit(valueAt(error, ['data']))
  if (wrong === undefined) return undefined
  const expected = 'a text, a number, true, false or null'
  return { unfit: { kind: 'unfit', path: ['error', 'data', wrong], expected }, more: {} }
}

const tooMany = (path: readonly string[]): Misshapen => ({
  unfit: { kind: 'unfit', path, expected: `at most ${LIMITS.membersMax} members` },
  more: { limit: 'membersMax', max: LIMITS.membersMax },
})

function hasTooMany(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  let members = 0
  for (const _ in value) if (++members > LIMITS.membersMax) return true
  return false
}

/** The first member of an error's data that is neither text nor number nor anything else that is flat. */
function flatMisfit(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined
  return Object.entries(data).find(([, value]) => typeof value === 'object' && value !== null)?.[0]
}
