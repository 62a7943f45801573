/**
 * A client's WebSocket as the RPC peer's Transport: connects, tells what ended a connection in
 * words, and notices a server that has gone silent.
 *
 * Source: spec of the wire, sections 2 and 5. Messages are never compressed: pages are either tags
 * or ciphertext.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { CLOSE } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import { present } from '../lib/assert.ts'
import { BUSY_POLL } from './busy-poll.ts'
import type { Transport, WireData } from './rpc-codec.ts'
import { TurnCork } from './turn-cork.ts'
import { sendMasked } from './ws-frame.ts'

/** Bytes of a refused upgrade's answer that are looked at. */
const REFUSAL_BYTES_MAX = 4_096
const CONNECT_MS_MAX = 10_000
/** Milliseconds that a server has for its part of the closing handshake. */
const CLOSE_MS_MAX = 1_000

/** No connection came about; the message says why, with what was dialled. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
}

/** How a connection ended. */
export interface Ending {
  /** WebSocket close code; 1006 when the connection broke. */
  readonly code: number
  /** For people. */
  readonly sentence: string
}

export interface WsOptions {
  /** `ws://` or `wss://`, with the path. */
  readonly url: string
  readonly subprotocol: string
  /** Sent as a bearer token. */
  readonly token?: string | undefined
  /** Certificates in PEM that a wss server's own is checked with, in place of the known ones. */
  readonly ca?: string | undefined
  /** Milliseconds until the upgrade must be answered; default 10,000. */
  readonly connectMsMax?: number
  readonly pingIntervalMs?: number
  readonly pongWaitMsMax?: number
  /** Takes one message. What it throws closes the connection as INTERNAL. */
  readonly receive: (data: WireData) => void
  /** Told once, after the connection was open. */
  readonly ended: (ending: Ending) => void
  /** Told what `receive` threw, before the connection is closed for it. */
  readonly failed: (error: unknown) => void
}

/** A connection that can also be cut without a word, as a crash does. */
export interface WsTransport extends Transport {
  terminate(): void
}

/** Makes a connection; rejects with ConnectError. */
export type Dial = (options: WsOptions) => Promise<WsTransport>

/** Connects; rejects with ConnectError. */
export function connectWs(options: WsOptions): Promise<WsTransport> {
  const { url, subprotocol, token, ca, connectMsMax = CONNECT_MS_MAX } = options
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new ConnectError(`cannot connect to ${url}: ${why}`))
    let socket: WebSocket
    try {
      socket = new WebSocket(url, [subprotocol], {
        perMessageDeflate: false,
        maxPayload: LIMITS.messageBytesMax,
        handshakeTimeout: connectMsMax,
        ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
        ...(ca === undefined ? {} : { ca }),
      })
    } catch (error) {
      return fail(reasonOf(error))
    }
    let lastError = ''
    socket.on('error', (error) => {
      lastError = reasonOf(error)
      fail(lastError)
    })
    socket.on('unexpected-response', (request, answer) => {
      readRefusal(answer, (text) => {
        fail(`the server answered ${answer.statusCode ?? 0}${text}`)
        request.destroy()
      })
    })
    let wire: Socket | undefined
    socket.once('upgrade', (answer) => {
      wire = answer.socket
    })
    socket.once('open', () =>
      resolve(attach(socket, present(wire, 'the upgrade'), options, () => lastError)),
    )
  })
}

