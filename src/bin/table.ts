/** Rows of text in columns, for people; programs take `--json`. */

export interface Column {
  readonly title: string
  /** Numbers stand at the right. */
  readonly right?: boolean
  /** Characters at least: for tables that come in several pieces. */
  readonly width?: number
}

type Row = readonly (string | number)[]

/** Two spaces between columns, none at the end of a line. */
export function tableText(columns: readonly Column[], rows: readonly Row[]): string {
  return [headText(columns, rows), rowsText(columns, rows)].join('')
}

/** The titles alone. */
export const headText = (columns: readonly Column[], rows: readonly Row[] = []): string =>
  lineOf(
    columns,
    widthsOf(columns, rows),
    columns.map(({ title }) => title),
  )

/** The rows alone. */
export function rowsText(columns: readonly Column[], rows: readonly Row[]): string {
  const widths = widthsOf(columns, rows)
  return rows.map((row) => lineOf(columns, widths, row)).join('')
}

function widthsOf(columns: readonly Column[], rows: readonly Row[]): readonly number[] {
  return columns.map(({ title, width = 0 }, at) =>
    rows.reduce(
      (most, row) => Math.max(most, String(row[at] ?? '').length),
      Math.max(title.length, width),
    ),
  )
}

function lineOf(columns: readonly Column[], widths: readonly number[], row: Row): string {
  const cells = columns.map(({ right }, at) => {
    const text = String(row[at] ?? '')
    const width = widths[at] ?? 0
    return right === true ? text.padStart(width) : text.padEnd(width)
  })
  return `${cells.join('  ').trimEnd()}\n`
}

/** Names and values, one a line. */
export function factsText(facts: readonly (readonly [string, string | number])[]): string {
  const width = facts.reduce((most, [name]) => Math.max(most, name.length), 0)
  return facts.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${value}\n`).join('')
}
