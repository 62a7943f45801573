/** What became of a frame lately: each change of its state with the call that caused it. */
import { get } from './api.js'
import { el } from './dom.js'

/**
 * @param {number} lpid
 * @param {number} gfn
 * @param {number} limit
 * @returns {Promise<HTMLElement | undefined>}
 */
export async function historyOf(lpid, gfn, limit) {
  const { changes } = await get(`/v1/vms/${lpid}/frames/${gfn}/history`)
  if (changes.length === 0) return undefined
  const items = changes.slice(0, limit).map(
    /** @param {any} change */
    ({ from, to, call, name, cause }) =>
      el(
        'li',
        {},
        `${label(from)} → ${label(to)} `,
        el('span', { class: 'muted' }, `${call} ${name}, call ${cause}`),
      ),
  )
  return el('ul', { class: 'history', 'aria-label': 'History' }, ...items)
}

/** @param {string} state */
const label = (state) => state.replace('_', ' ')
