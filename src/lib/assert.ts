/** Checks that only our own mistakes can fail. */

/** We are wrong: a rule that the code itself guarantees did not hold. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws when `condition` does not hold; `why` says what should have held. */
export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new InvariantError(why)
}

/** The end of an exhaustive switch: compiles only when no case is left. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`)
}

/** A value that must be there. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new InvariantError(`missing: ${what}`)
  return value
}
