/** The REST API. A problem document becomes an ApiError that says what it says. */
import { askToken, tokenHeaders } from './token.js'

/**
 * @typedef {object} Problem
 * @property {string} title
 * @property {string} detail
 * @property {string} [type]
 * @property {{ field: string, expected: string }[]} [errors]
 */

/** Who may look and not steer is told so; who may not even look needs another token. */
const ROLE_MISSING = 'urn:uvmem:problem:role-missing'

/** The server answered with a problem. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Problem} problem
   */
  constructor(status, problem) {
    super(problem.detail)
    this.name = 'ApiError'
    this.status = status
    this.problem = problem
  }
}

/**
 * One request; asks for the token when the server wants one. Rejects with ApiError, or with a
 * TypeError when there is no server.
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function request(path, init = {}) {
  for (;;) {
    const token = tokenHeaders()
    const headers = { .../** @type {Record<string, string>} */ (init.headers), ...token }
    const reply = await fetch(path, { ...init, headers, cache: 'no-store' })
    if (reply.ok || reply.status === 304) return reply
    // What was asked with a token that has been changed meanwhile says nothing about the new one.
    if (reply.status === 401 && token['authorization'] !== tokenHeaders()['authorization']) continue
    if (reply.status !== 401) {
      const problem = await problemOf(reply)
      const mayNotLook = problem.type === ROLE_MISSING && (init.method ?? 'GET') === 'GET'
      if (!mayNotLook) throw new ApiError(reply.status, problem)
      await askToken(problem.detail)
    } else await askToken()
  }
}

/**
 * @param {Response} reply
 * @returns {Promise<Problem>}
 */
async function problemOf(reply) {
  try {
    return await reply.json()
  } catch {
    return { title: 'The answer is no problem document.', detail: `${reply.status}` }
  }
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function get(path) {
  return (await request(path)).json()
}

/**
 * @param {'POST' | 'PUT' | 'DELETE'} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function send(method, path, body) {
  const json =
    body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  return (await request(path, { method, ...json })).json()
}

/**
 * Server-sent events of a path, until `signal` ends them or the server does.
 * @param {string} path
 * @param {AbortSignal} signal
 */
export async function* events(path, signal) {
  const reply = await request(path, { signal, headers: { accept: 'text/event-stream' } })
  if (reply.body === null) return
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader()
  let held = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    held += value
    const parts = held.split(/\r?\n\r?\n/)
    held = parts.pop() ?? ''
    for (const part of parts) {
      const event = parseEvent(part)
      if (event !== undefined) yield event
    }
  }
}

/**
 * @param {string} text
 * @returns {{ name: string, data: any } | undefined}
 */
export function parseEvent(text) {
  let name = 'message'
  let data = ''
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('event:')) name = line.slice(6).trim()
    else if (line.startsWith('data:')) data += `${data === '' ? '' : '\n'}${line.slice(5).trim()}`
  }
  return data === '' ? undefined : { name, data: JSON.parse(data) }
}
