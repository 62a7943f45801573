/** Sizes as people write them. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}

/** Bytes of `8GiB`, `512M`, `65536`, `0x10000`; NaN when it is no size. */
export function parseSize(text: string): number {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text)
  const [, count, unit] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? []
  return Number(count) * (UNITS[(unit ?? '?').toLowerCase()] ?? Number.NaN)
}

const NAMES = ['', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `8GiB` for so many bytes: the biggest unit that leaves no rest, so that it reads back as it was. */
export function sizeText(bytes: number): string {
  let count = bytes
  let unit = 0
  while (count > 0 && count % 1_024 === 0 && unit < NAMES.length - 1) {
    count /= 1_024
    unit++
  }
  return `${count}${NAMES[unit] ?? ''}`
}
