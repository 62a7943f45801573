/** Where a frame is drawn: rows of frames, of which a window shows a part at some scale. */

/** Pixels of the screen that a frame takes, at most. */
const SCALE_MAX = 64

/** Columns of the picture, at most: a canvas may not be much wider. */
const COLUMNS_MAX = 8_192

/**
 * Columns of the picture so that it fills its window: a number of frames that addresses go well with.
 * @param {number} frames
 * @param {number} aspect width to height of the window
 */
export function columnsFor(frames, aspect) {
  const wanted = Math.sqrt(Math.max(1, frames) * aspect)
  const unit = wanted >= 512 ? 64 : wanted >= 64 ? 16 : 4
  return Math.min(COLUMNS_MAX, Math.max(4, Math.ceil(wanted / unit) * unit))
}

/** What part of the picture is seen. All in pixels of the canvas. */
export class MapView {
  columns = 1
  rows = 1
  width = 1
  height = 1
  scale = 1
  /** Where the picture's corner is. */
  left = 0
  top = 0

  /**
   * @param {number} frames
   * @param {number} width
   * @param {number} height
   */
  resize(frames, width, height) {
    const wasFit = this.isFit
    this.width = Math.max(1, width)
    this.height = Math.max(1, height)
    const columns = columnsFor(frames, this.width / this.height)
    const isOther = columns !== this.columns || Math.ceil(frames / columns) !== this.rows
    this.columns = columns
    this.rows = Math.max(1, Math.ceil(frames / columns))
    if (wasFit || isOther) this.fit()
    else this.#keepInside()
  }

  get fitScale() {
    return Math.min(SCALE_MAX, this.width / this.columns, this.height / this.rows)
  }

  get isFit() {
    return this.scale <= this.fitScale * 1.001
  }

  fit() {
    this.scale = this.fitScale
    this.#keepInside()
  }

  /**
   * Zooms so that the point stays where it is.
   * @param {number} by
   * @param {number} x
   * @param {number} y
   */
  zoom(by, x = this.width / 2, y = this.height / 2) {
    const most = Math.max(SCALE_MAX, this.fitScale)
    const scale = Math.min(most, Math.max(this.fitScale, this.scale * by))
    const ratio = scale / this.scale
    this.left = x - (x - this.left) * ratio
    this.top = y - (y - this.top) * ratio
    this.scale = scale
    this.#keepInside()
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.left += dx
    this.top += dy
    this.#keepInside()
  }

  /**
   * Index of the frame at a point; undefined beside the picture.
   * @param {number} x
   * @param {number} y
   */
  indexAt(x, y) {
    const column = Math.floor((x - this.left) / this.scale)
    const row = Math.floor((y - this.top) / this.scale)
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows) return undefined
    return row * this.columns + column
  }

  /**
   * The square of a frame.
   * @param {number} index
   */
  squareOf(index) {
    const x = this.left + (index % this.columns) * this.scale
    const y = this.top + Math.floor(index / this.columns) * this.scale
    return { x, y, size: this.scale }
  }

  /**
   * Moves the window so that a frame is seen.
   * @param {number} index
   */
  show(index) {
    const { x, y, size } = this.squareOf(index)
    const dx = x < 0 ? -x : Math.min(0, this.width - x - size)
    const dy = y < 0 ? -y : Math.min(0, this.height - y - size)
    this.pan(dx, dy)
  }

  /**
   * Puts a frame in the middle, big enough to be seen.
   * @param {number} index
   */
  focus(index) {
    if (this.scale < 8) this.zoom(8 / this.scale)
    const { x, y, size } = this.squareOf(index)
    this.pan(this.width / 2 - x - size / 2, this.height / 2 - y - size / 2)
  }

  #keepInside() {
    this.left = inside(this.left, this.columns * this.scale, this.width)
    this.top = inside(this.top, this.rows * this.scale, this.height)
  }
}

/**
 * A picture that is smaller than its window is in the middle, a bigger one leaves no gap.
 * @param {number} at
 * @param {number} size
 * @param {number} room
 */
function inside(at, size, room) {
  return size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, at))
}
