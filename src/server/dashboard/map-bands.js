/**
 * The picture of a VM's frames, one pixel a frame, in bands of rows: what has changed is drawn again,
 * nothing else, and no band is bigger than a canvas may be.
 */

/** Pixels of a band, about. */
const BAND_PIXELS = 2 ** 18

/**
 * @typedef {object} Band
 * @property {number} row first row
 * @property {number} rows
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D} context
 * @property {ImageData} image
 * @property {number} dirtyFrom first row that differs, from the band's first
 * @property {number} dirtyTo one past the last
 */

export class MapBands {
  /** @type {Band[]} */
  #bands = []
  #columns = 1
  #bandRows = 1

  /**
   * Everything is to be drawn.
   * @param {number} columns
   * @param {number} rows
   */
  reset(columns, rows) {
    this.#columns = columns
    this.#bandRows = Math.max(1, Math.floor(BAND_PIXELS / columns))
    const count = Math.ceil(rows / this.#bandRows)
    this.#bands = Array.from({ length: count }, (_, i) => {
      const row = i * this.#bandRows
      return makeBand(columns, row, Math.min(this.#bandRows, rows - row))
    })
  }

  /**
   * Frames have changed.
   * @param {number} from
   * @param {number} to
   */
  touch(from, to) {
    const firstRow = Math.floor(from / this.#columns)
    const lastRow = Math.floor((to - 1) / this.#columns)
    const first = Math.floor(firstRow / this.#bandRows)
    const last = Math.floor(lastRow / this.#bandRows)
    for (const band of this.#bands.slice(first, last + 1)) {
      band.dirtyFrom = Math.min(band.dirtyFrom, Math.max(0, firstRow - band.row))
      band.dirtyTo = Math.max(band.dirtyTo, Math.min(band.rows, lastRow - band.row + 1))
    }
  }

  touchAll() {
    for (const band of this.#bands) {
      band.dirtyFrom = 0
      band.dirtyTo = band.rows
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import('./map-view.js').MapView} view
   * @param {Uint8Array} states
   * @param {Uint32Array} pixels by state
   */
  draw(context, view, states, pixels) {
    context.imageSmoothingEnabled = view.scale < 1
    const left = Math.round(view.left)
    const width = Math.round(view.left + view.columns * view.scale) - left
    for (const band of this.#bands) {
      const top = Math.round(view.top + band.row * view.scale)
      const bottom = Math.round(view.top + (band.row + band.rows) * view.scale)
      if (bottom < 0 || top > view.height) continue
      this.#paint(band, states, pixels)
      context.drawImage(band.canvas, left, top, width, bottom - top)
    }
  }

  /**
   * @param {Band} band
   * @param {Uint8Array} states
   * @param {Uint32Array} pixels
   */
  #paint(band, states, pixels) {
    const { dirtyFrom, dirtyTo, image, context } = band
    if (dirtyFrom >= dirtyTo) return
    const target = new Uint32Array(image.data.buffer)
    const first = band.row * this.#columns
    const end = Math.min(dirtyTo * this.#columns, states.length - first)
    for (let i = dirtyFrom * this.#columns; i < end; i++) {
      target[i] = /** @type {number} */ (pixels[/** @type {number} */ (states[first + i])])
    }
    context.putImageData(image, 0, 0, 0, dirtyFrom, this.#columns, dirtyTo - dirtyFrom)
    band.dirtyFrom = band.rows
    band.dirtyTo = 0
  }
}

/**
 * @param {number} columns
 * @param {number} row
 * @param {number} rows
 * @returns {Band}
 */
function makeBand(columns, row, rows) {
  const canvas = document.createElement('canvas')
  canvas.width = columns
  canvas.height = rows
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('this browser draws no canvas')
  const image = context.createImageData(columns, rows)
  return { row, rows, canvas, context, image, dirtyFrom: 0, dirtyTo: rows }
}
