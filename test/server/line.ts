/** A real WebSocket to a real server, message by message. */
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { App } from '../../src/server/app.ts'
import { listen } from '../../src/server/listen.ts'
import { type ServerOptions, server } from './server.ts'

export interface Item {
  readonly jsonrpc: '2.0'
  readonly id: number | null
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: { ret: number; [more: string]: unknown }
  readonly error?: { code: number; message: string; data?: Readonly<Record<string, unknown>> }
}

/** A server that listens on a free port and ends with the test. */
export async function listening(t: Test, options: ServerOptions = {}) {
  const app = server(options)
  const address = await listen(app, '127.0.0.1', 0)
  t.teardown(() => app.close())
  return { app, ...address }
}

/** A client that keeps what comes. */
export class Line {
  readonly socket: WebSocket
  /** Told of every call of the hypervisor; answers 0 unless told otherwise. */
  serve: (call: Item) => void = (call) => this.answer(call)
  readonly #items: Item[] = []
  readonly #waiting: ((item: Item) => void)[] = []
  readonly closed: Promise<{ code: number; reason: string }>

  constructor(url: string, options: { headers?: Record<string, string>; autoPong?: boolean } = {}) {
    this.socket = new WebSocket(url, ['uvmem.v1.json'], options)
    this.socket.on('message', (data: Buffer) => this.#receive(String(data)))
    this.socket.on('error', () => undefined)
    this.closed = new Promise((done) => {
      this.socket.on('close', (code, reason) => done({ code, reason: String(reason) }))
    })
  }

  /** Connects and opens a session; throws when that fails. */
  static async open(t: Test, url: string, options = {}): Promise<Line> {
    const line = new Line(url, options)
    t.teardown(() => line.socket.terminate())
    await line.opened()
    const answer = await line.call('SESSION_OPEN', { name: 'test' })
    if (answer.result?.ret !== 0) throw new Error(JSON.stringify(answer))
    return line
  }

  opened(): Promise<void> {
    return new Promise((done, fail) => {
      this.socket.once('open', () => done())
      this.socket.once('error', fail)
    })
  }

  #ids = 0
  /** Makes a call; its answer or error. */
  call(method: string, params: object): Promise<Item> {
    this.#ids++
    const id = this.#ids
    this.send({ jsonrpc: '2.0', id, method, params })
    return this.answerTo(id)
  }

  answerTo(id: number | null): Promise<Item> {
    return this.next((item) => item.id === id && item.method === undefined)
  }

  /** The first item that came, or comes, and fits. */
  async next(fits: (item: Item) => boolean): Promise<Item> {
    for (;;) {
      const at = this.#items.findIndex(fits)
      const [item] = at < 0 ? [] : this.#items.splice(at, 1)
      if (item !== undefined) return item
      await new Promise<Item>((done, fail) => {
        const late = setTimeout(() => fail(new Error('nothing came that fits')), 5_000)
        this.#waiting.push((came) => {
          clearTimeout(late)
          done(came)
        })
      })
    }
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  answer({ id }: Item, ret = 0, more: object = {}): void {
    this.send({ jsonrpc: '2.0', id, result: { ret, ...more } })
  }

  #receive(text: string): void {
    const parsed = JSON.parse(text) as Item | Item[]
    for (const item of Array.isArray(parsed) ? parsed : [parsed]) {
      if (item.method !== undefined) this.serve(item)
      this.#items.push(item)
      for (const told of this.#waiting.splice(0)) told(item)
    }
  }
}

/** Waits until something holds; fails after two seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return
    await new Promise((done) => setTimeout(done, 10))
  }
  throw new Error(`never: ${what}`)
}

/** What must not change when a message is refused. */
export const stateOf = (app: App): string =>
  JSON.stringify({
    vms: [...app.hv.host.vms.values()].map((vm) => [vm.lpid, vm.secureGuest, vm.slots.size]),
    pool: app.hv.host.devices.pool.taken,
    ram: app.hv.host.ram.used,
    frames: app.hv.framesTotal,
  })
