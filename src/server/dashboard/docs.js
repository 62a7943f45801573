/** Shows every operation of the REST API, and tries it: made of /openapi.json, offline. */
import { ApiError, get, request } from './api.js'
import { exampleOf, fieldsOf, targetOf } from './docs-form.js'
import { byId, el, fill } from './dom.js'

const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
/** Characters of an answer that are shown. */
const SHOWN_CHARS = 200_000

/**
 * @typedef {object} Described
 * @property {string} operationId
 * @property {string[]} tags
 * @property {string} summary
 * @property {string} description
 * @property {{ name: string, in: string, required: boolean, description?: string, schema: { default?: unknown } }[]} [parameters]
 * @property {{ content: Record<string, { schema: any }> }} [requestBody]
 * @property {Record<string, { description: string, content?: object }>} responses
 */

const page = byId('docs')
try {
  const { paths, info } = await get('/openapi.json')
  fill(page, el('p', { class: 'muted' }, info.description), ...chaptersOf(paths))
} catch (error) {
  fill(page, el('p', { role: 'alert' }, error instanceof Error ? error.message : String(error)))
}

/** @param {Record<string, Record<string, Described>>} paths */
function chaptersOf(paths) {
  /** @type {Map<string, HTMLElement>} */
  const chapters = new Map()
  for (const [route, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0] ?? ''
      const chapter = chapters.get(tag) ?? el('section', {}, el('h2', {}, tag))
      chapters.set(tag, chapter)
      chapter.append(card(route, method.toUpperCase(), operation))
    }
  }
  return chapters.values()
}

/**
 * @param {string} route
 * @param {string} method
 * @param {Described} operation
 */
function card(route, method, operation) {
  const details = el(
    'details',
    { id: operation.operationId },
    el(
      'summary',
      {},
      el('span', { class: 'method' }, method),
      el('code', {}, route),
      operation.summary,
    ),
  )
  // Dozens of forms that nobody opens would be made for nothing.
  const show = () => details.append(...content(route, method, operation))
  details.addEventListener('toggle', show, { once: true })
  return details
}

/**
 * @param {string} route
 * @param {string} method
 * @param {Described} operation
 */
function content(route, method, { description, parameters = [], requestBody, responses }) {
  const answers = Object.entries(responses).map(([status, answer]) =>
    el('li', {}, el('code', {}, status), ` ${answer.description}`),
  )
  const streams = JSON.stringify(responses).includes('text/event-stream')
  const inputs = parameters.map((parameter) => ({ parameter, input: inputFor(parameter) }))
  const labels = inputs.map(({ parameter, input }) =>
    el('label', {}, `${parameter.name} (${parameter.in})`, input),
  )
  const body = bodyFor(requestBody)
  const output = el('pre', { role: 'status', hidden: true, tabIndex: 0 })
  const form = el(
    'form',
    {},
    ...labels,
    body && el('label', {}, 'body', body),
    fieldList(requestBody?.content[JSON_TYPE]?.schema),
    streams
      ? el('p', { class: 'muted' }, `A stream: curl -N ${location.origin}${route}`)
      : el('button', { class: 'primary' }, 'Try it'),
    output,
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const values = Object.fromEntries(
      inputs.map(({ parameter, input }) => [parameter.name, input.value]),
    )
    void tryOut(method, targetOf(route, parameters, values), body, output)
  })
  return [el('p', {}, description), form, el('h3', {}, 'Answers'), el('ul', {}, ...answers)]
}

/** @param {NonNullable<Described['parameters']>[number]} parameter */
const inputFor = ({ name, required, description, schema }) =>
  el('input', {
    name,
    required,
    placeholder: String(schema.default ?? description ?? ''),
    title: description,
    autocomplete: 'off',
  })

/**
 * What a body may have in it.
 * @param {any} schema
 */
function fieldList(schema) {
  const fields = fieldsOf(schema)
  if (fields.length === 0) return undefined
  const items = fields.map(({ name, about, required }) =>
    el('li', {}, el('code', {}, name), required ? ', required' : '', about && `: ${about}`),
  )
  return el('ul', { class: 'muted' }, ...items)
}

/** @param {Described['requestBody']} requestBody */
function bodyFor(requestBody) {
  const json = requestBody?.content[JSON_TYPE]
  if (json !== undefined) {
    return el('textarea', {
      name: 'body',
      spellcheck: false,
      value: JSON.stringify(exampleOf(json.schema), null, 2),
    })
  }
  return requestBody === undefined ? undefined : el('input', { type: 'file', name: 'body' })
}

/**
 * @param {string} method
 * @param {string} target
 * @param {HTMLTextAreaElement | HTMLInputElement | undefined} body
 * @param {HTMLElement} output
 */
async function tryOut(method, target, body, output) {
  output.hidden = false
  output.textContent = `${method} ${target} …`
  try {
    const reply = await request(target, { method, ...sent(body) })
    output.textContent = `${reply.status} ${method} ${target}\n\n${await textOf(reply)}`
  } catch (error) {
    const said = error instanceof ApiError ? JSON.stringify(error.problem, null, 2) : String(error)
    output.textContent = `${method} ${target}\n\n${said}`
  }
}

/**
 * @param {HTMLTextAreaElement | HTMLInputElement | undefined} body
 * @returns {RequestInit}
 */
function sent(body) {
  if (body === undefined) return {}
  if (body instanceof HTMLTextAreaElement) {
    return { body: body.value, headers: { 'content-type': JSON_TYPE } }
  }
  return { body: body.files?.[0] ?? '', headers: { 'content-type': BYTES_TYPE } }
}

/** @param {Response} reply */
async function textOf(reply) {
  const type = reply.headers.get('content-type') ?? ''
  if (type.startsWith('text/')) return (await reply.text()).slice(0, SHOWN_CHARS)
  if (!type.startsWith(JSON_TYPE)) return `${(await reply.arrayBuffer()).byteLength} bytes`
  return JSON.stringify(await reply.json(), null, 2).slice(0, SHOWN_CHARS)
}
