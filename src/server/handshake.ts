/**
 * Whether a request is an opening handshake that this server takes, apart from who sends it.
 * Source: RFC 6455, section 4.2.1; RFC 9112, section 3.2.
 */
import type { IncomingMessage } from 'node:http'
import { type Problem, problem } from './problem.ts'
import { negotiate, SUBPROTOCOLS, UV_PATH } from './subprotocols.ts'

/** As Sec-WebSocket-Version has it. DIFF: ws takes the draft that calls itself 8 as well. */
export const WEBSOCKET_VERSION = '13'

/** How often a request names its host: once, or nobody knows whom it means. */
export function hostsIn({ rawHeaders }: IncomingMessage): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === 'host') hosts++
  }
  return hosts
}

/** A request that no server may take for an upgrade, whoever sends it. */
export function brokenUpgrade(request: IncomingMessage): Problem | undefined {
  const { httpVersion } = request
  if (httpVersion !== '1.1') return problem('bad-request', `HTTP/${httpVersion} has no upgrades.`)
  if (hostsIn(request) !== 1) return problem('bad-request', 'There must be one Host header.')
  return undefined
}

/** Why a request that has been let in is no upgrade that is served. */
export function upgradeMisfit({ url, method, headers }: IncomingMessage): Problem | undefined {
  const [path] = (url ?? '').split('?')
  if (path !== UV_PATH) return problem('not-found', `The WebSocket is at ${UV_PATH}.`)
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') {
    return problem('upgrade-required', 'Only the upgrade to a WebSocket is served.')
  }
  if (headers['sec-websocket-version'] !== WEBSOCKET_VERSION) {
    return problem('upgrade-required', `Sec-WebSocket-Version must be ${WEBSOCKET_VERSION}.`)
  }
  if (negotiate(headers['sec-websocket-protocol']) !== undefined) return undefined
  const known = SUBPROTOCOLS.join(', ')
  return problem('upgrade-required', `Sec-WebSocket-Protocol must offer one of: ${known}.`)
}
