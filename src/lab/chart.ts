/** A line chart with two logarithmic axes, as SVG: for a page, or as a file of its own. */
import { COLOURS, PARTS } from './chart-style.ts'

export interface Line {
  readonly name: string
  /** Which of the page's colours. */
  readonly colour: number
  /** Both above 0. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  readonly title: string
  readonly xName: string
  readonly lines: readonly Line[]
  readonly sayX: (x: number) => string
  readonly sayY: (y: number) => string
}

const [WIDTH, HEIGHT] = [760, 380]
const PLOT = { left: 74, right: 210, top: 14, bottom: 44 }
/** Distance that two labels keep, in pixels. */
const LABEL_GAP = 17

/** Powers of ten from the one at or below `low` to the one at or above `high`. */
function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9)
  const last = Math.max(Math.ceil(Math.log10(high) - 1e-9), first + 1)
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
}

/** Lines that lie on each other become one, with all their names. */
function joinEqual(lines: readonly Line[]): Line[] {
  const joined: Line[] = []
  for (const line of lines) {
    const at = joined.findIndex((each) => String(each.points) === String(line.points))
    const same = joined[at]
    if (same === undefined) joined.push(line)
    else joined[at] = { ...same, name: `${same.name}, ${line.name}` }
  }
  return joined
}

export const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

type Scale = (value: number) => number

function scaleOf(ticks: readonly number[], from: number, to: number): Scale {
  const low = Math.log10(ticks[0] ?? 1)
  const high = Math.log10(ticks.at(-1) ?? 10)
  return (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
}

/** A figure for a page whose style has the colours; empty without points. */
export function drawChart(chart: Chart): string {
  const drawn = draw(chart)
  if (drawn === '') return ''
  const title = escapeText(chart.title)
  return [
    `<figure><figcaption>${title}</figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">`,
    drawn,
    '</svg></figure>',
  ].join('\n')
}

/** Height of the title that a chart on its own has. */
const TITLE = 34

/** An SVG file that needs no page around it, readable in light and dark. */
export function drawAlone(chart: Chart): string {
  const title = escapeText(chart.title)
  const height = HEIGHT + TITLE
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif">`,
    `<title>${title}</title>`,
    `<style>${COLOURS}\n${PARTS}</style>`,
    `<rect width="${WIDTH}" height="${height}" fill="var(--bg)"/>`,
    `<text x="16" y="24" font-size="15" font-weight="600" fill="var(--fg)">${title}</text>`,
    `<g transform="translate(0 ${TITLE})">`,
    draw(chart),
    '</g></svg>\n',
  ].join('\n')
}

function draw({ xName, lines, sayX, sayY }: Chart): string {
  const points = lines.flatMap((line) => line.points)
  if (points.length === 0) return ''
  const xs = decades(Math.min(...points.map(([x]) => x)), Math.max(...points.map(([x]) => x)))
  const ys = decades(Math.min(...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y)))
  const x = scaleOf(xs, PLOT.left, WIDTH - PLOT.right)
  const y = scaleOf(ys, HEIGHT - PLOT.bottom, PLOT.top)
  const joined = joinEqual(lines)
  return [
    ...xs.map((tick) => gridX(x(tick), sayX(tick))),
    ...ys.map((tick) => gridY(y(tick), sayY(tick))),
    `<text class="axis" x="${(PLOT.left + WIDTH - PLOT.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeText(xName)}</text>`,
    ...joined.map((line) => drawLine(line, x, y)),
    ...drawLabels(joined, x, y),
  ].join('\n')
}

const gridX = (x: number, text: string): string =>
  `<line class="grid" x1="${r(x)}" x2="${r(x)}" y1="${PLOT.top}" y2="${HEIGHT - PLOT.bottom}"/>` +
  `<text class="tick" x="${r(x)}" y="${HEIGHT - PLOT.bottom + 17}" text-anchor="middle">${escapeText(text)}</text>`

const gridY = (y: number, text: string): string =>
  `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${r(y)}" y2="${r(y)}"/>` +
  `<text class="tick" x="${PLOT.left - 8}" y="${r(y + 4)}" text-anchor="end">${escapeText(text)}</text>`

const r = (value: number): string => value.toFixed(1)

function drawLine({ name, colour, points }: Line, x: Scale, y: Scale): string {
  const path = points.map(([px, py], n) => `${n === 0 ? 'M' : 'L'}${r(x(px))} ${r(y(py))}`).join('')
  const dots = points.map(([px, py]) => `<circle cx="${r(x(px))}" cy="${r(y(py))}" r="3"/>`)
  return `<g class="line c${colour}"><title>${escapeText(name)}</title><path d="${path}"/>${dots.join('')}</g>`
}

/** Each line's name at its end; names that would cover each other move apart. */
function drawLabels(lines: readonly Line[], x: Scale, y: Scale): string[] {
  const labels = lines.map(({ name, colour, points }) => {
    const [px, py] = points.at(-1) ?? [1, 1]
    const rows = wrap(name, 26)
    return { colour, rows, x: x(px) + 10, y: y(py) + 4 }
  })
  labels.sort((a, b) => a.y - b.y)
  let free = 0
  return labels.map((label) => {
    const top = Math.max(label.y, free)
    free = top + label.rows.length * 14 + LABEL_GAP - 14
    const spans = label.rows.map(
      (row, n) => `<tspan x="${r(label.x)}" dy="${n === 0 ? 0 : 14}">${escapeText(row)}</tspan>`,
    )
    return `<text class="label c${label.colour}" y="${r(top)}">${spans.join('')}</text>`
  })
}

/** Names with commas, in rows of so many characters. */
function wrap(text: string, most: number): string[] {
  const rows: string[] = []
  for (const part of text.split(', ')) {
    const last = rows.at(-1)
    if (last !== undefined && last.length + part.length + 2 <= most) {
      rows[rows.length - 1] = `${last}, ${part}`
    } else rows.push(part)
  }
  return rows
}
