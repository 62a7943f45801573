/** How many frames are in each state: a bar, and a legend. */
import { el } from './dom.js'
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

export function stateLegend() {
  const numbers = STATES.map(() => el('span', { class: 'muted' }))
  const list = el(
    'ul',
    { class: 'legend' },
    ...STATES.map((state, i) =>
      el(
        'li',
        { title: STATE_MEANINGS[i] },
        el('span', { class: `swatch state-${state}` }),
        STATE_LABELS[i],
        numbers[i],
      ),
    ),
  )
  return {
    list,
    /** @param {readonly number[]} counts */
    set(counts) {
      const all = counts.reduce((sum, each) => sum + each, 0)
      numbers.forEach((number, i) => {
        const here = counts[i] ?? 0
        const text = `${count(here)} · ${share(here, all)}`
        if (number.textContent !== text) number.textContent = text
      })
    },
  }
}
