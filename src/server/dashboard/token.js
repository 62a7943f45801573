/** The bearer token: asked for when the server wants one, kept until the tab is closed. */
import { el } from './dom.js'

const KEY = 'uvmem-token'

/** @type {Promise<void> | undefined} */
let asking

/** @returns {Record<string, string>} */
export function tokenHeaders() {
  const token = sessionStorage.getItem(KEY)
  return token === null ? {} : { authorization: `Bearer ${token}` }
}

/** Shows the question once, however many requests wait for the answer. */
export function askToken() {
  asking ??= showQuestion().finally(() => {
    asking = undefined
  })
  return asking
}

/** @returns {Promise<void>} */
function showQuestion() {
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
        wrong ? 'That token was not accepted.' : 'It was started with --token-file or UVMEM_TOKEN.',
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
      dialog.remove()
      resolve()
    })
  })
}
