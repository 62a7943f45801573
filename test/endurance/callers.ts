/** Ultravisors for an overload: what they are asked to call, and what became of it. */
import { WebSocket } from 'ws'
import type { DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import { asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { uvJsonCodec } from '../../src/peer/rpc-json.ts'
import { Peer } from '../../src/peer/rpc-peer.ts'
import { CallGate } from '../../src/peer/uv-gate.ts'
import { connectWs, type WsTransport } from '../../src/peer/ws-transport.ts'

const TOO_MANY_CALLS = -32_003
const PAGES = 64
const PAGE_BYTES = 65_536
/** Calls that wait in a client that paces itself, before it is asked for more in vain. */
const waitingMax = 256

/** What became of the calls of one client. */
export abstract class Caller {
  protected readonly lpid: number
  sent = 0
  answered = 0
  /** Answered with success: pages that moved. */
  moved = 0
  /** Refused with TOO_MANY_CALLS. */
  refused = 0
  /** Wished for, and never sent. */
  heldBack = 0
  readonly wrong: string[] = []
  #moves = 0

  constructor(lpid: number) {
    this.lpid = lpid
  }

  /** Calls that are not answered, sent or not. */
  abstract get openCalls(): number
  abstract close(): void
  protected abstract call(body: UpCall): Promise<void>
  /** True when the client takes no more of what it is asked for. */
  protected get isFull(): boolean {
    return false
  }

  async begin(): Promise<void> {
    const lpid = asLpid(this.lpid)
    const slot = { startGpa: asGpa(0), size: PAGES * PAGE_BYTES, flags: 0, slotId: asSlotId(0) }
    await this.call({ call: 'SESSION_OPEN', name: `flood-${lpid}` })
    await this.call({ call: 'UV_REGISTER_MEM_SLOT', lpid, ...slot })
    await this.call({ call: 'H_SVM_INIT_START', lpid })
  }

  /** Pages in and out by turns: each asks this ultravisor something within. */
  move(): Promise<void> {
    if (this.isFull) {
      this.heldBack++
      return Promise.resolve()
    }
    const turn = this.#moves++
    const gpa = asGpa((turn % PAGES) * PAGE_BYTES)
    const call = Math.floor(turn / PAGES) % 2 === 0 ? 'H_SVM_PAGE_IN' : 'H_SVM_PAGE_OUT'
    return this.call({ call, lpid: asLpid(this.lpid), gpa, flags: 0, order: 16 })
  }

  /** A call has ended: with a code, or with an error. */
  protected end(ret: number | undefined, error: number | undefined, text: string): void {
    if (ret !== undefined) {
      this.answered++
      if (ret === 0) this.moved++
    } else if (error === TOO_MANY_CALLS) this.refused++
    else this.wrong.push(text)
  }
}

interface Item {
  readonly id: number
  readonly method?: string
  readonly result?: { readonly ret: number }
  readonly error?: { readonly code: number }
}

/** Answers at once, one message after the other, and sends its calls whatever becomes of the others. */
export class HastyCaller extends Caller {
  readonly #socket: WebSocket
  readonly #open = new Map<number, () => void>()
  #ids = 0

  private constructor(url: string, lpid: number) {
    super(lpid)
    this.#socket = new WebSocket(url, ['uvmem.v1.json'])
    this.#socket.on('message', (data: Buffer) => this.#hear(String(data)))
    this.#socket.on('close', (code) => {
      if (code !== 1005) this.wrong.push(`closed with ${code}`)
    })
  }

  static async open(url: string, lpid: number): Promise<Caller> {
    const caller = new HastyCaller(url, lpid)
    await new Promise((resolve, reject) => {
      caller.#socket.once('open', resolve)
      caller.#socket.once('error', reject)
    })
    await caller.begin()
    return caller
  }

  get openCalls(): number {
    return this.#open.size
  }

  close(): void {
    this.#socket.close()
  }

  protected call(body: UpCall): Promise<void> {
    this.sent++
    const id = ++this.#ids
    const { call: method, ...rest } = body
    const params = method === 'UV_REGISTER_MEM_SLOT' ? slotParams(body) : rest
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return new Promise((resolve) => this.#open.set(id, resolve))
  }

  #hear(text: string): void {
    const parsed = JSON.parse(text) as Item | Item[]
    for (const item of Array.isArray(parsed) ? parsed : [parsed]) {
      if (item.method === undefined) this.#ended(item)
      else this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id: item.id, result: { ret: 0 } }))
    }
  }

  #ended({ id, result, error }: Item): void {
    const open = this.#open.get(id)
    if (open === undefined) this.wrong.push(`an answer to call ${id}, which is not open`)
    else this.end(result?.ret, error?.code, `call ${id}: ${JSON.stringify(error)}`)
    this.#open.delete(id)
    open?.()
  }
}

function slotParams(body: UpCall): object {
  if (body.call !== 'UV_REGISTER_MEM_SLOT') return {}
  const { lpid, startGpa, size, flags, slotId } = body
  return { lpid, start_gpa: startGpa, size, flags, slotid: slotId }
}

/** The client's own way: what is too much waits in the client. */
export class PacedCaller extends Caller {
  #peer: Peer<UpCall, DownCall> | undefined
  #gate: CallGate | undefined
  #transport: WsTransport | undefined
  #open = 0

  static async open(url: string, lpid: number): Promise<Caller> {
    const caller = new PacedCaller(lpid)
    const codec = uvJsonCodec()
    const transport = await connectWs({
      ...{ url, subprotocol: codec.subprotocol },
      receive: (data) => caller.#peer?.receive(data),
      failed: (error) => caller.wrong.push(String(error)),
      ended: ({ code, sentence }) => {
        if (code !== 1_000) caller.wrong.push(sentence)
      },
    })
    const peer = new Peer<UpCall, DownCall>({
      ...{ codec, transport, itemsPerSend: codec.itemsPerSend, defer: queueMicrotask },
      serve: (incoming) => incoming.answer(0),
    })
    caller.#peer = peer
    caller.#gate = new CallGate(peer)
    caller.#transport = transport
    await caller.begin()
    return caller
  }

  get openCalls(): number {
    return this.#open
  }

  protected override get isFull(): boolean {
    return (this.#gate?.length ?? 0) >= waitingMax
  }

  close(): void {
    this.#transport?.close(1_000, '')
  }

  protected call(body: UpCall): Promise<void> {
    this.sent++
    this.#open++
    return new Promise((resolve) => {
      this.#gate?.call(body, (outcome: Outcome) => {
        this.#open--
        if (outcome.kind === 'answer') this.end(outcome.ret, undefined, '')
        else this.end(undefined, outcome.code, `${body.call}: ${outcome.message}`)
        resolve()
      })
    })
  }
}
