/** The bearer token: asked for when the server wants one, kept until the tab is closed or it is changed. */
import { byId, el } from './dom.js'

const KEY = 'uvmem-token'

/** @type {Promise<void> | undefined} */
let asking

/** @returns {Record<string, string>} */
export function tokenHeaders() {
  const token = sessionStorage.getItem(KEY)
  return token === null ? {} : { authorization: `Bearer ${token}` }
}

/** The button that gives up the token, and everything that was read with it. */
export function startToken() {
  const button = byId('token')
  button.hidden = sessionStorage.getItem(KEY) === null
  button.addEventListener('click', () => {
    sessionStorage.removeItem(KEY)
    location.reload()
  })
}

/**
 * Shows the question once, however many requests wait for the answer.
 * @param {string} [complaint] what was wrong with the token that there is
 */
export function askToken(complaint) {
  asking ??= showQuestion(complaint).finally(() => {
    asking = undefined
  })
  return asking
}

/**
 * @param {string} [complaint]
 * @returns {Promise<void>}
 */
function showQuestion(complaint) {
  const wrong = sessionStorage.getItem(KEY) !== null
  const input = el('input', {
    type: 'password',
    name: 'token',
    required: true,
    autocomplete: 'current-password',
  })
  const dialog = el(
    'dialog',
    { 'aria-labelledby': 'token-title' },
    el(
      'form',
      { method: 'dialog' },
      el('h2', { id: 'token-title' }, 'This server wants a token'),
      el(
        'p',
        { class: wrong ? 'chip bad' : 'muted' },
        wrong
          ? (complaint ?? 'That token was not accepted.')
          : 'Readers look, operators steer as well.',
      ),
      el('label', {}, 'Token', input),
      el('div', { class: 'row' }, el('button', { class: 'primary' }, 'Continue')),
    ),
  )
  // Without a token there is nothing behind the question.
  dialog.addEventListener('cancel', (event) => event.preventDefault())
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      sessionStorage.setItem(KEY, input.value.trim())
      const button = document.getElementById('token')
      if (button !== null) button.hidden = false
      dialog.remove()
      resolve()
    })
  })
}
