/** The heat map of a VM's frames: a canvas that draws the model as the view says. */

import { MapBands } from './map-bands.js'
import { byTheme } from './map-colours.js'
import { MapGlow } from './map-glow.js'
import { MapView } from './map-view.js'

/** Pixels of a frame from which lines divide the frames. */
const GRID_SCALE = 9
/** Memory slots whose bounds are drawn. */
const BOUNDS_MAX = 128

export class HeatMap {
  view = new MapView()
  /** Frame under the pointer or the keys. @type {number | undefined} */
  cursor
  /** Frame that is looked at. @type {number | undefined} */
  chosen
  #model
  #canvas
  #context
  #bands = new MapBands()
  #glow = new MapGlow()
  #colours = byTheme()
  #drawing = false

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./frame-model.js').FrameModel} model
   */
  constructor(canvas, model) {
    this.#canvas = canvas
    this.#model = model
    const context = canvas.getContext('2d', { alpha: false })
    if (context === null) throw new Error('this browser draws no canvas')
    this.#context = context
  }

  /** Pixels of the canvas for one of the page. */
  get ratio() {
    return Math.max(1, Math.min(2, devicePixelRatio))
  }

  /** The canvas has another size, or the model other slots. */
  layout() {
    const { clientWidth, clientHeight } = this.#canvas
    this.#canvas.width = Math.max(1, Math.round(clientWidth * this.ratio))
    this.#canvas.height = Math.max(1, Math.round(clientHeight * this.ratio))
    const { columns, rows } = this.view
    this.view.resize(this.#model.frames, this.#canvas.width, this.#canvas.height)
    if (columns !== this.view.columns || rows !== this.view.rows) this.renew()
    this.draw()
  }

  /** The model is another one. */
  renew() {
    this.#glow.clear()
    this.#bands.reset(this.view.columns, this.view.rows)
    this.draw()
  }

  recolour() {
    this.#colours = byTheme()
    this.#bands.touchAll()
    this.draw()
  }

  /** @param {readonly import('./frame-model.js').Range[]} changes */
  changed(changes) {
    for (const { from, to } of changes) this.#bands.touch(from, to)
    this.#glow.add(changes, performance.now())
    this.draw()
  }

  /** Draws with the next picture of the screen. */
  draw() {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame((now) => {
      this.#drawing = false
      if (this.#paint(now)) this.draw()
    })
  }

  /**
   * @param {number} now
   * @returns {boolean} true when something still moves
   */
  #paint(now) {
    const context = this.#context
    const { view } = this
    context.fillStyle = this.#colours.ground
    context.fillRect(0, 0, view.width, view.height)
    if (this.#model.frames === 0) return false
    this.#bands.draw(context, view, this.#model.states, this.#colours.pixels)
    if (view.scale >= GRID_SCALE) this.#drawGrid()
    this.#drawBounds()
    const glows = this.#glow.draw(context, view, now, this.#colours.glow)
    this.#outline(this.chosen, this.#colours.glow, 5)
    this.#outline(this.chosen, this.#colours.accent, 2)
    this.#outline(this.cursor, this.#colours.glow, 2)
    return glows
  }

  #drawGrid() {
    const { left, top, scale, width, height, columns, rows } = this.view
    const context = this.#context
    context.fillStyle = this.#colours.ground
    const right = Math.min(width, left + columns * scale)
    const bottom = Math.min(height, top + rows * scale)
    const firstColumn = Math.max(0, Math.floor(-left / scale))
    const firstRow = Math.max(0, Math.floor(-top / scale))
    for (let x = left + firstColumn * scale; x <= right; x += scale) {
      context.fillRect(Math.round(x), 0, 1, height)
    }
    for (let y = top + firstRow * scale; y <= bottom; y += scale) {
      context.fillRect(0, Math.round(y), width, 1)
    }
  }

  /** A step where one memory slot ends and the next one begins. */
  #drawBounds() {
    const { slots } = this.#model
    if (slots.length < 2 || slots.length > BOUNDS_MAX) return
    const { view } = this
    const context = this.#context
    context.strokeStyle = this.#colours.ink
    context.lineWidth = this.ratio
    context.beginPath()
    for (const { start } of slots.slice(1)) {
      const { x, y } = view.squareOf(start)
      context.moveTo(view.left, y + view.scale)
      context.lineTo(x, y + view.scale)
      context.lineTo(x, y)
      context.lineTo(view.left + view.columns * view.scale, y)
    }
    context.stroke()
  }

  /**
   * @param {number | undefined} index
   * @param {string} colour
   * @param {number} line
   */
  #outline(index, colour, line) {
    if (index === undefined) return
    const { x, y, size } = this.view.squareOf(index)
    const most = Math.max(size, 7 * this.ratio)
    const by = (most - size) / 2
    this.#context.strokeStyle = colour
    this.#context.lineWidth = line * this.ratio * 0.75
    this.#context.strokeRect(x - by, y - by, most, most)
  }
}
