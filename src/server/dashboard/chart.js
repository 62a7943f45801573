/** A small chart on a canvas: lines or stacked areas over the last minutes. */
import { el, fill } from './dom.js'
import { byTheme } from './map-colours.js'
import { theme } from './theme.js'

/** Points of a chart: two minutes. */
export const POINTS = 120

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {(colours: ReturnType<typeof byTheme>) => string} colour
 */

export class Chart {
  box
  #canvas = el('canvas', { role: 'img' })
  #now = el('p', { class: 'muted number' })
  #series
  #stacked
  #format
  /** Oldest first. @type {(readonly number[])[]} */
  #points = []
  #title

  /**
   * @param {string} title
   * @param {readonly Series[]} series
   * @param {(value: number) => string} format
   * @param {boolean} [stacked]
   */
  constructor(title, series, format, stacked = false) {
    this.#title = title
    this.#series = series
    this.#format = format
    this.#stacked = stacked
    this.#canvas.setAttribute('aria-label', title)
    this.box = el('div', { class: 'card chart' }, el('h3', {}, title), this.#now, this.#canvas)
    new ResizeObserver(() => this.draw()).observe(this.#canvas)
    theme.watch(() => this.draw())
  }

  /**
   * Another second; one value for each series.
   * @param {readonly number[]} values
   */
  add(values) {
    this.#points.push(values)
    if (this.#points.length > POINTS) this.#points.shift()
    const text = this.#series.map(({ label }, i) => `${label} ${this.#format(values[i] ?? 0)}`)
    fill(this.#now, text.join(' · '))
    this.#canvas.setAttribute(
      'aria-label',
      `${this.#title}, the last two minutes. Now: ${text.join(', ')}`,
    )
    this.draw()
  }

  clear() {
    this.#points = []
    fill(this.#now)
    this.draw()
  }

  draw() {
    const ratio = Math.max(1, devicePixelRatio)
    const width = Math.round(this.#canvas.clientWidth * ratio)
    const height = Math.round(this.#canvas.clientHeight * ratio)
    if (width === 0 || height === 0) return
    this.#canvas.width = width
    this.#canvas.height = height
    const context = this.#canvas.getContext('2d')
    if (context === null) return
    const colours = byTheme()
    const top = this.#top()
    this.#drawFrame(context, width, height, ratio, top, colours)
    const inner = height - 14 * ratio
    if (this.#stacked) this.#drawAreas(context, width, inner, top, colours)
    else this.#drawLines(context, width, inner, top, ratio, colours)
  }

  /** The highest value, rounded up to one that reads well. */
  #top() {
    const highest = this.#points.reduce((most, values) => {
      const here = this.#stacked ? values.reduce((sum, each) => sum + each, 0) : Math.max(...values)
      return Math.max(most, here)
    }, 0)
    if (this.#stacked) return highest || 1
    const digit = 10 ** Math.floor(Math.log10(highest || 1))
    return [1, 2, 5, 10].map((by) => by * digit).find((each) => each >= highest) ?? 1
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   * @param {number} ratio
   * @param {number} top
   * @param {ReturnType<typeof byTheme>} colours
   */
  #drawFrame(context, width, height, ratio, top, colours) {
    context.font = `${11 * ratio}px system-ui, sans-serif`
    context.fillStyle = colours.muted
    if (this.#points.length === 0) {
      context.textAlign = 'center'
      context.fillText('waiting for something to happen', width / 2, height / 2)
      return
    }
    context.strokeStyle = colours.line
    context.lineWidth = ratio
    const inner = height - 14 * ratio
    for (const part of [0, 0.5, 1]) {
      const y = Math.round(inner * part) + (part === 0 ? 0.5 : -0.5) * ratio
      context.beginPath()
      context.moveTo(0, y)
      context.lineTo(width, y)
      context.stroke()
    }
    context.textAlign = 'left'
    context.fillText('2 min ago', 0, height - 2 * ratio)
    context.textAlign = 'right'
    context.fillText('now', width, height - 2 * ratio)
    if (!this.#stacked) context.fillText(this.#format(top), width - 3 * ratio, 12 * ratio)
  }

  /**
   * @param {number} i
   * @param {number} width
   */
  #x(i, width) {
    return width * (1 - (this.#points.length - 1 - i) / (POINTS - 1))
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   * @param {number} top
   * @param {number} ratio
   * @param {ReturnType<typeof byTheme>} colours
   */
  #drawLines(context, width, height, top, ratio, colours) {
    context.lineWidth = 1.75 * ratio
    context.lineJoin = 'round'
    this.#series.forEach(({ colour }, s) => {
      context.strokeStyle = colour(colours)
      context.beginPath()
      this.#points.forEach((values, i) => {
        const y = height - (height - ratio) * ((values[s] ?? 0) / top) - ratio
        context.lineTo(this.#x(i, width), y)
      })
      context.stroke()
    })
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   * @param {number} height
   * @param {number} top
   * @param {ReturnType<typeof byTheme>} colours
   */
  #drawAreas(context, width, height, top, colours) {
    const floor = this.#points.map(() => 0)
    this.#series.forEach(({ colour }, s) => {
      context.fillStyle = colour(colours)
      context.beginPath()
      const roof = this.#points.map((values, i) => (floor[i] ?? 0) + (values[s] ?? 0))
      roof.forEach((value, i) => {
        context.lineTo(this.#x(i, width), height * (1 - value / top))
      })
      for (let i = floor.length - 1; i >= 0; i--) {
        context.lineTo(this.#x(i, width), height * (1 - (floor[i] ?? 0) / top))
      }
      context.fill()
      roof.forEach((value, i) => {
        floor[i] = value
      })
    })
  }
}
