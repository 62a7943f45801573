/** The head of the chosen VM: its state, who serves it, its fault; and its memory slots. */
import { slotButtons } from './actions.js'
import { el, fill, setText } from './dom.js'
import { count, pages } from './format.js'
import { vmState } from './vms-panel.js'

export function vmHead() {
  const title = el('h2')
  const chip = el('span', { class: 'chip' })
  const about = el('p', { class: 'muted' })
  const fault = el('p', { class: 'fault', hidden: true })
  const names = el('div', { class: 'row' }, title, chip)
  return {
    names,
    about,
    fault,
    /** @param {any} vm */
    set(vm) {
      const [kind, text] = vmState(vm)
      setText(title, `VM ${vm.lpid}`)
      chip.className = `chip ${kind}`
      setText(chip, text)
      const session = vm.session === null ? 'no ultravisor' : `served by ${vm.session}`
      setText(
        about,
        [
          `${pages(vm.frames)} in ${count(vm.slots)} slot${vm.slots === 1 ? '' : 's'}`,
          session,
          vm.radix ? 'radix' : 'hash page tables',
          vm.svm_enabled ? 'may turn secure' : 'may not turn secure',
          `${count(vm.pinned)} pinned`,
          `${count(vm.operations)} operations under way`,
        ].join(' · '),
      )
      fault.hidden = vm.fault === null
      if (vm.fault !== null) {
        setText(
          fault,
          `${vm.fault.kind}: ${vm.fault.message}. The VM is stopped until it is destroyed.`,
        )
      }
    },
  }
}

/** @param {number} lpid */
export function slotTable(lpid) {
  const body = el('tbody')
  const heads = ['Slot', 'GPA', 'Size', 'Memory', 'What to do']
  const table = el(
    'table',
    {},
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col' }, head)))),
    body,
  )
  const empty = el('p', { class: 'empty' }, 'This VM has no memory. “Add memory …” gives it some.')
  const box = el('div', { class: 'scroll slots' }, table, empty)
  let shown = ''
  return {
    box,
    /** @param {any[]} slots */
    set(slots) {
      const text = JSON.stringify(slots)
      if (text === shown) return
      shown = text
      empty.hidden = slots.length > 0
      table.hidden = slots.length === 0
      fill(body, ...slots.map((slot) => slotRow(lpid, slot)))
    },
  }
}

/** @param {any} slot */
function memoryOf({ mapped, ksm_error: error }) {
  const text = mapped ? 'mapped' : 'unmapped'
  return error === 0 ? text : `${text}, merging stays (${error})`
}

/**
 * @param {number} lpid
 * @param {any} slot
 */
const slotRow = (lpid, slot) =>
  el(
    'tr',
    {},
    el('td', {}, String(slot.id)),
    el('td', { class: 'mono' }, slot.gpa),
    el('td', { class: 'number' }, pages(slot.pages)),
    el('td', {}, memoryOf(slot)),
    el('td', {}, slotButtons(lpid, slot)),
  )
