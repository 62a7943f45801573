/** Lets frames that have just changed light up and fade, so that one sees where something happens. */

/** Milliseconds until a light is gone. */
const FADE_MS = 700
/** Rectangles that light up at once, at most. */
const LIGHTS_MAX = 6_000

/** @typedef {{ from: number, to: number, time: number }} Light */

export class MapGlow {
  /** Oldest first. @type {Light[]} */
  #lights = []
  #quiet = matchMedia('(prefers-reduced-motion: reduce)')

  /**
   * @param {readonly import('./frame-model.js').Range[]} changes
   * @param {number} time
   */
  add(changes, time) {
    if (this.#quiet.matches) return
    const step = Math.max(1, Math.ceil(changes.length / LIGHTS_MAX))
    for (let i = 0; i < changes.length; i += step) {
      const change = changes[i]
      if (change !== undefined) this.#lights.push({ ...change, time })
    }
    if (this.#lights.length > LIGHTS_MAX) this.#lights.splice(0, this.#lights.length - LIGHTS_MAX)
  }

  clear() {
    this.#lights = []
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import('./map-view.js').MapView} view
   * @param {number} now
   * @param {string} colour
   * @returns {boolean} true while something still glows
   */
  draw(context, view, now, colour) {
    this.#lights = this.#lights.filter(({ time }) => now - time < FADE_MS)
    context.fillStyle = colour
    for (const { from, to, time } of this.#lights) {
      context.globalAlpha = 0.5 * (1 - (now - time) / FADE_MS)
      fillRange(context, view, from, to)
    }
    context.globalAlpha = 1
    return this.#lights.length > 0
  }
}

/**
 * The rows of a range: a first part, whole rows in the middle, a last part.
 * @param {CanvasRenderingContext2D} context
 * @param {import('./map-view.js').MapView} view
 * @param {number} from
 * @param {number} to
 */
function fillRange(context, view, from, to) {
  const { columns, scale, left, top } = view
  const size = Math.max(scale, 1)
  for (let at = from; at < to; ) {
    const column = at % columns
    const row = Math.floor(at / columns)
    const rows = column === 0 ? Math.max(1, Math.floor((to - at) / columns)) : 1
    const count = rows > 1 ? columns : Math.min(to - at, columns - column)
    context.fillRect(
      left + column * scale,
      top + row * scale,
      Math.max(count * scale, size),
      Math.max(rows * scale, size),
    )
    at += rows > 1 ? rows * columns : count
  }
}
