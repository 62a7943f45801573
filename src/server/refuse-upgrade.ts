/** Refuses an upgrade to a WebSocket: an HTTP answer on the bare socket, as no WebSocket exists yet. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { PROBLEM_TYPE, type Problem } from './problem.ts'

/** `challenge`: for WWW-Authenticate. */
export function refuseUpgrade(
  socket: Duplex,
  { status, document }: Problem,
  challenge?: string,
): void {
  const body = JSON.stringify(document)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(challenge === undefined ? [] : [`WWW-Authenticate: ${challenge}`]),
    ...(status === 426 ? ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'] : []),
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