/** Wires an open socket up. Nothing that came with the upgrade is lost: this runs inside 'open'. */
function attach(
  socket: WebSocket,
  wire: Socket,
  options: WsOptions,
  lastError: () => string,
): WsTransport {
  const cork = new TurnCork(wire)
  let isSilent = false
  const alive = watchLife(socket, options, () => {
    isSilent = true
    socket.terminate()
  })
  const guard = (run: () => void): void => {
    try {
      run()
    } catch (error) {
      options.failed(error)
      closeSoon(socket, CLOSE.INTERNAL.code, CLOSE.INTERNAL.text)
    }
  }
  socket.on('message', (data, isBinary) => {
    alive()
    BUSY_POLL.heard()
    const bytes = data as Buffer
    guard(() => options.receive(isBinary ? bytes : bytes.toString('utf8')))
  })
  socket.on('close', (given, reason) => {
    const { code, text } = CLOSE.PONG_MISSING
    if (isSilent) options.ended({ code, sentence: sentenceOf(code, text, '') })
    else {
      const sentence = sentenceOf(given, reason.toString('utf8'), lastError())
      options.ended({ code: given, sentence })
    }
  })
  return {
    get bufferedAmount() {
      return cork.waiting
    },
    send: (data, sent) => {
      cork.hold(data.length)
      // Memory that somebody waits for is ours until then; after the end nothing is sent any more.
      const isOurs = sent !== undefined && socket.readyState === WebSocket.OPEN
      if (isOurs && typeof data !== 'string') sendMasked(wire, data, sent)
      // A send after the end reports its error to this function instead of throwing it.
      else socket.send(data, sent ?? ignore)
      cork.wrote()
    },
    whenDrained: (run) => wire.once('drain', () => guard(run)),
    close: (code, reason) => closeSoon(socket, code, reason),
    terminate: () => socket.terminate(),
  }
}

/** Closes; a server that does not play its part is not waited for. */
function closeSoon(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  setTimeout(() => socket.terminate(), CLOSE_MS_MAX).unref()
}

/**
 * Pings; a server from which nothing came for too long is `lost`. Returns the sign of life.
 */
function watchLife(socket: WebSocket, options: WsOptions, lost: () => void): () => void {
  const { pingIntervalMs = LIMITS.pingIntervalMs, pongWaitMsMax = LIMITS.pongWaitMsMax } = options
  let silentMs = 0
  const timer = setInterval(() => {
    silentMs += pingIntervalMs
    if (silentMs <= pongWaitMsMax) socket.ping()
    // Who says nothing does not answer a close frame either.
    else lost()
  }, pingIntervalMs)
  timer.unref()
  const alive = (): void => {
    silentMs = 0
  }
  socket.on('pong', alive)
  socket.on('ping', alive)
  socket.on('close', () => clearInterval(timer))
  return alive
}

/** ` Bad Request: sentence` of a problem document or a plain text. */
function readRefusal(answer: IncomingMessage, done: (text: string) => void): void {
  let body = ''
  answer.setEncoding('utf8')
  answer.on('data', (part: string) => {
    if (body.length < REFUSAL_BYTES_MAX) body += part
  })
  const end = (): void => done(` ${answer.statusMessage ?? ''}${detailOf(body)}`)
  answer.once('end', end)
  answer.once('error', end)
}

function detailOf(body: string): string {
  const text = body.slice(0, REFUSAL_BYTES_MAX).trim()
  if (text === '') return ''
  try {
    const problem: unknown = JSON.parse(text)
    const detail =
      typeof problem === 'object' && problem !== null ? Reflect.get(problem, 'detail') : ''
    return typeof detail === 'string' ? `: ${detail}` : ''
  } catch {
    return `: ${text.split('\n')[0] ?? ''}`
  }
}

const TEXT_OF: ReadonlyMap<number, string> = new Map(
  Object.values(CLOSE).map(({ code, text }) => [code, text]),
)

function sentenceOf(code: number, reason: string, lastError: string): string {
  if (code === 1006) {
    return lastError === ''
      ? 'the connection broke without a word'
      : `the connection broke: ${lastError}`
  }
  const text = reason === '' ? (TEXT_OF.get(code) ?? 'no reason given') : reason
  return `the connection was closed with ${code}: ${text}`
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // Several addresses of one host that all refused: an AggregateError has no message of its own.
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((one) => reasonOf(one)).join(', ')
  }
  return error.message
}

const ignore = (): void => undefined
