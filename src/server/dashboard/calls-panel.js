/** Calls as they happen, each with its reason where it was refused. */
import { ApiError, events } from './api.js'
import { byId, el, setText } from './dom.js'
import { count, duration, hex } from './format.js'
import { sleep } from './poll.js'
import { chosen } from './vms-panel.js'

/** Rows of the table. */
const ROWS_MAX = 200
/** Kinds of events that are calls. */
const CALLS = new Set(['hypercall', 'ultracall', 'operation', 'refusal', 'session', 'vm', 'fault'])
const RETRY_MS = 1_500

export function startCalls() {
  const panel = byId('calls-panel')
  const refused = el('input', { type: 'checkbox' })
  const all = el('input', { type: 'checkbox' })
  const pause = el('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause')
  const lost = el('span', { class: 'muted number', role: 'status' })
  const body = el('tbody')
  const empty = el(
    'div',
    { class: 'empty' },
    el(
      'span',
      {},
      'No calls lately. They show up here as they end. To see some: ',
      el('code', {}, `uvmem demo --url ${location.origin}`),
    ),
  )
  const heads = ['No.', 'VM', 'Call', 'Frame', 'Answer', 'Took', 'Why']
  const table = el(
    'table',
    { class: 'calls' },
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    body,
  )
  panel.append(
    el(
      'div',
      { class: 'row spread' },
      el(
        'div',
        { class: 'row' },
        pause,
        el('label', { class: 'inline' }, refused, 'Refused only'),
        el('label', { class: 'inline' }, all, 'All VMs'),
      ),
      lost,
    ),
    el(
      'div',
      { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Calls, newest first' },
      table,
      empty,
    ),
  )
  let paused = false
  pause.addEventListener('click', () => {
    paused = !paused
    pause.setAttribute('aria-pressed', String(paused))
    setText(pause, paused ? 'Go on' : 'Pause')
  })
  /** @param {{ events: any[], lost: number }} batch */
  const take = (batch) => {
    if (paused) return
    const calls = batch.events.filter(({ kind }) => CALLS.has(kind)).sort(byEnd)
    body.prepend(...calls.slice(0, ROWS_MAX).map(rowOf))
    while (body.childElementCount > ROWS_MAX) body.lastElementChild?.remove()
    empty.hidden = body.childElementCount > 0
    table.hidden = !empty.hidden
    if (batch.lost > 0) setText(lost, `${count(batch.lost)} more went by too fast to show`)
    else if (batch.events.length > 0) setText(lost, '')
  }
  table.hidden = true
  follow(
    () => pathOf(refused.checked, all.checked),
    [refused, all],
    take,
    () => {
      body.replaceChildren()
      empty.hidden = false
      table.hidden = true
    },
  )
}

/**
 * @param {boolean} refused
 * @param {boolean} all
 */
function pathOf(refused, all) {
  const query = new URLSearchParams({ backlog: '100' })
  if (refused) query.set('refused', 'true')
  if (!all && chosen.value !== undefined) query.set('lpid', String(chosen.value))
  return `/v1/journal/stream?${query}`
}

/**
 * Follows a stream, begins anew when the filter or the VM is another one, and when it breaks.
 * @param {() => string} path
 * @param {readonly HTMLInputElement[]} filters
 * @param {(batch: { events: any[], lost: number }) => void} take
 * @param {() => void} clear
 */
function follow(path, filters, take, clear) {
  let ends = new AbortController()
  let followed = ''
  const again = () => {
    if (path() !== followed) ends.abort()
  }
  for (const filter of filters) filter.addEventListener('change', again)
  chosen.watch(again)
  const loop = async () => {
    for (;;) {
      ends = new AbortController()
      followed = path()
      clear()
      try {
        for await (const { data } of events(followed, ends.signal)) take(data)
      } catch (error) {
        if (!isBreak(error)) throw error
      }
      if (!ends.signal.aborted) await sleep(RETRY_MS)
    }
  }
  void loop()
}

/** @param {unknown} error */
const isBreak = (error) =>
  error instanceof ApiError ||
  error instanceof TypeError ||
  (error instanceof DOMException && error.name === 'AbortError')

/**
 * The newest first; a call that ended with the one inside it stands above it.
 * @param {any} a
 * @param {any} b
 */
const byEnd = (a, b) =>
  b.time_ms + (b.duration_ms ?? 0) - a.time_ms - (a.duration_ms ?? 0) || a.serial - b.serial

/** @param {any} event */
function rowOf(event) {
  const isBad = event.reason !== null || event.error !== null
  const why =
    event.reason === null
      ? (event.error ?? event.note ?? '')
      : `${event.reason.source}: ${event.reason.why}`
  return el(
    'tr',
    isBad ? { class: 'refused' } : {},
    el('td', { class: 'number muted' }, String(event.serial)),
    el('td', { class: 'number' }, event.lpid === 0 ? '' : String(event.lpid)),
    el('td', { class: 'mono' }, `${event.parent > 0 ? '↳ ' : ''}${event.call}`),
    el('td', { class: 'mono' }, frameOf(event)),
    el('td', { class: 'mono' }, answerOf(event)),
    el('td', { class: 'number' }, event.duration_ms === null ? '' : duration(event.duration_ms)),
    el('td', { class: 'why' }, why),
  )
}

/** @param {any} event */
const frameOf = ({ gfn }) => (gfn === null ? '' : hex(gfn))

/** @param {any} event */
function answerOf({ kind, from, to, name, end }) {
  if (kind === 'vm') return `${from} → ${to}`
  return name ?? (end === 'done' ? '' : end)
}
