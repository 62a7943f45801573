/** How many frames are in each state: a bar, and a legend. */
import { el, setText } from './dom.js'
import { count, share } from './format.js'
import { STATE_LABELS, STATE_MEANINGS, STATES } from './states.js'

/** @param {boolean} tall */
export function stateBar(tall = false) {
  const parts = STATES.map((state) => el('span', { class: `state-${state}` }))
  const bar = el('div', { class: tall ? 'bar tall' : 'bar', role: 'img' }, ...parts)
  return {
    bar,
    /** @param {readonly number[]} counts by state */
    set(counts) {
      const text = STATE_LABELS.map((label, i) => `${label} ${count(counts[i] ?? 0)}`).join(', ')
      if (bar.getAttribute('aria-label') === text) return
      bar.setAttribute('aria-label', text)
      parts.forEach((part, i) => {
        part.style.flexGrow = String(counts[i] ?? 0)
        // Few frames among many are seen all the same.
        part.style.minWidth = (counts[i] ?? 0) > 0 ? '2px' : '0'
      })
    },
  }
}

/** @param {(state: number) => void} find shows the next frame of a state */
export function stateLegend(find) {
  const numbers = STATES.map(() => el('span', { class: 'muted' }))
  const buttons = STATES.map((state, i) =>
    el(
      'button',
      {
        type: 'button',
        class: 'quiet',
        title: `${STATE_MEANINGS[i]}. Click: the next such frame`,
        onclick: () => find(i),
      },
      el('span', { class: `swatch state-${state}` }),
      STATE_LABELS[i],
      numbers[i],
    ),
  )
  const list = el('ul', { class: 'legend' }, ...buttons.map((button) => el('li', {}, button)))
  return {
    list,
    /** @param {readonly number[]} counts */
    set(counts) {
      const all = counts.reduce((sum, each) => sum + each, 0)
      buttons.forEach((button, i) => {
        const here = counts[i] ?? 0
        button.disabled = here === 0
        setText(/** @type {HTMLElement} */ (numbers[i]), `${count(here)} · ${share(here, all)}`)
      })
    },
  }
}
