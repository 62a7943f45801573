/** The states of a frame, in the order of their two bits in the compact map. */

export const STATES = /** @type {const} */ (['normal', 'secure', 'paged_out', 'shared'])

/** @typedef {(typeof STATES)[number]} State */

export const STATE_LABELS = ['Normal', 'Secure', 'Paged out', 'Shared']

export const STATE_MEANINGS = [
  'belongs to the host, readable by it',
  'content lies in secure memory only',
  'secure, held as ciphertext in a normal frame',
  'clear text, seen by both sides',
]

const VARIABLES = ['--normal', '--secure', '--paged-out', '--shared']

/**
 * The colours of the theme: `rgb`, by state.
 * @returns {string[]}
 */
export function stateColours() {
  const style = getComputedStyle(document.documentElement)
  return VARIABLES.map((name) => style.getPropertyValue(name).trim())
}

/**
 * The same as words of little-endian pixels.
 * @returns {Uint32Array}
 */
export function statePixels() {
  return Uint32Array.from(stateColours(), pixelOf)
}

/** @param {string} colour `#rrggbb` */
export function pixelOf(colour) {
  const value = Number.parseInt(colour.slice(1), 16)
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255]
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0
}
