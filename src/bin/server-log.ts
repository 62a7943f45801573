/** The log of a server: JSON lines in which no secret stands, whoever's error holds one. */
import { type Logger, pino } from 'pino'

/** Where Node.js and Fastify put what a client sent: a request that does not parse, or its headers. */
const SECRETS = [
  'err.rawPacket',
  'error.rawPacket',
  'headers.authorization',
  'req.headers.authorization',
  'request.headers.authorization',
]

export const serverLog = (level: string, stream: { write(line: string): void }): Logger =>
  pino({ level, redact: { paths: SECRETS, censor: '[hidden]' } }, stream)
