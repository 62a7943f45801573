/** What the host and the operator can do to a VM, its memory slots and its frames. */
import { send } from './api.js'
import { ask, field } from './dialogs.js'
import { el } from './dom.js'
import { hex, parseNumber, parseSize } from './format.js'
import { askToFill, askToWrite, showPage } from './memory.js'
import { complain, tell } from './toast.js'

/**
 * Runs an operation and says how it ended.
 * @param {string} what
 * @param {string} path
 * @param {object} [body]
 */
async function run(what, path, body) {
  try {
    const { name } = await send('POST', path, body)
    tell(`${what}: ${name}`)
  } catch (error) {
    complain(error)
  }
}

/**
 * @param {string} text
 * @param {string} title
 * @param {() => unknown} act
 * @param {string} [kind]
 */
const button = (text, title, act, kind) =>
  el(
    'button',
    { type: 'button', title, onclick: act, ...(kind === undefined ? {} : { class: kind }) },
    text,
  )

/** @param {number} lpid */
export const vmButtons = (lpid) =>
  el(
    'div',
    { class: 'row' },
    button('Add memory …', 'Hot-add a memory slot', () => askForSlot(lpid)),
    button('Reset …', 'KVM_PPC_SVM_OFF: what a reboot does first', () => askToReset(lpid)),
    button(
      'Destroy …',
      'Its memory goes, its device pages come back',
      () => askToDestroy(lpid),
      'danger',
    ),
  )

/**
 * @param {number} lpid
 * @param {number} gfn
 * @param {() => void} done
 */
export function frameButtons(lpid, gfn, done) {
  /**
   * @param {string} what
   * @param {string} name
   * @param {object} [body]
   */
  const act = (what, name, body) => async () => {
    await run(`${what} GFN ${hex(gfn)}`, `/v1/vms/${lpid}/frames/${gfn}/${name}`, body)
    done()
  }
  return el(
    'div',
    { class: 'row' },
    button('Touch', 'The host writes to it: a secure frame is paged out', act('Touch', 'touch')),
    button(
      'Reclaim',
      'Its mapping goes, its content is kept',
      act('Reclaim', 'unmap', { how: 'reclaim' }),
    ),
    button(
      'Discard',
      'Its mapping goes with its content (MADV_DONTNEED)',
      act('Discard', 'unmap', { how: 'discard' }),
    ),
    button('Pin', 'The host holds it for good: it cannot be migrated', act('Pin', 'pin')),
    button('Unpin', 'It can be migrated again', act('Unpin', 'unpin')),
    button(
      'Guest fault',
      'A page fault of the guest that reaches the hypervisor',
      act('Guest fault', 'guest-fault'),
    ),
    button('Read …', 'What the host sees: a secure frame is paged out', async () => {
      await showPage(lpid, gfn)
      done()
    }),
    button('Write …', 'Put bytes into it', () => askToWrite(lpid, gfn, done)),
  )
}

/**
 * @param {number} lpid
 * @param {any} slot
 */
export function slotButtons(lpid, slot) {
  const path = `/v1/vms/${lpid}/slots/${slot.id}`
  /**
   * @param {string} what
   * @param {string} name
   */
  const act = (what, name) => () => run(`${what} slot ${slot.id}`, `${path}/${name}`)
  return el(
    'div',
    { class: 'row' },
    button('Flush', 'Device pages are dropped without page-out', act('Flush', 'flush')),
    slot.mapped
      ? button('Unmap', 'munmap() of the memory behind it', act('Unmap', 'unmap'))
      : button('Map', 'mmap() of fresh memory behind it', act('Map', 'map')),
    button('Fill …', 'Give its pages content', () => askToFill(lpid, slot)),
    button('Merging …', 'Let page merging (KSM) fail to be switched off', () =>
      askForKsmError(lpid, slot),
    ),
    button('Remove …', 'Hot-remove the slot', () => askToRemove(lpid, slot), 'danger'),
  )
}

/**
 * @param {number} lpid
 * @param {any} slot
 */
const askForKsmError = (lpid, slot) =>
  ask({
    title: `Page merging of slot ${slot.id}`,
    text: 'What ksm_madvise(MADV_UNMERGEABLE) answers from now on: a negative errno, such as -12 (ENOMEM); 0 lets it succeed.',
    action: 'Set',
    fields: [field('Answer', 'error', { value: String(slot.ksm_error || -12), required: true })],
    send: async (values) => {
      const error = Number(values.get('error'))
      await send('POST', `/v1/vms/${lpid}/slots/${slot.id}/ksm`, { error })
      tell(
        error === 0
          ? `Merging of slot ${slot.id} can be switched off.`
          : `Switching off merging of slot ${slot.id} fails with ${error}.`,
      )
    },
  })

/** @param {number} lpid */
function askForSlot(lpid) {
  ask({
    title: `Add memory to VM ${lpid}`,
    text: 'A secure VM gets its new slot secured at once, as the kernel does at hotplug.',
    action: 'Add',
    fields: [
      field('Size', 'size', { value: '64 MiB', required: true }),
      field('GPA, or nothing for behind the last slot', 'gpa', { placeholder: '0x10000000' }),
    ],
    send: async (values) => {
      const size = parseSize(String(values.get('size')))
      const text = String(values.get('gpa')).trim()
      const gpa = parseNumber(text)
      if (size === undefined) throw new Error('A size is needed, such as 64 MiB.')
      if (text !== '' && gpa === undefined)
        throw new Error('A GPA is a number, such as 0x10000000.')
      const wish = { size, ...(gpa === undefined ? {} : { gpa }) }
      const { slot, uvmem } = await send('POST', `/v1/vms/${lpid}/slots`, wish)
      tell(`Slot ${slot.id} at ${slot.gpa} is there.`, `The uvmem code answered ${uvmem.name}.`)
    },
  })
}

/** @param {number} lpid */
const askToReset = (lpid) =>
  ask({
    title: `Reset VM ${lpid} to normal?`,
    text: 'KVM_PPC_SVM_OFF: device pages are dropped, the ultravisor ends the SVM. Its memory is lost.',
    action: 'Reset',
    danger: true,
    send: async () => {
      const { name } = await send('POST', `/v1/vms/${lpid}/reset`)
      tell(`Reset of VM ${lpid}: ${name}`)
    },
  })

/** @param {number} lpid */
const askToDestroy = (lpid) =>
  ask({
    title: `Destroy VM ${lpid}?`,
    text: 'Its memory goes and its device pages return to the pool.',
    action: 'Destroy',
    danger: true,
    send: async () => {
      await send('DELETE', `/v1/vms/${lpid}`)
      tell(`VM ${lpid} is gone.`)
      location.hash = ''
    },
  })

/**
 * @param {number} lpid
 * @param {any} slot
 */
const askToRemove = (lpid, slot) =>
  ask({
    title: `Remove slot ${slot.id} of VM ${lpid}?`,
    text: 'Its device pages are dropped and the ultravisor is told.',
    action: 'Remove',
    danger: true,
    send: async () => {
      const { name } = await send('DELETE', `/v1/vms/${lpid}/slots/${slot.id}`)
      tell(`Removal of slot ${slot.id}: ${name}`)
    },
  })
