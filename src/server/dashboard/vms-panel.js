/** The list of VMs, each with its state and a bar of its frames. */
import { get, send } from './api.js'
import { ask, field } from './dialogs.js'
import { byId, el, fill, setText } from './dom.js'
import { pages, parseNumber, parseSize } from './format.js'
import { Observable } from './observable.js'
import { poll, sleep } from './poll.js'
import { stateBar } from './state-bar.js'
import { tell } from './toast.js'

const POLL_MS = 1_000
/** VMs in one page of the list. */
const SHOWN = 50
/** Milliseconds after which a VM that looks the same is counted again. */
const RECOUNT_MS = 5_000

/**
 * @typedef {object} Row
 * @property {HTMLElement} item
 * @property {HTMLAnchorElement} link
 * @property {HTMLElement} chip
 * @property {HTMLElement} size
 * @property {ReturnType<typeof stateBar>} bar
 * @property {string} counted what the VM looked like when it was counted last
 * @property {number} countedAt
 */

/** The VMs of the page that is shown; undefined before there was an answer. @type {Observable<any[] | undefined>} */
export const vms = new Observable(/** @type {any[] | undefined} */ (undefined))

/** LPID of the chosen VM, as the address of the page has it. @type {Observable<number | undefined>} */
export const chosen = new Observable(chosenNow())

/** @returns {number | undefined} */
function chosenNow() {
  return parseNumber(/^#vm=(\w+)$/.exec(location.hash)?.[1] ?? '')
}

/** @type {Map<number, Row>} */
const rows = new Map()
/** Where the pages before this one began. @type {number[]} */
const pagesBefore = []
let after = 0
/** @type {number | null} */
let next = null

export function startVms() {
  const panel = byId('vms-panel')
  const list = el('ul', { class: 'vms' })
  const empty = el(
    'div',
    { class: 'empty' },
    el('strong', {}, 'There are no VMs yet.'),
    el(
      'span',
      {},
      'Create one here, or let an ultravisor bring its own: ',
      el('code', {}, 'uvmem uv'),
    ),
  )
  const create = el('button', { type: 'button', onclick: () => askForVm() }, 'Create a VM …')
  const back = el('button', { type: 'button' }, '‹ Lower')
  const on = el('button', { type: 'button' }, 'Higher ›')
  const pager = el('div', { class: 'row' }, back, on)
  panel.append(list, empty, pager, el('div', { class: 'row' }, create))
  const asking = poll(async () => {
    const answer = await get(`/v1/vms?limit=${SHOWN}&after=${after}`)
    next = answer.next
    vms.set(answer.vms)
    return POLL_MS
  })
  back.addEventListener('click', () => {
    after = pagesBefore.pop() ?? 0
    asking.now()
  })
  on.addEventListener('click', () => {
    pagesBefore.push(after)
    after = next ?? after
    asking.now()
  })
  vms.watch((now) => {
    if (now === undefined) return
    showRows(list, now)
    empty.hidden = now.length > 0 || after > 0
    create.className = empty.hidden ? '' : 'primary'
    pager.hidden = after === 0 && next === null
    back.disabled = after === 0
    on.disabled = next === null
    chooseFirst(now)
  })
  addEventListener('hashchange', () => chosen.set(chosenNow()))
  chosen.watch(() => markChosen())
  void countForever()
  return asking
}

/** @param {any[]} now */
function chooseFirst(now) {
  if (chosen.value !== undefined || now[0] === undefined) return
  history.replaceState(null, '', `#vm=${now[0].lpid}`)
  chosen.set(now[0].lpid)
}

function markChosen() {
  for (const [lpid, { link }] of rows) {
    link.setAttribute('aria-current', String(lpid === chosen.value))
  }
}

/**
 * @param {HTMLElement} list
 * @param {any[]} now
 */
function showRows(list, now) {
  const there = new Set(now.map(({ lpid }) => lpid))
  for (const lpid of rows.keys()) if (!there.has(lpid)) rows.delete(lpid)
  for (const vm of now) {
    if (!rows.has(vm.lpid)) rows.set(vm.lpid, newRow(vm.lpid))
    const row = /** @type {Row} */ (rows.get(vm.lpid))
    const [kind, text] = vmState(vm)
    row.chip.className = `chip ${kind}`
    setText(row.chip, text)
    setText(row.size, pages(vm.frames))
  }
  const wanted = now.map(({ lpid }) => /** @type {Row} */ (rows.get(lpid)).item)
  const isSame =
    wanted.length === list.children.length && wanted.every((each, i) => each === list.children[i])
  if (!isSame) fill(list, ...wanted)
  markChosen()
}

/**
 * @param {number} lpid
 * @returns {Row}
 */
function newRow(lpid) {
  const bar = stateBar()
  const chip = el('span', { class: 'chip' })
  const size = el('span', { class: 'muted number' })
  const link = el('a', { href: `#vm=${lpid}` }, el('strong', {}, `VM ${lpid}`), size, chip, bar.bar)
  return { item: el('li', {}, link), link, chip, size, bar, counted: '', countedAt: 0 }
}

/**
 * Class and text of a VM's state.
 * @param {any} vm
 * @returns {[string, string]}
 */
export function vmState(vm) {
  if (vm.fault !== null) return ['bad', `stopped: ${vm.fault.kind}`]
  if (vm.orphaned) return ['bad', `${vm.state}, orphan`]
  return [vm.state, vm.state]
}

/** Counts frames of one VM after the other; a VM that is slow to count is counted less often. */
async function countForever() {
  for (;;) {
    const due = (vms.value ?? []).filter((vm) => isDue(vm))
    for (const vm of due) await sleep(4 * (await countVm(vm)))
    await sleep(POLL_MS)
  }
}

/** @param {any} vm */
function isDue(vm) {
  const row = rows.get(vm.lpid)
  if (row === undefined || document.hidden) return false
  const looks = JSON.stringify(vm)
  if (row.counted !== looks || vm.operations > 0) return true
  return vm.state !== 'normal' || performance.now() - row.countedAt > RECOUNT_MS
}

/**
 * @param {any} vm
 * @returns {Promise<number>} milliseconds that it took
 */
async function countVm(vm) {
  const began = performance.now()
  const row = rows.get(vm.lpid)
  if (row === undefined) return 0
  row.counted = JSON.stringify(vm)
  row.countedAt = began
  try {
    const counts = await get(`/v1/vms/${vm.lpid}/frames/counts`)
    row.bar.set([counts.normal, counts.secure, counts.paged_out, counts.shared])
  } catch {
    // The VM has gone meanwhile, or the server: the list says so.
  }
  return performance.now() - began
}

export function askForVm() {
  ask({
    title: 'Create a VM',
    text: 'A normal VM with one memory slot. An ultravisor can take it through its switch to secure.',
    action: 'Create',
    fields: [
      field('Memory', 'size', { value: '256 MiB', required: true }),
      field('LPID, or nothing for the lowest free one', 'lpid', { inputMode: 'numeric' }),
    ],
    send: async (values) => {
      const size = parseSize(String(values.get('size')))
      if (size === undefined) throw new Error('Memory is a size such as 256 MiB or 2 GiB.')
      const text = String(values.get('lpid')).trim()
      const lpid = parseNumber(text)
      if (text !== '' && lpid === undefined) throw new Error('An LPID is a number from 1 to 4095.')
      const vm = await send('POST', '/v1/vms', {
        slots: [{ size }],
        ...(lpid === undefined ? {} : { lpid }),
      })
      tell(`VM ${vm.lpid} is there.`)
      location.hash = `#vm=${vm.lpid}`
    },
  })
}
