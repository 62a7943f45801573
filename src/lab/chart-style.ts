/** Colours of the lab's charts, for light and dark, and the styles of their parts. */

/** Colours that lines have, by number. */
const LIGHT = '#c2410c #7c3aed #0f766e #be185d #1d4ed8 #4d7c0f #475569 #a16207'.split(' ')
const DARK = '#fb923c #b794f6 #4fd1c5 #f687b3 #7aa2f7 #a3d65c #94a3b8 #facc15'.split(' ')

const variables = (colours: readonly string[]): string =>
  colours.map((colour, i) => `--c${i}: ${colour};`).join(' ')

const LIGHT_ALL = `--bg: #fff; --fg: #1c2430; --soft: #5c6675; --line: #dfe3e8; ${variables(LIGHT)}`
const DARK_ALL = `--bg: #14181f; --fg: #e4e8ee; --soft: #9aa5b4; --line: #2c333e; ${variables(DARK)}`

/** Variables that the parts below need, by what the reader prefers. */
export const COLOURS = `:root { color-scheme: light dark; ${LIGHT_ALL} }
@media (prefers-color-scheme: dark) { :root { ${DARK_ALL} } }`

/** The parts of a chart. */
export const PARTS = [
  '.grid { stroke: var(--line); }',
  '.tick, .axis { fill: var(--soft); font-size: 12px; }',
  '.label { font-size: 12px; font-weight: 600; }',
  '.line path { fill: none; stroke-width: 2.5; }',
  ...LIGHT.map(
    (_, i) =>
      `.line.c${i} { stroke: var(--c${i}); fill: var(--c${i}); } .label.c${i} { fill: var(--c${i}); }`,
  ),
].join('\n')
