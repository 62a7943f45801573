/** What is known of a frame: at once from the model, a moment later from the server. */
import { ApiError, get } from './api.js'
import { el, fill } from './dom.js'
import { gpaOf, hex } from './format.js'
import { historyOf } from './frame-history.js'
import { STATE_LABELS } from './states.js'

/** Milliseconds that a pointer rests before the server is asked. */
const REST_MS = 90

/**
 * @param {number} gfn
 * @param {number} state
 */
export const frameTitle = (gfn, state) => `GFN ${hex(gfn)} · ${STATE_LABELS[state] ?? ''}`

/**
 * What the server says of a frame, as names and values.
 * @param {any} frame
 * @returns {[string, string][]}
 */
export function frameRows(frame) {
  const { host } = frame
  const maps =
    host.maps === 'frame'
      ? `frame at ${host.ra} (${host.content})`
      : host.maps === 'device'
        ? `device page ${host.pfn}`
        : 'nothing'
  return [
    ['GPA', frame.gpa],
    ['Slot', `${frame.slot}${frame.tracked ? '' : ', not tracked'}`],
    ['Device PFN', frame.pfn === null ? '–' : String(frame.pfn)],
    ['Host maps', maps + (host.swapped ? ', swapped out' : '')],
    ['Pinned', frame.pinned ? 'yes' : 'no'],
  ]
}

/** @param {[string, string][]} rows */
export const rowList = (rows) =>
  el(
    'dl',
    { class: 'facts' },
    ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', { class: 'mono' }, value)]),
  )

export class MapTip {
  #tip = el('div', { class: 'tip', hidden: true })
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  #shown = ''

  /** @param {HTMLElement} box that the tip is shown in */
  constructor(box) {
    box.append(this.#tip)
  }

  hide() {
    this.#tip.hidden = true
    this.#shown = ''
    clearTimeout(this.#timer)
  }

  /**
   * @param {number} lpid
   * @param {number} gfn
   * @param {number} state
   * @param {number} x
   * @param {number} y
   */
  show(lpid, gfn, state, x, y) {
    const key = `${gfn} ${state}`
    this.#tip.hidden = false
    if (key !== this.#shown) {
      this.#shown = key
      fill(this.#tip, el('strong', {}, frameTitle(gfn, state)), rowList([['GPA', gpaOf(gfn)]]))
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#more(lpid, gfn, state, key), REST_MS)
    }
    this.#place(x, y)
  }

  /**
   * @param {number} lpid
   * @param {number} gfn
   * @param {number} state
   * @param {string} key
   */
  async #more(lpid, gfn, state, key) {
    try {
      const [frame, history] = await Promise.all([
        get(`/v1/vms/${lpid}/frames/${gfn}`),
        historyOf(lpid, gfn, 3),
      ])
      if (this.#shown !== key) return
      fill(this.#tip, el('strong', {}, frameTitle(gfn, state)), rowList(frameRows(frame)), history)
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof TypeError)) throw error
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  #place(x, y) {
    const box = /** @type {HTMLElement} */ (this.#tip.parentElement)
    const { offsetWidth, offsetHeight, style } = this.#tip
    const left = x + 18 + offsetWidth > box.clientWidth ? x - 18 - offsetWidth : x + 18
    const top = Math.min(y + 14, box.clientHeight - offsetHeight - 6)
    style.left = `${Math.max(4, left)}px`
    style.top = `${Math.max(4, top)}px`
  }
}
