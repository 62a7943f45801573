/** One frame that was chosen: all that is known of it, and what can be done to it. */
import { frameButtons } from './actions.js'
import { ApiError, get } from './api.js'
import { el, fill } from './dom.js'
import { historyOf } from './frame-history.js'
import { frameRows, frameTitle, rowList } from './map-tip.js'
import { STATES } from './states.js'

const POLL_MS = 1_000

export class FrameCard {
  box = el('div', { class: 'inspector', 'aria-live': 'polite' })
  #lpid
  /** @type {number | undefined} */
  #gfn
  #details = el('div')
  #shown = ''

  /** @param {number} lpid */
  constructor(lpid) {
    this.#lpid = lpid
    this.choose(undefined)
  }

  /** @param {number | undefined} gfn */
  choose(gfn) {
    this.#gfn = gfn
    this.#shown = ''
    if (gfn === undefined) {
      fill(
        this.box,
        el(
          'div',
          { class: 'empty' },
          el('strong', {}, 'No frame is chosen.'),
          el(
            'span',
            {},
            'Click one in the map, or move there with the arrow keys and press Enter. The wheel zooms, + and − too, 0 shows all.',
          ),
        ),
      )
      return
    }
    this.#details = el('div')
    fill(
      this.box,
      this.#details,
      frameButtons(this.#lpid, gfn, () => void this.refresh()),
    )
    void this.refresh()
  }

  /** Asks the server again. */
  async refresh() {
    const gfn = this.#gfn
    if (gfn === undefined) return
    try {
      const [frame, history] = await Promise.all([
        get(`/v1/vms/${this.#lpid}/frames/${gfn}`),
        historyOf(this.#lpid, gfn, 16),
      ])
      const text = JSON.stringify(frame) + (history?.textContent ?? '')
      if (gfn !== this.#gfn || text === this.#shown) return
      this.#shown = text
      const title = el('h3', {}, frameTitle(gfn, STATES.indexOf(frame.state)))
      const none = el('p', { class: 'muted' }, 'Its state has not changed lately.')
      fill(this.#details, title, rowList(frameRows(frame)), history ?? none)
    } catch (error) {
      if (!(error instanceof ApiError)) return
      fill(this.#details, el('p', { class: 'fault' }, error.message))
    }
  }

  get pollMs() {
    return POLL_MS
  }
}
