/** Short messages: what was done, and what was refused. */
import { ApiError } from './api.js'
import { byId, el } from './dom.js'

/** Milliseconds that a message stays. */
const GOOD_MS = 3_500
const BAD_MS = 10_000

/**
 * @param {string} text
 * @param {string} [more]
 */
export const tell = (text, more) => show('toast', GOOD_MS, text, more)

/**
 * An error as its problem document says it.
 * @param {unknown} error
 */
export function complain(error) {
  if (error instanceof ApiError) {
    const fields = (error.problem.errors ?? []).map((each) => `${each.field}: ${each.expected}`)
    show('toast bad', BAD_MS, error.problem.title, [error.problem.detail, ...fields].join(' '))
  } else if (error instanceof TypeError) {
    show('toast bad', BAD_MS, 'The server does not answer.', 'Is it still running?')
  } else throw error
}

/**
 * @param {string} kind
 * @param {number} ms
 * @param {string} text
 * @param {string} [more]
 */
function show(kind, ms, text, more) {
  const toast = el('div', { class: kind }, el('p', {}, text), more && el('p', {}, more))
  const toasts = byId('toasts')
  toasts.append(toast)
  while (toasts.childElementCount > 4) toasts.firstElementChild?.remove()
  toast.addEventListener('click', () => toast.remove())
  setTimeout(() => toast.remove(), ms)
}
