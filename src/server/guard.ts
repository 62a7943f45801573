/**
 * Who may talk to the server: the same rules for REST and for the upgrade to a WebSocket.
 *
 * The Host header must name this server, so that a web page cannot reach it by DNS rebinding;
 * whatever a browser sends must come from this server's own pages or from a named origin, so that no
 * page acts for its reader; where there are tokens, one with the right role must be shown, in the
 * Authorization header and nowhere else.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { type Access, permits } from '../../schemas/rest/access.ts'
import type { ProblemName } from '../../schemas/rest/problem.ts'
import { ANYBODY, type Principal } from './principal.ts'
import { findPrincipal, ownerToken, type TokenEntry } from './tokens.ts'

export interface GuardOptions {
  /** A bearer token that may do everything. With neither this nor `tokens`: everybody may. */
  readonly token: string | undefined
  /** Tokens with roles. */
  readonly tokens?: readonly TokenEntry[]
  /** The address that is listened on, or its name. */
  readonly host: string
  /** Other names by which the server is reached. */
  readonly allowedHosts?: readonly string[]
  /** Origins of web pages that may use the server besides its own: `https://lab.example`. */
  readonly allowedOrigins: readonly string[]
  /** True: the server speaks TLS, so its own pages have no other origin. */
  readonly isSecure?: boolean
}

/** Why somebody is turned away. */
export interface Refusal {
  readonly problem: Extract<
    ProblemName,
    'bad-request' | 'unauthorized' | 'forbidden' | 'role-missing'
  >
  readonly detail: string
  /** For WWW-Authenticate. Source: RFC 6750, section 3. */
  readonly challenge?: string
}

/** What a guard is shown. */
export interface Visit {
  readonly headers: IncomingHttpHeaders
  /** Path and query as they were sent. */
  readonly url: string
  readonly access: Access
}

export interface Guard {
  /** Where it comes from; asked first, and for everything. */
  origin(visit: Visit): Refusal | undefined
  /** Who it is. */
  principal(visit: Visit): Principal | Refusal
}

export const isRefusal = (told: Principal | Refusal): told is Refusal => 'problem' in told

/** True for 127.0.0.0/8, ::1 and `localhost`. */
export function isLoopback(host: string): boolean {
  const name = bare(host)
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1'
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '').toLowerCase()

/** The host name of a Host header, without its port. */
const nameOf = (host: string): string =>
  host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:\d*$/, '')

export function buildGuard(options: GuardOptions): Guard {
  const tokens = [...ownerToken(options.token), ...(options.tokens ?? [])]
  const isServed = hostRule(options)
  const isOwn = originRule(options)
  return {
    origin: (visit) => {
      const { host, origin } = visit.headers
      if (host === undefined || !isServed(nameOf(host))) return WRONG_HOST
      if (origin !== undefined ? !isOwn(origin, host) : isForeignPage(visit)) return WRONG_ORIGIN
      return hasToken(visit.url) ? TOKEN_IN_URL : undefined
    },
    principal: ({ headers, access }) => {
      const told = tokens.length === 0 ? ANYBODY : whoShows(tokens, headers.authorization)
      if (access === 'open') return isRefusal(told) ? ANYBODY : told
      return isRefusal(told) || permits(told.roles, access) ? told : roleMissing(told, access)
    },
  }
}

const WRONG_HOST: Refusal = {
  problem: 'forbidden',
  detail: 'The Host header does not name this server (uvmem hv --allow-host adds a name).',
}
const WRONG_ORIGIN: Refusal = {
  problem: 'forbidden',
  detail: 'Web pages of this origin may not use this server.',
}
const TOKEN_IN_URL: Refusal = {
  problem: 'bad-request',
  detail:
    'A token in a URL stays in logs and histories: show it in the Authorization header, and change it.',
}

/**
 * A name that an attacker's DNS could point here is served only when it was named. Addresses are safe:
 * who has a page from an address that is ours has it from us.
 */
function hostRule({ host, allowedHosts = [] }: GuardOptions): (name: string) => boolean {
  const named = new Set([host, ...allowedHosts].map(bare))
  const isLocal = isLoopback(host)
  return (name) => isLoopback(name) || named.has(bare(name)) || (!isLocal && isIP(bare(name)) !== 0)
}

function originRule({ allowedOrigins, isSecure }: GuardOptions) {
  const named = new Set(allowedOrigins)
  return (origin: string, host: string): boolean =>
    named.has(origin) ||
    origin === `https://${host}` ||
    (isSecure !== true && origin === `http://${host}`)
}

/**
 * A request without Origin that another site's page makes the browser send: an image, a link. Links to
 * what changes nothing may be followed. Source: Fetch Metadata Request Headers.
 */
function isForeignPage({ headers, access }: Visit): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return !(mode === 'navigate' && (access === 'open' || access === 'reader'))
}

const TOKEN_NAMES = /(?:^|&)(?:access_?token|token|auth|authorization|bearer|api_?key)=/i

/** Names written with escapes count as well. */
function hasToken(url: string): boolean {
  const at = url.indexOf('?')
  if (at < 0) return false
  const query = url.slice(at + 1)
  return TOKEN_NAMES.test(query) || [...new URLSearchParams(query).keys()].some(isTokenName)
}

const isTokenName = (name: string): boolean => TOKEN_NAMES.test(`${name.trim()}=`)

function whoShows(tokens: readonly TokenEntry[], authorization = ''): Principal | Refusal {
  const [, shown] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? []
  const detail = 'An Authorization header with a bearer token is needed.'
  if (shown === undefined) return { problem: 'unauthorized', detail, challenge: 'Bearer' }
  const found = findPrincipal(tokens, shown)
  if (found !== undefined) return found
  const challenge = 'Bearer error="invalid_token"'
  return { problem: 'unauthorized', detail: 'This bearer token is not known here.', challenge }
}

const roleMissing = ({ name, roles }: Principal, access: Access): Refusal => ({
  problem: 'role-missing',
  detail: `The role ${access} is needed; the token of ${name} gives ${[...roles].join(', ')}.`,
  challenge: `Bearer error="insufficient_scope", scope="${access}"`,
})
