/**
 * Charts as HTML without a script: the drawing is stretched to whatever room there is, the labels
 * beside it are text that keeps its size.
 */

/** A label at some part of an axis, 0 to 1. */
export interface Tick {
  readonly at: number
  readonly text: string
}

export interface Line {
  readonly name: string
  /** Which colour of the page's list; undefined: that of axes, for what is only context. */
  readonly colour: number | undefined
  /** Both 0 to 1, from the lower left corner; ascending. */
  readonly points: readonly (readonly [number, number])[]
  /** Filled down to here; undefined is a line. As long as `points`. */
  readonly base?: readonly number[]
}

export interface Chart {
  readonly title: string
  /** One sentence below the title. */
  readonly text: string
  /** What the axes show, with their units. */
  readonly xName: string
  readonly yName: string
  readonly x: readonly Tick[]
  readonly y: readonly Tick[]
  readonly lines: readonly Line[]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for HTML, in elements and attributes. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)

const SIDE = 1_000
const scaled = (value: number): string => (value * SIDE).toFixed(1)

export function chartHtml(chart: Chart): string {
  const { title, text, xName, yName, x, y, lines } = chart
  const grid = y.map(({ at }) => `<path class="grid" d="M0 ${scaled(1 - at)}H${SIDE}"/>`).join('')
  const label = `${title}: ${lines.map(({ name }) => name).join(', ')}`
  const drawing = `<svg viewBox="0 0 ${SIDE} ${SIDE}" preserveAspectRatio="none" role="img" aria-label="${escaped(label)}">${grid}${lines.map(pathOf).join('')}</svg>`
  const ys = y.map(
    ({ at, text: tick }) => `<span style="bottom:${percent(at)}">${escaped(tick)}</span>`,
  )
  const xs = x.map(
    ({ at, text: tick }) => `<span style="left:${percent(at)}">${escaped(tick)}</span>`,
  )
  return `<figure>
<figcaption><b>${escaped(title)}</b> ${escaped(text)}</figcaption>
<p class="legend">${lines.map(legendOf).join(' ')}</p>
<p class="axis">${escaped(yName)}</p>
<div class="plot"><div class="y">${ys.join('')}</div><div class="drawing">${drawing}</div><div class="x">${xs.join('')}</div></div>
<p class="axis right">${escaped(xName)}</p>
</figure>`
}

const percent = (at: number): string => `${(at * 100).toFixed(2)}%`
const classOf = (colour: number | undefined): string =>
  colour === undefined ? 'context' : `c${colour}`

const legendOf = ({ name, colour }: Line): string =>
  `<span><i class="${classOf(colour)}"></i>${escaped(name)}</span>`

function pathOf({ points, base, colour }: Line): string {
  if (points.length === 0) return ''
  const along = points.map(([px, py]) => `${scaled(px)} ${scaled(1 - py)}`)
  if (base === undefined) return `<path class="line ${classOf(colour)}" d="M${along.join('L')}"/>`
  const back = points.map(([px], i) => `${scaled(px)} ${scaled(1 - (base[i] ?? 0))}`).toReversed()
  return `<path class="area ${classOf(colour)}" d="M${along.join('L')}L${back.join('L')}Z"/>`
}

/** A scale from 0 to a round number at or above `max`. */
export function linearScale(max: number): {
  readonly end: number
  readonly ticks: readonly Tick[]
} {
  const rough = Math.max(max, 1e-9) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power
  const count = Math.max(1, Math.ceil(max / step - 1e-9))
  const end = step * count
  const ticks = Array.from({ length: count + 1 }, (_, i) => ({
    at: (i * step) / end,
    text: numberText(i * step),
  }))
  return { end, ticks }
}

/** A logarithmic scale of whole powers of ten around two values, both above 0. */
export function logScale(
  min: number,
  max: number,
  textOf: (value: number) => string,
): { readonly at: (value: number) => number; readonly ticks: readonly Tick[] } {
  const low = Math.floor(Math.log10(min) + 1e-9)
  const high = Math.max(low + 1, Math.ceil(Math.log10(max) - 1e-9))
  const at = (value: number): number =>
    Math.min(1, Math.max(0, (Math.log10(Math.max(value, 1e-9)) - low) / (high - low)))
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => ({
    at: i / (high - low),
    text: textOf(10 ** (low + i)),
  }))
  return { at, ticks }
}

/** `1,500`, `0.5`. */
function numberText(value: number): string {
  const rounded = Number(value.toPrecision(6))
  return rounded.toLocaleString('en')
}
