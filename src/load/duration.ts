/** Durations as people write them. */
const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of `20ms`, `1.5s`, `10m`; a number alone is seconds. NaN when it is no duration. */
export function parseDuration(text: string): number {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,6})?)(us|ms|s|m|h)?$/.exec(text.trim()) ?? []
  return Number(count) * (UNIT_MS[unit ?? 's'] ?? Number.NaN)
}

/** `870 µs`, `12.3 ms`, `1.25 s`: three digits that count. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return '-'
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`
  if (ms < 1_000) return `${threeDigits(ms)} ms`
  return `${threeDigits(ms / 1_000)} s`
}

const threeDigits = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2)
