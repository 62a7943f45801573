/**
 * More than a server can do, from clients that do not wait for answers: three times what it did when
 * they waited. Whatever the server holds stays within named limits, every call is answered or refused by
 * its name, and afterwards the server is as quick as before.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { LIMITS } from '../../schemas/limits.ts'
import { type Held, ServerProcess } from './server-process.ts'
import { medianOf } from './soak.ts'

export interface FloodWish {
  readonly clients: number
  /** Seconds of each part: measuring what it can, and the flood. */
  readonly seconds: number
  readonly tell?: (line: string) => void
}

export interface FloodResult {
  /** Calls a second when clients wait for answers, and what was asked for in the flood. */
  readonly capacity: number
  readonly offered: number
  readonly sent: number
  readonly answered: number
  /** Answered with success: pages that moved. */
  readonly moved: number
  /** Refused with TOO_MANY_CALLS. */
  readonly refused: number
  /** The most that was seen during the flood. */
  readonly most: Pick<Held, 'rss' | 'queueLongest' | 'sendBufferLongest'>
  readonly rssBefore: number
  /** Microseconds of one call alone, before and afterwards: medians. */
  readonly alone: { readonly before: number; readonly after: number }
  readonly wrong: readonly string[]
}

/** How many times what it can. */
const OVERLOAD = 3
/** Bytes that the server may take more than before: what the limits of the wire allow its clients. */
export const rssGrowthBytesMax = 268_435_456
/** A call alone may take so many times what it took before. */
export const slowdownMax = 2
/** A page-out whose page-in was refused fails, too; but most calls are work. */
const failuresMax = 1
/** Calls that a client has open while the capacity is measured. */
const window = 32
const tickMs = 5
/** Milliseconds that the server has to answer what is still open. */
const drainMsMax = 60_000
const TOO_MANY_CALLS = -32_003
const PAGES = 64
const PAGE_BYTES = 65_536

interface Item {
  readonly id: number
  readonly method?: string
  readonly result?: { readonly ret: number }
  readonly error?: { readonly code: number }
}

/** An ultravisor that answers at once, and whose calls are sent whether or not others were answered. */
class Caller {
  readonly #socket: WebSocket
  readonly #lpid: number
  readonly #open = new Map<number, () => void>()
  #ids = 0
  sent = 0
  answered = 0
  moved = 0
  refused = 0
  readonly wrong: string[] = []

  private constructor(url: string, lpid: number) {
    this.#lpid = lpid
    this.#socket = new WebSocket(url, ['uvmem.v1.json'])
    this.#socket.on('message', (data: Buffer) => this.#hear(String(data)))
    this.#socket.on('close', (code) => {
      if (code !== 1005) this.wrong.push(`closed with ${code}`)
    })
  }

  static async open(url: string, lpid: number): Promise<Caller> {
    const caller = new Caller(url, lpid)
    await new Promise((resolve, reject) => {
      caller.#socket.once('open', resolve)
      caller.#socket.once('error', reject)
    })
    await caller.call('SESSION_OPEN', { name: `flood-${lpid}` })
    const slot = { start_gpa: 0, size: PAGES * PAGE_BYTES, flags: 0, slotid: 0 }
    await caller.call('UV_REGISTER_MEM_SLOT', { lpid, ...slot })
    await caller.call('H_SVM_INIT_START', { lpid })
    return caller
  }

  get openCalls(): number {
    return this.#open.size
  }

  call(method: string, params: object): Promise<void> {
    this.#ids++
    this.sent++
    const id = this.#ids
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return new Promise((resolve) => this.#open.set(id, resolve))
  }

  /** Pages in and out by turns: each asks this ultravisor something within. */
  move(): Promise<void> {
    const turn = this.#ids
    const gpa = (turn % PAGES) * PAGE_BYTES
    const method = Math.floor(turn / PAGES) % 2 === 0 ? 'H_SVM_PAGE_IN' : 'H_SVM_PAGE_OUT'
    return this.call(method, { lpid: this.#lpid, gpa, flags: 0, order: 16 })
  }

  close(): void {
    this.#socket.close()
  }

  #hear(text: string): void {
    const parsed = JSON.parse(text) as Item | Item[]
    for (const item of Array.isArray(parsed) ? parsed : [parsed]) {
      if (item.method === undefined) this.#end(item)
      else this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id: item.id, result: { ret: 0 } }))
    }
  }

  #count(ret: number): void {
    this.answered++
    if (ret === 0) this.moved++
  }

  #end({ id, result, error }: Item): void {
    const open = this.#open.get(id)
    if (open === undefined) this.wrong.push(`an answer to call ${id}, which is not open`)
    else if (result !== undefined) this.#count(result.ret)
    else if (error?.code === TOO_MANY_CALLS) this.refused++
    else this.wrong.push(`call ${id}: ${JSON.stringify(error)}`)
    this.#open.delete(id)
    open?.()
  }
}

