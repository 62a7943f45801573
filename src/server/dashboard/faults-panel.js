/** Fault rules: what goes wrong on purpose, ready-made or written by hand. */
import { get, send } from './api.js'
import { ask, field } from './dialogs.js'
import { byId, el, fill } from './dom.js'
import { count, parseNumber } from './format.js'
import { poll } from './poll.js'
import { complain, tell } from './toast.js'

const POLL_MS = 2_000

/** What a rule written by hand may be about; the REST API takes more. */
const CALLS = [
  'H_SVM_PAGE_IN',
  'H_SVM_PAGE_OUT',
  'H_SVM_INIT_START',
  'H_SVM_INIT_DONE',
  'UV_PAGE_IN',
  'UV_PAGE_OUT',
  'UV_PAGE_INVAL',
  'UV_REGISTER_MEM_SLOT',
  'UV_SVM_TERMINATE',
]

/** @type {Record<string, { text: string, action: (value: number) => object }>} */
const ACTIONS = {
  answer: { text: 'answer with the code', action: (code) => ({ do: 'answer', code }) },
  delay: { text: 'delay by milliseconds', action: (ms) => ({ do: 'delay', ms }) },
  drop: { text: 'lose the answer', action: () => ({ do: 'drop' }) },
  cut: { text: 'cut the connection', action: () => ({ do: 'cut', when: 'before' }) },
}

export function startFaults() {
  const panel = byId('faults-panel')
  const list = el('ul', { class: 'rules' })
  const empty = el('p', { class: 'muted' }, 'No rules: nothing goes wrong on purpose.')
  const preset = el('select', { 'aria-label': 'Ready-made rules' })
  const about = el('p', { class: 'muted' })
  const add = el('button', { type: 'button' }, 'Add')
  const own = el('button', { type: 'button' }, 'Write one …')
  const clear = el('button', { type: 'button', class: 'danger' }, 'Remove all')
  const buttons = el('div', { class: 'row' }, own, clear)
  panel.append(list, empty, el('div', { class: 'row pick' }, preset, add), about, buttons)
  void loadPresets(preset, about)
  let shown = ''
  const asking = poll(async () => {
    const { rules } = await get('/v1/faults')
    const text = JSON.stringify(rules)
    if (text !== shown) fill(list, ...rules.map((/** @type {any} */ rule) => rowOf(rule, asking)))
    shown = text
    empty.hidden = rules.length > 0
    clear.hidden = rules.length === 0
    return POLL_MS
  })
  /**
   * @param {'POST' | 'DELETE'} method
   * @param {string} path
   * @param {string} done
   */
  const act = async (method, path, done) => {
    try {
      await send(method, path)
      tell(done)
      asking.now()
    } catch (error) {
      complain(error)
    }
  }
  add.addEventListener('click', () => {
    void act('POST', `/v1/faults/presets/${preset.value}`, `${preset.value} is in force.`)
  })
  clear.addEventListener('click', () => void act('DELETE', '/v1/faults', 'No rule is in force.'))
  own.addEventListener('click', () => askForRule(asking))
}

/**
 * @param {HTMLSelectElement} select
 * @param {HTMLElement} about
 */
async function loadPresets(select, about) {
  const { presets } = await get('/v1/faults/presets')
  /** @type {Map<string, string>} */
  const texts = new Map()
  for (const { name, about: text } of presets) {
    texts.set(name, text)
    select.append(el('option', { value: name }, name.replaceAll('-', ' ')))
  }
  const show = () => fill(about, texts.get(select.value))
  select.addEventListener('change', show)
  show()
}

/**
 * @param {any} entry
 * @param {{ now: () => void }} asking
 */
function rowOf({ id, rule, hits }, asking) {
  const remove = el('button', { type: 'button', 'aria-label': `Remove rule ${id}` }, '×')
  remove.addEventListener('click', async () => {
    try {
      await send('DELETE', `/v1/faults/${id}`)
      asking.now()
    } catch (error) {
      complain(error)
    }
  })
  return el(
    'li',
    {},
    el(
      'span',
      {},
      el('strong', {}, rule.name ?? id),
      el('br'),
      el('span', { class: 'mono' }, `${rule.call} `),
      el(
        'span',
        { class: 'muted' },
        `${wordsOf(rule)}: ${count(hits)} hit${hits === 1 ? '' : 's'}`,
      ),
    ),
    remove,
  )
}

/** @param {any} rule */
function wordsOf({ lpid, gfn, nth, every, action }) {
  const where = [
    lpid === undefined ? '' : `of VM ${lpid}`,
    gfn === undefined ? '' : `from GFN ${gfn}`,
    nth === undefined ? '' : `no. ${nth}`,
    every === undefined ? '' : `every ${every}`,
  ]
  const what = { answer: `answers ${action.code}`, delay: `${action.ms} ms late` }
  const done = /** @type {Record<string, string>} */ (what)[action.do] ?? action.do
  return [...where.filter((part) => part !== ''), done].join(' ')
}

/** @param {{ now: () => void }} asking */
function askForRule(asking) {
  /**
   * @param {[string, string][]} options
   * @param {string} name
   */
  const select = (options, name) =>
    el('select', { name }, ...options.map(([value, text]) => el('option', { value }, text)))
  const actions = /** @type {[string, string][]} */ (
    Object.entries(ACTIONS).map(([name, { text }]) => [name, text])
  )
  ask({
    title: 'A fault rule',
    text: 'Asked for every such call, after the rules that are there. The first that fits decides.',
    action: 'Add',
    fields: [
      el(
        'label',
        {},
        'Call',
        select(
          CALLS.map((call) => [call, call]),
          'call',
        ),
      ),
      el('label', {}, 'What happens', select(actions, 'do')),
      field('Code or milliseconds', 'value', { value: '-4' }),
      field('Only every n-th call', 'every', { value: '1', inputMode: 'numeric' }),
      field('Only of this VM', 'lpid', { inputMode: 'numeric' }),
    ],
    send: async (values) => {
      const action = ACTIONS[String(values.get('do'))]?.action(Number(values.get('value')))
      const lpid = parseNumber(String(values.get('lpid')))
      const every = parseNumber(String(values.get('every')))
      await send('POST', '/v1/faults', {
        call: values.get('call'),
        action,
        ...(lpid === undefined ? {} : { lpid }),
        ...(every === undefined || every === 1 ? {} : { every }),
      })
      asking.now()
    },
  })
}
