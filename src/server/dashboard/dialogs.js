/** Questions before something is done. */
import { el } from './dom.js'

/**
 * A form in a dialog; resolves with what was filled in, or undefined when it was given up. What
 * `send` throws is shown in the dialog, which stays open.
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.text]
 * @param {string} options.action what the button says
 * @param {boolean} [options.danger]
 * @param {readonly HTMLElement[]} [options.fields]
 * @param {(values: FormData) => Promise<void>} options.send
 */
export function ask({ title, text, action, danger = false, fields = [], send }) {
  const error = el('p', { class: 'fault', hidden: true, role: 'alert' })
  const button = el('button', { class: danger ? 'danger' : 'primary' }, action)
  const cancel = el('button', { type: 'button' }, 'Cancel')
  const form = el(
    'form',
    {},
    el('h2', {}, title),
    text && el('p', { class: 'muted' }, text),
    ...fields,
    error,
    el('div', { class: 'row' }, button, cancel),
  )
  const dialog = el('dialog', { 'aria-label': title }, form)
  cancel.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => dialog.remove())
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    button.disabled = true
    try {
      await send(new FormData(form))
      dialog.close()
    } catch (problem) {
      error.hidden = false
      error.textContent = problem instanceof Error ? problem.message : String(problem)
    } finally {
      button.disabled = false
    }
  })
  document.body.append(dialog)
  dialog.showModal()
}

/**
 * Shows something in a dialog until it is closed.
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.text]
 * @param {HTMLElement} options.body
 */
export function show({ title, text, body }) {
  const close = el('button', { type: 'submit', class: 'primary' }, 'Close')
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', {}, title),
    text && el('p', { class: 'muted' }, text),
    body,
    el('div', { class: 'row' }, close),
  )
  const dialog = el('dialog', { 'aria-label': title, class: 'wide' }, form)
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal()
}

/**
 * @param {string} label
 * @param {string} name
 * @param {Record<string, unknown>} [props]
 */
export const field = (label, name, props = {}) =>
  el('label', {}, label, el('input', { name, autocomplete: 'off', ...props }))
