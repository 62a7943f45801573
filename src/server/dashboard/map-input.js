/** Wheel, pointer, fingers and keys on the heat map. */

/**
 * @typedef {object} MapActions
 * @property {(index: number | undefined, x: number, y: number) => void} hover in pixels of the page
 * @property {(index: number | undefined) => void} choose
 */

/** Pixels of the page that a pointer may move and still click. */
const CLICK_SLOP = 5

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./heat-map.js').HeatMap} map
 * @param {() => number} frames
 * @param {MapActions} actions
 */
export function listenToMap(canvas, map, frames, actions) {
  listenToPointers(canvas, map, frames, actions)
  listenToKeys(canvas, map, frames, actions)
  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      const by = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0018))
      map.view.zoom(by, event.offsetX * map.ratio, event.offsetY * map.ratio)
      settle(canvas, map)
    },
    { passive: false },
  )
}

/**
 * A picture that is seen whole leaves the page to scroll.
 * @param {HTMLCanvasElement} canvas
 * @param {import('./heat-map.js').HeatMap} map
 */
export function settle(canvas, map) {
  canvas.style.touchAction = map.view.isFit ? 'pan-y' : 'none'
  map.draw()
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./heat-map.js').HeatMap} map
 * @param {() => number} frames
 * @param {MapActions} actions
 */
function listenToPointers(canvas, map, frames, actions) {
  /** @type {Map<number, { x: number, y: number }>} */
  const held = new Map()
  let moved = 0
  /** @param {PointerEvent} event */
  const indexAt = (event) => {
    const index = map.view.indexAt(event.offsetX * map.ratio, event.offsetY * map.ratio)
    return index !== undefined && index < frames() ? index : undefined
  }
  canvas.addEventListener('pointerdown', (event) => {
    held.set(event.pointerId, { x: event.offsetX, y: event.offsetY })
    canvas.setPointerCapture(event.pointerId)
    moved = 0
  })
  canvas.addEventListener('pointermove', (event) => {
    const before = held.get(event.pointerId)
    if (before === undefined) {
      map.cursor = indexAt(event)
      actions.hover(map.cursor, event.offsetX, event.offsetY)
      map.draw()
      return
    }
    moved += Math.hypot(event.offsetX - before.x, event.offsetY - before.y)
    if (held.size === 1) {
      map.view.pan((event.offsetX - before.x) * map.ratio, (event.offsetY - before.y) * map.ratio)
    } else pinch(map, held, event)
    held.set(event.pointerId, { x: event.offsetX, y: event.offsetY })
    settle(canvas, map)
  })
  canvas.addEventListener('pointerup', (event) => {
    if (held.size === 1 && moved < CLICK_SLOP) actions.choose(indexAt(event))
    held.delete(event.pointerId)
  })
  canvas.addEventListener('pointercancel', (event) => held.delete(event.pointerId))
  canvas.addEventListener('pointerleave', () => {
    map.cursor = undefined
    actions.hover(undefined, 0, 0)
    map.draw()
  })
  canvas.addEventListener('dblclick', (event) => {
    map.view.zoom(2.5, event.offsetX * map.ratio, event.offsetY * map.ratio)
    settle(canvas, map)
  })
}

/**
 * @param {import('./heat-map.js').HeatMap} map
 * @param {Map<number, { x: number, y: number }>} held
 * @param {PointerEvent} event
 */
function pinch(map, held, event) {
  const other = [...held].find(([id]) => id !== event.pointerId)?.[1]
  const before = held.get(event.pointerId)
  if (other === undefined || before === undefined) return
  const was = Math.hypot(before.x - other.x, before.y - other.y)
  const is = Math.hypot(event.offsetX - other.x, event.offsetY - other.y)
  const x = (event.offsetX + other.x) / 2
  const y = (event.offsetY + other.y) / 2
  if (was > 0) map.view.zoom(is / was, x * map.ratio, y * map.ratio)
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import('./heat-map.js').HeatMap} map
 * @param {() => number} frames
 * @param {MapActions} actions
 */
function listenToKeys(canvas, map, frames, actions) {
  /** @param {number} by */
  const step = (by) => {
    const from = map.cursor ?? map.chosen ?? -by
    map.cursor = Math.min(Math.max(0, from + by), frames() - 1)
    map.view.show(map.cursor)
    const { x, y } = map.view.squareOf(map.cursor)
    actions.hover(map.cursor, x / map.ratio, y / map.ratio)
  }
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    ArrowUp: () => step(-map.view.columns),
    ArrowDown: () => step(map.view.columns),
    PageUp: () => step(-16 * map.view.columns),
    PageDown: () => step(16 * map.view.columns),
    Home: () => step(-frames()),
    End: () => step(frames()),
    '+': () => map.view.zoom(1.6),
    '=': () => map.view.zoom(1.6),
    '-': () => map.view.zoom(1 / 1.6),
    0: () => map.view.fit(),
    Enter: () => actions.choose(map.cursor),
    Escape: () => actions.choose(undefined),
  }
  canvas.addEventListener('keydown', (event) => {
    const act = keys[event.key]
    if (act === undefined || frames() === 0 || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    act()
    settle(canvas, map)
  })
  canvas.addEventListener('blur', () => actions.hover(undefined, 0, 0))
}
