/** The chosen VM: head, heat map, chosen frame, memory slots. */
import { vmButtons } from './actions.js'
import { get, request } from './api.js'
import { byId, el, fill } from './dom.js'
import { FrameCard } from './frame-card.js'
import { MapPanel } from './map-panel.js'
import { Observable } from './observable.js'
import { poll } from './poll.js'
import { slotTable, vmHead } from './vm-facts.js'
import { askForVm, chosen, vms } from './vms-panel.js'

const FACTS_MS = 1_000
/** Milliseconds between two maps: while frames change, and while they do not. */
const LIVE_MS = 100
const QUIET_MS = 400
/** Maps without a change after which it is quiet. */
const QUIET_AFTER = 20

/** Frames in each state of the chosen VM. @type {Observable<readonly number[] | undefined>} */
export const frameCounts = new Observable(/** @type {readonly number[] | undefined} */ (undefined))

/** @type {(() => void) | undefined} */
let closeShown

export function startVm() {
  const panel = byId('vm-panel')
  /** @type {number | undefined} */
  let shown
  const show = () => {
    const lpid = chosen.value
    if (lpid === undefined) {
      closeShown?.()
      closeShown = undefined
      if (vms.value !== undefined || shown !== undefined) fill(panel, nothingChosen())
    } else if (lpid !== shown || (closeShown === undefined && isThere(lpid))) {
      closeShown?.()
      closeShown = showVm(panel, lpid)
    }
    shown = lpid
  }
  chosen.watch(show)
  vms.watch(show)
}

/**
 * True when the list has the VM: one that was gone may come back.
 * @param {number} lpid
 */
const isThere = (lpid) => vms.value?.some((vm) => vm.lpid === lpid) === true

function nothingChosen() {
  return el(
    'div',
    { class: 'empty' },
    el('strong', {}, 'Nothing to look at yet.'),
    el('span', {}, 'A VM shows up here with every frame of its memory. To watch one turn secure:'),
    el(
      'span',
      {},
      '1. ',
      el('button', { type: 'button', class: 'primary', onclick: askForVm }, 'Create a VM …'),
    ),
    el('span', {}, '2. Run ', el('code', {}, `uvmem uv --url ${location.origin} --lpid 1`)),
    el(
      'span',
      {},
      'or run ',
      el('code', {}, `uvmem demo --url ${location.origin}`),
      ', which does both.',
    ),
  )
}

/**
 * @param {HTMLElement} panel
 * @param {number} lpid
 * @returns {() => void} ends it
 */
function showVm(panel, lpid) {
  frameCounts.set(undefined)
  const head = vmHead()
  const slots = slotTable(lpid)
  const card = new FrameCard(lpid)
  const choose = (/** @type {number | undefined} */ gfn) => card.choose(gfn)
  const map = new MapPanel(lpid, choose, () => maps.now())
  fill(
    panel,
    el('div', { class: 'row spread' }, head.names, vmButtons(lpid)),
    head.about,
    head.fault,
    el('div', { class: 'split' }, map.box, card.box),
    el('details', { open: true }, el('summary', {}, 'Memory slots'), slots.box),
  )
  const gone = (/** @type {import('./api.js').ApiError} */ error) => {
    if (error.status === 404) showGone(panel, lpid)
  }
  const facts = poll(async () => {
    const [vm, { slots: now }] = await Promise.all([
      get(`/v1/vms/${lpid}`),
      get(`/v1/vms/${lpid}/slots`),
    ])
    head.set(vm)
    slots.set(now)
    await card.refresh()
    return FACTS_MS
  }, gone)
  const maps = poll(mapAsker(lpid, map), () => undefined)
  return () => {
    facts.stop()
    maps.stop()
    map.close()
  }
}

/**
 * Asks for what changed since the last map.
 * @param {number} lpid
 * @param {MapPanel} map
 */
function mapAsker(lpid, map) {
  let epoch = ''
  let quiet = 0
  let from = 0
  return async () => {
    if (from !== map.model.from) epoch = ''
    from = map.model.from
    const since = epoch === '' ? '' : `&since=${epoch}`
    const reply = await request(`/v1/vms/${lpid}/map?from=${from}${since}`, {
      headers: { 'if-none-match': `"${epoch}"` },
    })
    // Other frames may be wanted by now.
    if (from !== map.model.from) return 0
    if (reply.status === 304) {
      quiet++
      return quiet > QUIET_AFTER ? QUIET_MS : LIVE_MS
    }
    quiet = 0
    const bytes = await reply.arrayBuffer()
    if (from !== map.model.from) return 0
    map.take(bytes)
    if (from !== map.model.from) return 0
    epoch = (reply.headers.get('etag') ?? '').replaceAll('"', '')
    frameCounts.set([...map.model.counts])
    return LIVE_MS
  }
}

/**
 * @param {HTMLElement} panel
 * @param {number} lpid
 */
function showGone(panel, lpid) {
  closeShown?.()
  closeShown = undefined
  const link = el('a', { href: '#' }, 'Look at another one')
  fill(
    panel,
    el(
      'div',
      { class: 'empty' },
      el('strong', {}, `There is no VM ${lpid}.`),
      el('span', {}, 'It was destroyed, or never was.'),
      link,
    ),
  )
}
