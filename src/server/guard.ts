/**
 * Who may talk to the server: the same rules for REST and for the upgrade to a WebSocket.
 *
 * A server on a loopback address answers only to loopback names, so that a web page cannot reach it
 * by DNS rebinding; whatever comes with an Origin must come from this server's own pages or a named
 * origin; where a token is set it must be shown.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { ProblemName } from '../../schemas/rest/problem.ts'

export interface GuardOptions {
  /** The bearer token; undefined: everybody may. */
  readonly token: string | undefined
  /** The address that is listened on, or its name. */
  readonly host: string
  /** Origins of web pages that may use the server besides its own: `https://lab.example`. */
  readonly allowedOrigins: readonly string[]
}

/** Why somebody is turned away. */
export interface Refusal {
  readonly problem: Extract<ProblemName, 'unauthorized' | 'forbidden'>
  readonly detail: string
}

export type Guard = (headers: IncomingHttpHeaders) => Refusal | undefined

/** True for 127.0.0.0/8, ::1 and `localhost`. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1'
}

/** The host name of a Host header, without its port. */
const nameOf = (host: string): string =>
  host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:\d*$/, '')

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares in a time that tells nothing about where the texts differ. */
function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const wanted = digest(token)
  return (authorization) => {
    const [, shown] = /^Bearer +([^ ]+)$/i.exec(authorization ?? '') ?? []
    return timingSafeEqual(digest(shown ?? ''), wanted) && shown !== undefined
  }
}

/** The rules about where a request comes from. */
export function originGuard({ host, allowedOrigins }: GuardOptions): Guard {
  const loopback = isLoopback(host)
  return ({ host: asked, origin }) => {
    if (asked === undefined || (loopback && !isLoopback(nameOf(asked)))) {
      return { problem: 'forbidden', detail: 'The Host header does not name this server.' }
    }
    if (origin === undefined || allowedOrigins.includes(origin)) return undefined
    if (origin === `http://${asked}` || origin === `https://${asked}`) return undefined
    return { problem: 'forbidden', detail: 'Web pages of this origin may not use this server.' }
  }
}

/** The rule about who asks. */
export function tokenGuard({ token }: GuardOptions): Guard {
  if (token === undefined) return () => undefined
  const fits = tokenCheck(token)
  return ({ authorization }) =>
    fits(authorization)
      ? undefined
      : {
          problem: 'unauthorized',
          detail: 'An Authorization header with the bearer token is needed.',
        }
}
