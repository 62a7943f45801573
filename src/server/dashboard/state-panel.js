/** The state of the whole host in the operator's hands: checkpoints, a file, and back to the start. */
import { get, request, send } from './api.js'
import { ask, field } from './dialogs.js'
import { byId, el, fill } from './dom.js'
import { poll } from './poll.js'
import { complain, tell } from './toast.js'

const POLL_MS = 3_000
const REPLACES = 'Every ultravisor is disconnected, every call ends, and fault rules are removed.'

export function startState() {
  const panel = byId('state-panel')
  const list = el('ul', { class: 'rules' })
  const empty = el('p', { class: 'muted' }, 'No checkpoints: the server keeps them until it ends.')
  /**
   * @param {string} text
   * @param {() => void} act
   * @param {string} [kind]
   */
  const button = (text, act, kind) =>
    el('button', { type: 'button', onclick: act, class: kind ?? '' }, text)
  panel.append(
    list,
    empty,
    el(
      'div',
      { class: 'row' },
      button('Save checkpoint …', () => askToSave(asking)),
      button('Download', () => void download()),
      button('Restore file …', askToRestore),
      button('Reset host …', askToResetHost, 'danger'),
    ),
  )
  let shown = ''
  const asking = poll(async () => {
    const { checkpoints } = await get('/v1/checkpoints')
    const text = JSON.stringify(checkpoints)
    if (text !== shown) {
      fill(list, ...checkpoints.map((/** @type {any} */ each) => rowOf(each, asking)))
    }
    shown = text
    empty.hidden = checkpoints.length > 0
    list.hidden = !empty.hidden
    return POLL_MS
  })
}

/**
 * @param {{ name: string, vms: number }} checkpoint
 * @param {{ now: () => void }} asking
 */
function rowOf({ name, vms }, asking) {
  const load = () =>
    ask({
      title: `Go on from ${name}?`,
      text: REPLACES,
      action: 'Load',
      danger: true,
      send: async () => {
        await send('POST', `/v1/checkpoints/${name}/load`)
        tell(`The host is as it was at ${name}.`)
      },
    })
  const remove = async () => {
    try {
      await send('DELETE', `/v1/checkpoints/${name}`)
      asking.now()
    } catch (error) {
      complain(error)
    }
  }
  return el(
    'li',
    {},
    el(
      'span',
      {},
      el('strong', {}, name),
      el('span', { class: 'muted' }, ` ${vms} VM${vms === 1 ? '' : 's'}`),
    ),
    el(
      'span',
      { class: 'row' },
      el('button', { type: 'button', onclick: load }, 'Load …'),
      el(
        'button',
        { type: 'button', onclick: remove, 'aria-label': `Remove checkpoint ${name}` },
        '×',
      ),
    ),
  )
}

/** @param {{ now: () => void }} asking */
const askToSave = (asking) =>
  ask({
    title: 'Save a checkpoint',
    text: 'Taken between two operations; one of that name is replaced.',
    action: 'Save',
    fields: [field('Name', 'name', { required: true, pattern: '[A-Za-z0-9._\\-]{1,64}' })],
    send: async (values) => {
      const { name } = await send('PUT', `/v1/checkpoints/${values.get('name')}`)
      tell(`Checkpoint ${name} is kept.`)
      asking.now()
    },
  })

async function download() {
  try {
    const reply = await request('/v1/snapshot')
    const href = URL.createObjectURL(await reply.blob())
    el('a', { href, download: 'host.state' }).click()
    setTimeout(() => URL.revokeObjectURL(href), 10_000)
  } catch (error) {
    complain(error)
  }
}

const askToRestore = () =>
  ask({
    title: 'Go on from a file',
    text: `A snapshot of a host with this profile and pool. ${REPLACES}`,
    action: 'Restore',
    danger: true,
    fields: [field('File', 'file', { type: 'file', required: true })],
    send: async (values) => {
      const headers = { 'content-type': 'application/octet-stream' }
      const body = /** @type {File} */ (values.get('file'))
      await request('/v1/snapshot', { method: 'PUT', headers, body })
      tell('The host is as the file has it.')
    },
  })

const askToResetHost = () =>
  ask({
    title: 'Reset the host?',
    text: `All VMs go. ${REPLACES}`,
    action: 'Reset',
    danger: true,
    send: async () => {
      await send('POST', '/v1/reset')
      tell('The host is as it was at its start.')
      location.hash = ''
    },
  })
