/** Plays a vector on a bare socket and says what is not as it should be. */
import { createHash } from 'node:crypto'
import { binary, close, Op, ping, text, upgrade } from './frames.ts'
import { closeCode, isClose, isKind, RawSocket, type ServerFrame } from './raw-socket.ts'
import type { Expected, Vector } from './vector.ts'

const BIN = { 'Sec-WebSocket-Protocol': 'uvmem.v1.bin' }
/** Id of the call that shows that the connection works. */
const PROBE = 4_000_000
const PROBE_CALL = { jsonrpc: '2.0', id: PROBE, method: 'H_SVM_SING', params: {} }
/** The same on the binary subprotocol: a call with the number 0. */
const PROBE_FRAME = Buffer.alloc(56)
PROBE_FRAME.set([1, 0, 0, 0])
PROBE_FRAME.writeUInt32LE(PROBE, 4)
const SESSION_OPEN =
  '{"jsonrpc":"2.0","id":3000000,"method":"SESSION_OPEN","params":{"name":"vector"}}'

/** Plays a vector; what went wrong, or undefined. */
export async function playVector(vector: Vector, port: number): Promise<string | undefined> {
  const raw = new RawSocket(port)
  try {
    await raw.opened()
    if (vector.after !== 'none') await begin(raw, vector.after)
    await raw.write(vector.bytes)
    return await check(raw, vector)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    raw.destroy()
  }
}

async function begin(raw: RawSocket, after: Exclude<Vector['after'], 'none'>): Promise<void> {
  raw.socket.write(upgrade(after === 'bin' ? { set: BIN } : {}))
  const { status } = await raw.answer()
  if (status !== 101) throw new Error(`the upgrade was answered with ${status}`)
  if (after !== 'session') return
  raw.socket.write(text(SESSION_OPEN))
  await raw.next(isKind(Op.Text), 'the answer to SESSION_OPEN')
}

async function check(raw: RawSocket, { after, expected }: Vector): Promise<string | undefined> {
  if ('status' in expected) return checkRefusal(raw, expected)
  if (after === 'none') {
    const wrong = await checkUpgrade(raw, 'upgraded' in expected ? expected.upgraded : undefined)
    if (wrong !== undefined) return wrong
  }
  if ('upgraded' in expected) return checkSaid(raw, expected.upgraded.endsWith('bin'), [])
  if ('close' in expected) return checkClose(raw, expected.close)
  if ('waits' in expected) return checkWaits(raw, expected.waits)
  if ('pongs' in expected) return checkPongs(raw, expected.pongs)
  return checkSaid(raw, after === 'bin', expected.says)
}

type Refusal = Extract<Expected, { status: number }>

async function checkRefusal(raw: RawSocket, expected: Refusal): Promise<string | undefined> {
  const { status, headers, body } = await raw.answer()
  if (status !== expected.status) return `status ${status} ${body}`
  const [name, value] = expected.header ?? []
  if (name !== undefined && headers.get(name) !== value) return `${name}: ${headers.get(name)}`
  if (expected.problem !== undefined) {
    if (headers.get('content-type')?.split(';')[0] !== 'application/problem+json')
      return `an answer of type ${headers.get('content-type')}: ${body}`
    const document = JSON.parse(body) as { type?: string; status?: number }
    if (document.type !== `urn:uvmem:problem:${expected.problem}`) return `problem ${body}`
    if (document.status !== status) return `status ${status} with ${body}`
  }
  // A request that could be read leaves the connection for the next one: then we end it.
  raw.socket.end()
  await raw.ended()
  return undefined
}

const ACCEPT = createHash('sha1')
  .update('dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
  .digest('base64')
const ACCEPT_ZEROS = 'ICX+Yqv66kxgM0FcWaLWlFLwTAI='

async function checkUpgrade(raw: RawSocket, protocol?: string): Promise<string | undefined> {
  const { status, headers, body } = await raw.answer()
  if (status !== 101) return `status ${status} ${body}`
  const accept = headers.get('sec-websocket-accept')
  if (accept !== ACCEPT && accept !== ACCEPT_ZEROS) return `Sec-WebSocket-Accept: ${accept}`
  if (headers.has('sec-websocket-extensions')) return 'an extension was agreed on'
  const chosen = headers.get('sec-websocket-protocol')
  if (protocol !== undefined && chosen !== protocol) return `subprotocol ${chosen}`
  return undefined
}

async function checkClose(raw: RawSocket, code: number): Promise<string | undefined> {
  const frame = await raw.next(isClose, `a close with ${code}`)
  if (closeCode(frame) !== code) return `closed with ${closeCode(frame)}`
  if (!raw.isEnded) raw.socket.end(close(1000))
  await raw.ended()
  return undefined
}

async function checkWaits(raw: RawSocket, pongs: readonly string[]): Promise<string | undefined> {
  await raw.until(() => raw.frames.length >= pongs.length || raw.isEnded, 'pongs')
  await new Promise((done) => setTimeout(done, 50))
  if (raw.isEnded) return `the connection ended; ${raw.seen()}`
  const came = raw.frames.map(({ opcode, payload }) => `${opcode}${payload}`)
  return came.join() === pongs.map((each) => `${Op.Pong}${each}`).join() ? undefined : raw.seen()
}

async function checkPongs(raw: RawSocket, pongs: readonly string[]): Promise<string | undefined> {
  const last = pongs.at(-1) ?? ''
  const isLast = ({ opcode, payload }: ServerFrame) => opcode === Op.Pong && `${payload}` === last
  await raw.until(() => raw.frames.some(isLast) || raw.isEnded, `a pong of ${last}`)
  const came = raw.frames.map(({ payload }) => `${payload}`)
  let at = 0
  for (const each of came) {
    while (at < pongs.length && pongs[at] !== each) at++
    if (at === pongs.length) return `not in this order: ${raw.seen()}`
  }
  return checkSaid(raw, false, [])
}

/** Compares what was said before the answer to a last call with the patterns. */
async function checkSaid(
  raw: RawSocket,
  isBinary: boolean,
  says: readonly RegExp[],
): Promise<string | undefined> {
  // First the ping: its pong tells that all before it has been read.
  await raw.write([
    ping('probe'),
    isBinary ? binary(PROBE_FRAME) : text(JSON.stringify(PROBE_CALL)),
  ])
  let said: readonly string[] = []
  const isProbe = (item: string): boolean =>
    isBinary ? item.includes('00093d00') : item.includes(`"id":${PROBE},`)
  await raw.until(() => {
    said = raw.frames.filter(({ opcode }) => opcode < Op.Close).flatMap(itemsOf)
    return said.some(isProbe) || raw.isEnded
  }, 'the answer to the last call')
  if (raw.isEnded) return `the connection ended; ${raw.seen()}`
  const before = said.filter((item) => !isProbe(item))
  const wrong = says.findIndex((pattern, at) => !pattern.test(before[at] ?? ''))
  if (wrong >= 0) return `item ${wrong}: ${before[wrong]}`
  return before.length === says.length ? undefined : `too much was said: ${before.at(-1)}`
}

function itemsOf({ opcode, payload }: ServerFrame): readonly string[] {
  if (opcode === Op.Binary) return [payload.toString('hex')]
  const parsed: unknown = JSON.parse(String(payload))
  return Array.isArray(parsed) ? parsed.map((item) => JSON.stringify(item)) : [String(payload)]
}
