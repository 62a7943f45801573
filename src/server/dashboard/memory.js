/** What a VM's memory holds: read, written and filled as the host does it. */
import { get, request, send } from './api.js'
import { ask, field, show } from './dialogs.js'
import { el } from './dom.js'
import { count, gpaOf, hex, parseNumber, parseSize } from './format.js'
import { complain, tell } from './toast.js'

/** Bytes in a line of a dump. */
const LINE = 16
const TOUCHES = 'The host touches the page for it: a secure one is paged out first.'

/**
 * Bytes as lines of hexadecimal digits and text.
 * @param {Uint8Array} bytes
 */
export function dumpOf(bytes) {
  const lines = []
  for (let at = 0; at < bytes.length; at += LINE) {
    const here = [...bytes.subarray(at, at + LINE)]
    const digits = here.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = here.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·'))
    lines.push(`${at.toString(16).padStart(4, '0')}  ${digits.padEnd(3 * LINE)} ${text.join('')}`)
  }
  return lines.join('\n')
}

/**
 * Bytes written as text: as it stands, or as hexadecimal digits with or without spaces.
 * @param {string} text
 * @param {string} form `text` or `hex`
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
export function bytesFrom(text, form) {
  if (form === 'text') return text === '' ? undefined : new TextEncoder().encode(text)
  const digits = text.replace(/^0x/i, '').replaceAll(/\s+/g, '')
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) return undefined
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/**
 * @param {number} lpid
 * @param {number} gfn
 */
export async function showPage(lpid, gfn) {
  try {
    const { page } = await get(`/v1/vms/${lpid}/pages/${gfn}`)
    show({ title: `Content of GFN ${hex(gfn)}`, text: TOUCHES, body: contentOf(page) })
  } catch (error) {
    complain(error)
  }
}

/** @param {{ tag: string } | { bytes: string } | null} page */
function contentOf(page) {
  if (page === null) return el('p', {}, 'A page of zeros.')
  if ('tag' in page) return el('p', {}, 'The tag ', el('code', {}, page.tag), ' stands for it.')
  const bytes = Uint8Array.from(atob(page.bytes), (char) => char.charCodeAt(0))
  return el('pre', { class: 'dump', tabIndex: 0, 'aria-label': 'Bytes' }, dumpOf(bytes))
}

/**
 * @param {number} lpid
 * @param {number} gfn
 * @param {() => void} done
 */
export function askToWrite(lpid, gfn, done) {
  const form = el(
    'select',
    { name: 'form' },
    el('option', { value: 'text' }, 'text'),
    el('option', { value: 'hex' }, 'hexadecimal digits'),
  )
  ask({
    title: `Write to VM ${lpid}`,
    text: TOUCHES,
    action: 'Write',
    fields: [
      field('GPA', 'gpa', { value: gpaOf(gfn), required: true }),
      field('Bytes', 'bytes', { required: true }),
      el('label', {}, 'Given as', form),
    ],
    send: async (values) => {
      const gpa = parseNumber(String(values.get('gpa')))
      if (gpa === undefined) throw new Error('A GPA is a number, such as 0x10000.')
      const body = bytesFrom(String(values.get('bytes')), String(values.get('form')))
      if (body === undefined) throw new Error('Bytes are text, or pairs of hexadecimal digits.')
      const headers = { 'content-type': 'application/octet-stream' }
      const target = `/v1/vms/${lpid}/memory?gpa=${hex(gpa)}`
      const { written } = await (await request(target, { method: 'PUT', headers, body })).json()
      tell(`${count(written)} bytes are at ${hex(gpa)}.`)
      done()
    },
  })
}

/**
 * @param {number} lpid
 * @param {any} slot
 */
export const askToFill = (lpid, slot) =>
  ask({
    title: `Fill memory of VM ${lpid}`,
    text: `Each page gets a tag that stands for its content: the first this one, each next one a step more. ${TOUCHES}`,
    action: 'Fill',
    fields: [
      field('GPA', 'gpa', { value: slot.gpa, required: true }),
      field('Size', 'size', { value: slot.size, required: true }),
      field('Tag of the first page', 'tag', { value: '0x1', required: true }),
      field('Step', 'step', { value: '0x1', required: true }),
    ],
    send: async (values) => {
      const size = parseSize(String(values.get('size')))
      if (size === undefined) throw new Error('A size is needed, such as 64 MiB.')
      const [gpa, tag, step] = ['gpa', 'tag', 'step'].map((name) => String(values.get(name)).trim())
      const wish = { gpa, size, tag, step }
      const { pages } = await send('POST', `/v1/vms/${lpid}/memory/fill`, wish)
      tell(`${count(pages)} pages are filled.`)
    },
  })
