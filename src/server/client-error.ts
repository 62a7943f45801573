/**
 * What a client is told whose request cannot be read: too late, too long, or no HTTP. A problem
 * document on the bare socket, as Fastify never sees such a request.
 */
import type { Socket } from 'node:net'
import type { ProblemName } from '../../schemas/rest/problem.ts'
import { problem } from './problem.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'

/** The problem for what Node.js says about a request; all others are bad requests. */
const BY_CODE: ReadonlyMap<string, ProblemName> = new Map<string, ProblemName>([
  ['HPE_HEADER_OVERFLOW', 'header-too-large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'too-large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request-timeout'],
])
const DETAIL: Readonly<Partial<Record<ProblemName, string>>> = {
  'header-too-large': 'Request line and headers have 16 KiB together at most.',
  'too-large': 'The chunks of the body have extensions.',
  'request-timeout': 'headersMsMax and requestMsMax say how long a request may take.',
}

/** Node.js puts the answer that is being sent there, if there is one. */
interface Answering extends Socket {
  readonly _httpMessage?: { readonly headersSent: boolean } | null
}

export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  const isAnswered = (socket as Answering)._httpMessage?.headersSent === true
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswered) {
    socket.destroy()
    return
  }
  const name = BY_CODE.get(error.code ?? '') ?? 'bad-request'
  const detail = DETAIL[name] ?? 'The request is not HTTP/1.1.'
  refuseUpgrade(socket, problem(name, detail))
}
