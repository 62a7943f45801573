/** A part of a text that a program writes, between two marks that a reader does not see. */

export const marksOf = (name: string): readonly [begin: string, end: string] => [
  `<!-- ${name}:begin -->`,
  `<!-- ${name}:end -->`,
]

/** Where the part begins and ends; undefined when a mark is missing. */
function placeOf(text: string, name: string): readonly [number, number] | undefined {
  const [begin, end] = marksOf(name)
  const [first, last] = [text.indexOf(begin), text.indexOf(end)]
  return first < 0 || last < first ? undefined : [first + begin.length, last]
}

/** What stands between the marks of `name`; undefined when one is missing. */
export function partOf(text: string, name: string): string | undefined {
  const place = placeOf(text, name)
  return place === undefined ? undefined : text.slice(...place).trim()
}

/** The text with something else between the marks, which it has. */
export function withPart(text: string, name: string, part: string): string {
  const [start = 0, end = 0] = placeOf(text, name) ?? []
  return `${text.slice(0, start)}\n${part}\n${text.slice(end)}`
}
