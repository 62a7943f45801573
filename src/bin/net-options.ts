/** Where a server is and what it is shown: options of everything that connects to one. */
import type { UvProtocol } from '../peer/uv-protocol.ts'
import { PROTOCOLS } from './choices.ts'
import { certificateFile, fileText, oneOf, option, text } from './option.ts'

const group = 'Network:'

/** What is shown to a server, and what it has to show. */
export const CREDENTIAL_OPTIONS = {
  tokenFile: option(fileText('the token').optional(), 'file with the bearer token', {
    value: 'file',
    group,
  }),
  token: option(text('a token').optional(), 'the bearer token itself', { secret: true }),
  tlsCa: option(
    certificateFile('certificates').optional(),
    "PEM file with the certificates that the server's own is checked with",
    { value: 'file', group },
  ),
}

/** The same as clients take it. */
export const credentialsOf = (options: {
  readonly tokenFile?: string | undefined
  readonly token?: string | undefined
  readonly tlsCa?: { readonly pem: string } | undefined
}) => ({ token: options.tokenFile ?? options.token, ca: options.tlsCa?.pem })

/** For whoever speaks REST with it. */
export const SERVER_OPTIONS = {
  url: option(text('an address').default('http://127.0.0.1:8080'), 'where the server is', {
    value: 'url',
    group,
    shownDefault: 'http://127.0.0.1:8080',
  }),
  ...CREDENTIAL_OPTIONS,
}

/** For ultravisors. */
export const uvNetOptions = (protocol: UvProtocol) => ({
  ...SERVER_OPTIONS,
  http: option(text('an address').optional(), 'where its REST API is, when that is elsewhere', {
    value: 'url',
    group,
  }),
  protocol: option(oneOf(PROTOCOLS, 'a protocol').default(protocol), PROTOCOLS.join(' or '), {
    value: 'name',
    group,
    shownDefault: protocol,
  }),
})
