/** Peers that take their time, and peers that take nothing: each kind of them, on bare sockets. */
import { text, upgrade } from './frames.ts'
import { closeCode, isClose, RawSocket } from './raw-socket.ts'

export const SLOW_KINDS = [
  'says nothing',
  'headers byte by byte',
  'upgrade byte by byte',
  'body byte by byte',
  'frame byte by byte',
  'upgraded and silent',
  'answered and silent',
] as const
export type SlowKind = (typeof SLOW_KINDS)[number]

const HOST = 'Host: 127.0.0.1'
const POST = `POST /v1/vms HTTP/1.1\r\n${HOST}\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n`
const GET = `GET /livez HTTP/1.1\r\n${HOST}\r\n\r\n`
/** Longer than anybody waits for. */
const endless = (head: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(head), Buffer.alloc(9_000, 0x20)])
const HALF_HEAD = `GET /v1/host HTTP/1.1\r\n${HOST}\r\nX-Slow: `

/** What is said at once, and what follows it byte by byte. */
interface Manner {
  readonly first: Buffer
  readonly drip: Buffer
}
const NONE = Buffer.alloc(0)
const MANNERS: Readonly<Record<SlowKind, Manner>> = {
  'says nothing': { first: NONE, drip: NONE },
  'headers byte by byte': { first: NONE, drip: endless(HALF_HEAD) },
  'upgrade byte by byte': { first: NONE, drip: upgrade() },
  'body byte by byte': { first: Buffer.from(POST), drip: endless('{') },
  'frame byte by byte': { first: upgrade(), drip: text(' '.repeat(9_000)) },
  'upgraded and silent': { first: upgrade(), drip: NONE },
  'answered and silent': { first: Buffer.from(GET), drip: NONE },
}

/** How the server ended the connection: an HTTP status, a close code, or 0 for without a word. */
export async function endOf(raw: RawSocket, kind: SlowKind): Promise<number> {
  const isUpgraded = MANNERS[kind].first.includes('Sec-WebSocket-Key')
  if (isUpgraded) {
    await raw.answer()
    const code = closeCode(await raw.next(isClose, 'a close'))
    raw.socket.end()
    return code
  }
  if (kind === 'answered and silent') {
    const { status } = await raw.answer()
    await raw.ended()
    return status === 200 ? 0 : status
  }
  return (await raw.answer()).status
}

/** A slow peer at work until it is told to stop, or its connection ends. */
export class SlowPeer {
  readonly kind: SlowKind
  readonly raw: RawSocket
  readonly #timer: NodeJS.Timeout | undefined

  /** `dripMs`: milliseconds between two bytes. */
  constructor(port: number, kind: SlowKind, dripMs: number) {
    this.kind = kind
    this.raw = new RawSocket(port)
    const { first, drip } = MANNERS[kind]
    const { socket } = this.raw
    if (first.length > 0) socket.write(first)
    if (drip.length === 0) return
    let at = 0
    this.#timer = setInterval(() => {
      if (socket.writable) socket.write(drip.subarray(at, at + 1))
      at++
    }, dripMs)
    socket.on('close', () => clearInterval(this.#timer))
  }

  stop(): void {
    clearInterval(this.#timer)
    this.raw.destroy()
  }
}

const open = '{"jsonrpc":"2.0","id":1,"method":"SESSION_OPEN","params":{"name":"never reads"}}'
const load = (id: number): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"MEM_READ","params":{"lpid":1,"ra":"0x10000","offset":0,"length":65536}}`

/**
 * A client that asks for what it never reads: 64 KiB in each answer. It opens a session and makes
 * calls that are refused or served, whichever; what is said about them piles up.
 */
export async function neverRead(port: number, calls: number): Promise<RawSocket> {
  const raw = new RawSocket(port)
  await raw.opened()
  raw.socket.write(upgrade())
  await raw.answer()
  raw.socket.pause()
  raw.socket.write(text(open))
  const all = Buffer.concat(Array.from({ length: calls }, (_, at) => text(load(at + 2))))
  raw.socket.write(all)
  return raw
}
