/** The host: its pool of device pages, its normal memory, who is connected. */
import { get, send } from './api.js'
import { byId, el, facts, fill, setText } from './dom.js'
import { count, duration, pages, share } from './format.js'
import { Observable } from './observable.js'
import { poll } from './poll.js'
import { complain, tell } from './toast.js'

const POLL_MS = 1_000

/** What the server said last of the host. @type {Observable<any>} */
export const host = new Observable(undefined)

export function startHost() {
  const panel = byId('host-panel')
  const { list, values } = facts({
    used: 'Secure memory',
    frames: 'Normal memory',
    sessions: 'Ultravisors',
    vms: 'VMs',
    deadlocks: 'Deadlocks',
    uptime: 'Running for',
  })
  const fillLevel = el('span')
  const meter = el(
    'div',
    { class: 'meter', role: 'meter', 'aria-label': 'Pool of device pages' },
    fillLevel,
  )
  const deny = el('input', { type: 'checkbox' })
  deny.addEventListener('change', () => denyFrames(deny.checked))
  const switches = el(
    'label',
    {
      class: 'inline',
      title: 'While set, no page-out finds a normal frame: alloc_page_vma() fails',
    },
    deny,
    'Let allocations of normal frames fail',
  )
  panel.append(el('h3', {}, 'Pool of device pages'), meter, list, switches)
  host.watch((now) => {
    if (now === undefined) return
    const { pool, frames } = now
    fillLevel.style.width = `${(100 * pool.used) / Math.max(1, pool.size)}%`
    meter.setAttribute('aria-valuenow', String(pool.used))
    meter.setAttribute('aria-valuemax', String(pool.size))
    meter.setAttribute('aria-valuetext', `${count(pool.used)} of ${count(pool.size)} pages`)
    setText(
      values.used,
      `${pages(pool.used)} of ${pages(pool.size)} (${share(pool.used, pool.size)})`,
    )
    setText(values.frames, `${pages(frames.used)} used, ${pages(frames.total)} in slots`)
    setText(values.sessions, sessionsText(now))
    setText(values.vms, count(now.vms))
    setText(values.deadlocks, count(now.deadlocks))
    setText(values.uptime, duration(now.uptime_ms))
    deny.checked = frames.denied
    setText(byId('about'), `${now.version} · profile ${now.profile} · 64 KiB pages`)
  })
  return poll(async () => {
    host.set(await get('/v1/host'))
    return POLL_MS
  })
}

/** @param {{ sessions: number, detached: { sessions: number, ms_left: number | null } }} now */
function sessionsText({ sessions, detached }) {
  if (detached.ms_left === null) return count(sessions)
  const left = duration(detached.ms_left)
  return `${count(sessions)}, ${count(detached.sessions)} without a connection (${left} left)`
}

/** @param {boolean} denied */
async function denyFrames(denied) {
  try {
    await send('POST', '/v1/host/deny-frames', { denied })
    tell(denied ? 'Page-outs find no frame from now on.' : 'Page-outs find frames again.')
  } catch (error) {
    complain(error)
  }
}

/**
 * The dot that says whether the server answers.
 * @param {import('./observable.js').Observable<boolean>} connected
 */
export function showConnection(connected) {
  const place = byId('connection')
  connected.watch((isThere) => {
    fill(
      place,
      el('span', { class: isThere ? 'dot' : 'dot lost' }),
      isThere ? 'live' : 'no answer, trying again',
    )
  })
}
