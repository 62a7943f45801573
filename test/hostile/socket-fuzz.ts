/**
 * The same hostility over real sockets: messages in fragments, in frames that are spoilt themselves,
 * chopped anywhere. What each message is answered is judged elsewhere (wire-fuzz.ts); here nothing may
 * break but the connection at fault, with a code of the list.
 */
import { type Prng, prng } from '../../src/lib/prng.ts'
import { frame, Op, ping, upgrade } from './frames.ts'
import { type Known, oneIn, pick } from './grow.ts'
import { type Data, Hostility, type Protocol } from './hostility.ts'
import { spoilBytes } from './mutate.ts'
import { closeCode, isClose, RawSocket, type ServerFrame } from './raw-socket.ts'
import { saidIn } from './wire-said.ts'

/** Codes that a server may close a connection with that breaks the rules. */
const CODES: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 4005])
const messagesPerLife = 25
/** Milliseconds that a connection is given to say its last words. */
const lastWordsMs = 500

export interface SocketCounts {
  messages: number
  lives: number
  /** By close code; 0: the connection was still open. */
  readonly ends: Map<number, number>
}

/** One connection from its beginning to its end; what went wrong, or undefined. */
export async function playLife(
  port: number,
  seed: number,
  counts: SocketCounts,
): Promise<string | undefined> {
  const random = prng(seed)
  const protocol: Protocol = oneIn(random, 3) ? 'bin' : 'json'
  const raw = new RawSocket(port)
  try {
    await raw.opened()
    raw.socket.write(upgrade({ set: { 'Sec-WebSocket-Protocol': `uvmem.v1.${protocol}` } }))
    const { status } = await raw.answer()
    if (status !== 101) return `seed ${seed}: status ${status}`
    const code = await rant(raw, new Hostility(protocol, random), random, counts)
    counts.lives++
    counts.ends.set(code, (counts.ends.get(code) ?? 0) + 1)
    return code === 0 || CODES.has(code) ? undefined : `seed ${seed}: closed with ${code}`
  } catch (error) {
    return `seed ${seed}: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    raw.destroy()
  }
}

async function rant(
  raw: RawSocket,
  hostility: Hostility,
  random: Prng,
  counts: SocketCounts,
): Promise<number> {
  const asked = new Map<number, string>()
  const ras: string[] = []
  const known: Known = { open: new Map(), ended: [], highest: 0, asked, ras, hasSession: true }
  for (let n = 0; n < messagesPerLife && !raw.isEnded; n++) {
    const data = hostility.next(known)
    await raw.write(chopped(random, framesOf(random, data)))
    counts.messages++
    learn(raw, asked, ras)
  }
  if (!raw.isEnded) raw.socket.write(ping('last words'))
  const isLast = (each: ServerFrame): boolean =>
    isClose(each) || (each.opcode === Op.Pong && String(each.payload) === 'last words')
  // Whoever has spoilt the length of a frame waits for ever: the server waits for the rest of it.
  const waited = new Promise((done) => setTimeout(done, lastWordsMs).unref())
  await Promise.race([waited, raw.until(() => raw.isEnded || raw.frames.some(isLast), 'an end')])
  const close = raw.frames.find(isClose)
  if (close !== undefined) return closeCode(close)
  return raw.isEnded ? 1006 : 0
}

/** What the hypervisor has asked, so that some of it can be answered. */
function learn(raw: RawSocket, asked: Map<number, string>, ras: string[]): void {
  for (const { opcode, payload } of raw.takeFrames()) {
    const data = opcode === Op.Text ? String(payload) : opcode === Op.Binary ? payload : undefined
    for (const said of data === undefined ? [] : saidIn(data)) {
      if (said.kind !== 'call') continue
      asked.set(said.id, said.method)
      if (said.ra !== undefined) ras.push(said.ra)
    }
  }
}

/** A message as one frame or more; now and then one that no server may take. */
function framesOf(random: Prng, data: Data): Buffer {
  const opcode = typeof data === 'string' ? Op.Text : Op.Binary
  const bytes = Buffer.from(data as string)
  const cut = oneIn(random, 6) ? random.int(bytes.length + 1) : bytes.length
  const mask = random.int(2 ** 32)
  const frames =
    cut === bytes.length
      ? frame(opcode, bytes, { mask })
      : Buffer.concat([
          frame(opcode, bytes.subarray(0, cut), { fin: false, mask }),
          ...(oneIn(random, 3) ? [ping('between')] : []),
          frame(Op.Continuation, bytes.subarray(cut), { mask }),
        ])
  return oneIn(random, 60) ? spoilBytes(random, frames) : frames
}

function chopped(random: Prng, bytes: Buffer): readonly Buffer[] {
  if (!oneIn(random, 8)) return [bytes]
  const at = random.int(bytes.length + 1)
  return pick(random, [[bytes.subarray(0, at), bytes.subarray(at)], [bytes]])
}
