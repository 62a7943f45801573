/** Numbers as people read them. */

const PAGE_BYTES = 65_536
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** @param {number} value */
export const count = (value) => value.toLocaleString('en-US')

/**
 * 1,234,567 as 1.23 M.
 * @param {number} value
 */
export function short(value) {
  if (value < 10_000) return count(Math.round(value))
  const [by, unit] = value < 1e6 ? [1e3, 'k'] : value < 1e9 ? [1e6, 'M'] : [1e9, 'G']
  return `${(value / Number(by)).toPrecision(3)} ${unit}`
}

/** @param {number} value */
export function bytes(value) {
  let unit = 0
  let left = value
  while (left >= 1024 && unit < UNITS.length - 1) {
    left /= 1024
    unit++
  }
  return `${Number.isInteger(left) ? left : left.toFixed(left < 10 ? 2 : 1)} ${UNITS[unit]}`
}

/** @param {number} pages */
export const pages = (pages) => bytes(pages * PAGE_BYTES)

/** @param {number} value */
export const hex = (value) => `0x${value.toString(16)}`

/**
 * The GPA of a GFN: past 2^53 a number would not do.
 * @param {number} gfn
 */
export const gpaOf = (gfn) => `0x${(BigInt(gfn) * BigInt(PAGE_BYTES)).toString(16)}`

/**
 * @param {number} part
 * @param {number} whole
 */
export function share(part, whole) {
  if (whole === 0 || part === 0) return '0 %'
  if (part < whole && part / whole > 0.999) return '> 99.9 %'
  const percent = (100 * part) / whole
  return `${percent < 0.1 ? '< 0.1' : percent.toFixed(percent < 10 || percent > 99 ? 1 : 0).replace('100.0', '100')} %`
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`
  if (ms < 1000) return `${ms.toPrecision(3)} ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/**
 * @param {string} text a number, decimal or hexadecimal with 0x
 * @returns {number | undefined}
 */
export function parseNumber(text) {
  const trimmed = text.trim()
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(trimmed)) return undefined
  const value = Number(trimmed)
  return Number.isSafeInteger(value) ? value : undefined
}

const SIZES = { '': 1, b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 }

/**
 * `2 GiB`, `64MiB`, `0x10000`
 * @param {string} text
 * @returns {number | undefined} bytes
 */
export function parseSize(text) {
  const plain = parseNumber(text)
  if (plain !== undefined) return plain
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const by = /** @type {Record<string, number>} */ (SIZES)[(unit ?? '').toLowerCase()]
  if (digits === undefined || by === undefined) return undefined
  const value = Number(digits) * by
  return Number.isSafeInteger(value) ? value : undefined
}