/** Calls a second of clients that wait for answers. */
async function measure(callers: readonly Caller[], seconds: number): Promise<number> {
  const began = performance.now()
  const end = began + seconds * 1_000
  let done = 0
  const loop = async (caller: Caller): Promise<void> => {
    for (; performance.now() < end; done++) await caller.move()
  }
  await Promise.all(callers.flatMap((each) => Array.from({ length: window }, () => loop(each))))
  return (done * 1_000) / (performance.now() - began)
}

/** The median of calls one after the other, in microseconds: the best of some tries. */
async function alone(caller: Caller): Promise<number> {
  const medians: number[] = []
  for (let tries = 0; tries < 5; tries++) {
    const times: number[] = []
    for (let n = 0; n < 100; n++) {
      const began = performance.now()
      await caller.move()
      times.push((performance.now() - began) * 1_000)
    }
    medians.push(medianOf(times))
  }
  return Math.round(Math.min(...medians))
}

/** Sends so many calls a second, whatever becomes of them; looks at the server meanwhile. */
async function overload(
  server: ServerProcess,
  callers: readonly Caller[],
  perS: number,
  seconds: number,
): Promise<Pick<Held, 'rss' | 'queueLongest' | 'sendBufferLongest'>> {
  const most = { rss: 0, queueLongest: 0, sendBufferLongest: 0 }
  let isOver = false
  const watch = (async () => {
    while (!isOver) {
      const held = await server.look('quick')
      for (const name of ['rss', 'queueLongest', 'sendBufferLongest'] as const) {
        most[name] = Math.max(most[name], held[name])
      }
      await sleep(50)
    }
  })()
  const began = performance.now()
  let sent = 0
  for (let passed = 0; passed < seconds * 1_000; passed = performance.now() - began) {
    for (const due = (perS * passed) / 1_000; sent < due; sent++) {
      void callers[sent % callers.length]?.move()
    }
    await sleep(tickMs)
  }
  await drain(callers)
  isOver = true
  await watch
  return most
}

async function drain(callers: readonly Caller[]): Promise<void> {
  const late = performance.now() + drainMsMax
  while (callers.some(({ openCalls }) => openCalls > 0)) {
    if (performance.now() > late) return
    await sleep(20)
  }
}

export async function flood({ clients, seconds, tell }: FloodWish): Promise<FloodResult> {
  const server = await ServerProcess.start()
  try {
    const lpids = Array.from({ length: clients }, (_, i) => i + 1)
    const callers = await Promise.all(lpids.map((lpid) => Caller.open(server.address.uv, lpid)))
    const [first] = callers
    if (first === undefined) throw new Error('no clients')
    const capacity = await measure(callers, seconds)
    tell?.(`${Math.round(capacity)} calls a second when clients wait`)
    const before = await alone(first)
    const { rss: rssBefore } = await server.look('all')
    const sentBefore = callers.reduce((sum, { sent }) => sum + sent, 0)
    const offered = capacity * OVERLOAD
    const most = await overload(server, callers, offered, seconds)
    const after = await alone(first)
    const sum = (name: 'sent' | 'answered' | 'moved' | 'refused'): number =>
      callers.reduce((all, caller) => all + caller[name], 0)
    for (const caller of callers) caller.close()
    const counts = {
      ...{ sent: sum('sent'), answered: sum('answered') },
      ...{ moved: sum('moved'), refused: sum('refused') },
    }
    const wrong = callers.flatMap((caller) => caller.wrong)
    const result = {
      capacity,
      offered,
      ...counts,
      most,
      rssBefore,
      alone: { before, after },
      wrong,
    }
    tell?.(`${counts.sent - sentBefore} calls sent in the flood, ${counts.refused} refused`)
    return { ...result, wrong: [...wrong, ...brokenIn(result)] }
  } finally {
    server.kill()
  }
}

/** Which bounds did not hold. */
function brokenIn(result: FloodResult): string[] {
  const { sent, answered, moved, refused, most, rssBefore, alone } = result
  const bounds: readonly (readonly [what: string, value: number, max: number])[] = [
    ['calls without an answer', sent - answered - refused, 0],
    ['answers that are no success, for one that is', (answered - moved) / moved, failuresMax],
    ['operations of one VM (callsInFlightMax)', most.queueLongest, LIMITS.callsInFlightMax],
    ['bytes to be sent (sendBufferBytesMax)', most.sendBufferLongest, LIMITS.sendBufferBytesMax],
    ['bytes more of memory (rssGrowthBytesMax)', most.rss - rssBefore, rssGrowthBytesMax],
    ['times as slow afterwards (slowdownMax)', alone.after / alone.before, slowdownMax],
  ]
  return bounds
    .filter(([, value, max]) => value > max)
    .map(([what, value, max]) => `${what}: ${value}, ${max} at most`)
}
