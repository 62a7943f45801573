/** The heat map with what is around it: legend, keys, a field to jump to a frame. */
import { el, setText } from './dom.js'
import { gpaOf, hex, parseNumber } from './format.js'
import { FrameModel } from './frame-model.js'
import { HeatMap } from './heat-map.js'
import { listenToMap, settle } from './map-input.js'
import { mapPager } from './map-pager.js'
import { MapTip } from './map-tip.js'
import { stateBar, stateLegend } from './state-bar.js'
import { STATE_LABELS } from './states.js'
import { theme } from './theme.js'

const RESTING = 'Each dot is one frame of 64 KiB.'

export class MapPanel {
  model = new FrameModel()
  box = el('div')
  #canvas = el('canvas', { tabIndex: 0, role: 'application', 'aria-describedby': 'map-spoken' })
  #frame = el('div', { class: 'map' }, this.#canvas)
  #spoken = el('p', { class: 'muted mono', id: 'map-spoken', 'aria-live': 'polite' })
  #bar = stateBar(true)
  #legend = stateLegend((state) => this.#find(state))
  #map = new HeatMap(this.#canvas, this.model)
  #tip = new MapTip(this.#frame)
  #lpid
  #choose
  #turned
  #pager = mapPager((by) => this.#turnBy(by))
  #sizes = new ResizeObserver(() => this.#map.layout())
  #unwatch

  /**
   * @param {number} lpid
   * @param {(gfn: number | undefined) => void} choose
   * @param {() => void} turned told when other frames are to be shown
   */
  constructor(lpid, choose, turned) {
    this.#lpid = lpid
    this.#choose = choose
    this.#turned = turned
    this.#canvas.setAttribute('aria-label', `Frames of VM ${lpid}`)
    const { box } = this.#pager
    this.box.append(this.#bar.bar, this.#legend.list, this.#tools(), box, this.#frame, this.#spoken)
    setText(this.#spoken, RESTING)
    listenToMap(this.#canvas, this.#map, () => this.model.frames, {
      hover: (index, x, y) => this.#hover(index, x, y),
      choose: (index) => this.choose(index),
    })
    this.#sizes.observe(this.#frame)
    this.#unwatch = theme.watch(() => this.#map.recolour())
  }

  close() {
    this.#sizes.disconnect()
    this.#unwatch()
  }

  /** @param {ArrayBuffer} bytes a compact map */
  take(bytes) {
    const changes = this.model.apply(bytes)
    if (changes === undefined) {
      this.#map.layout()
      this.#map.renew()
    } else if (changes.length > 0) this.#map.changed(changes)
    else return
    this.#showCounts()
  }

  #showCounts() {
    this.#bar.set(this.model.counts)
    this.#legend.set(this.model.counts)
    this.#pager.set(this.model)
  }

  /** @param {number} by parts of the VM */
  #turnBy(by) {
    this.#turnTo(this.model.offset + by * FrameModel.framesMax)
  }

  /** @param {number} offset */
  #turnTo(offset) {
    this.choose(undefined)
    this.model.turnTo(offset)
    this.#showCounts()
    this.#map.layout()
    this.#map.renew()
    this.#turned()
  }

  /** @param {number | undefined} index */
  choose(index) {
    this.#map.chosen = index
    this.#map.draw()
    this.#tip.hide()
    this.#choose(index === undefined ? undefined : this.model.gfnAt(index))
  }

  /**
   * Shows and chooses the next frame of a state.
   * @param {number} state
   */
  #find(state) {
    const after = this.model.states.indexOf(state, (this.#map.chosen ?? -1) + 1)
    const index = after < 0 ? this.model.states.indexOf(state) : after
    if (index >= 0) this.#goTo(index)
  }

  /** @param {number} index */
  #goTo(index) {
    this.#map.view.focus(index)
    settle(this.#canvas, this.#map)
    this.choose(index)
  }

  /** @param {number} number a GFN, or a GPA where no slot has that GFN */
  #framesBefore(number) {
    return this.model.framesBefore(number) ?? this.model.framesBefore(Math.floor(number / 65_536))
  }

  #tools() {
    const input = el('input', {
      placeholder: 'GFN or GPA …',
      'aria-label': 'Go to a GFN, or a GPA with 0x',
      size: 14,
    })
    const form = el('form', { class: 'row' }, input, el('button', {}, 'Go'))
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const number = parseNumber(input.value)
      const before = number === undefined ? undefined : this.#framesBefore(number)
      input.setCustomValidity(before === undefined ? 'No memory slot has that frame.' : '')
      if (before === undefined) return void input.reportValidity()
      const offset = before - (before % FrameModel.framesMax)
      if (offset !== this.model.offset) this.#turnTo(offset)
      this.#goTo(before - offset)
    })
    input.addEventListener('input', () => input.setCustomValidity(''))
    /**
     * @param {string} text
     * @param {string} label
     * @param {() => void} act
     */
    const button = (text, label, act) =>
      el(
        'button',
        {
          type: 'button',
          'aria-label': label,
          title: label,
          onclick: () => {
            act()
            settle(this.#canvas, this.#map)
          },
        },
        text,
      )
    const zoom = el(
      'div',
      { class: 'row' },
      button('+', 'Zoom in', () => this.#map.view.zoom(1.8)),
      button('−', 'Zoom out', () => this.#map.view.zoom(1 / 1.8)),
      button('All', 'Show all frames', () => this.#map.view.fit()),
    )
    return el('div', { class: 'row spread tools' }, form, zoom)
  }

  /**
   * @param {number | undefined} index
   * @param {number} x
   * @param {number} y
   */
  #hover(index, x, y) {
    const gfn = index === undefined ? undefined : this.model.gfnAt(index)
    if (index === undefined || gfn === undefined) {
      this.#tip.hide()
      setText(this.#spoken, RESTING)
      return
    }
    const state = this.model.states[index] ?? 0
    this.#tip.show(this.#lpid, gfn, state, x, y)
    const slot = this.model.slotAt(index)?.id
    setText(
      this.#spoken,
      `GFN ${hex(gfn)} · GPA ${gpaOf(gfn)} · ${STATE_LABELS[state]} · slot ${slot}`,
    )
  }
}
