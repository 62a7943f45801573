/** Lists in the texts of a recording as numbers, each text read once: most of them come again. */

/** Texts whose numbers are remembered. */
const textsKeptMax = 65_536

/**
 * A reader of lists. `separators` parts the items, `wordOf` reads one; a plain number is a list of
 * itself, and an empty text is an empty list.
 */
export function listReader(
  separators: RegExp,
  wordOf: (item: string) => number,
): (value: string | number) => readonly number[] {
  const known = new Map<string, readonly number[]>()
  return (value) => {
    if (typeof value === 'number') return [value]
    if (value === '') return []
    const old = known.get(value)
    if (old !== undefined) return old
    const numbers = value.split(separators).map(wordOf)
    if (known.size >= textsKeptMax) known.clear()
    known.set(value, numbers)
    return numbers
  }
}
