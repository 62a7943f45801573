/** What one measurement is, and how it is told. */

export interface Row {
  readonly id: string
  readonly value: number
  readonly unit: string
  /** The same work with no emulator in it, or the figure that was promised. */
  readonly floor: number
  /** How value and floor compare: 1 is as good as the floor, for rates; below 1 is better, for costs. */
  readonly ratio: number
  /** What the floor is. */
  readonly against: string
}

export interface Bench {
  readonly ids: readonly string[]
  /** One sentence: what is measured. */
  readonly what: string
  readonly run: () => Promise<readonly Row[]>
}

export const row = (
  id: string,
  value: number,
  unit: string,
  floor: number,
  against: string,
): Row => ({ id, value, unit, floor, ratio: floor === 0 ? 0 : value / floor, against })

/** Microseconds of processor time that `work` takes, and what it returns. */
export function cpuOf<T>(work: () => T): { us: number; result: T } {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { us: user + system, result }
}

/** The smallest of several measurements: what is left when nobody else uses the machine. */
export function best(times: number, measure: () => number): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) least = Math.min(least, measure())
  return least
}

const digits = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)

export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ id, value, unit, floor, ratio, against }) => [
    id,
    `${digits(value)} ${unit}`,
    `${digits(floor)} ${unit}`,
    ratio.toFixed(2),
    against,
  ])
  const head = ['id', 'value', 'floor', 'ratio', 'floor is']
  const widths = head.map((name, i) =>
    Math.max(name.length, ...cells.map((line) => line[i]?.length ?? 0)),
  )
  const line = (parts: readonly string[]): string =>
    parts
      .map((part, i) => part.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), ...cells.map(line)].join('\n')
}
