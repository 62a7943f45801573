/** What the server takes of a TCP or TLS connection: how many there are, and how long each may take. */
import type { FastifyInstance } from 'fastify'
import type { Limits } from '../../schemas/limits.ts'

/** Certificate chain and key, in PEM. */
export interface TlsOptions {
  readonly cert: string
  readonly key: string
}

interface ConnectionWishes {
  readonly tls?: TlsOptions
  readonly hv: { readonly limits: Limits }
}

/** Milliseconds between two looks for requests that are late, at most. */
const lookMsMax = 1_000

/** Options of Fastify, whose types know either TLS or none. */
export function connectionOptions({ tls, hv: { limits } }: ConnectionWishes): object {
  const { headersMsMax, requestMsMax, keepAliveMsMax, stillMsMax } = limits
  const lookMs = Math.ceil(Math.min(lookMsMax, headersMsMax / 4, requestMsMax / 4))
  const http = { connectionsCheckingInterval: lookMs }
  return {
    requestTimeout: requestMsMax,
    keepAliveTimeout: keepAliveMsMax,
    connectionTimeout: stillMsMax,
    // Without it this is null, which Fastify takes for plain HTTP.
    https: tls === undefined ? null : { ...http, ...tlsOf(tls), handshakeTimeout: headersMsMax },
    http,
  }
}

/** Source: RFC 9325: nothing older than TLS 1.2. */
const tlsOf = ({ cert, key }: TlsOptions) => ({ cert, key, minVersion: 'TLSv1.2' as const })

/** What can be set only once the server is there. */
export function limitConnections({ server }: FastifyInstance, limits: Limits): void {
  server.headersTimeout = Math.min(limits.headersMsMax, limits.requestMsMax)
  server.maxConnections = limits.connectionsMax
}
