/** A client that sends whatever it is told; what comes of it is judged by its model. */
import type { FakeSocket } from './fake-socket.ts'
import { frameOf } from './grow-binary.ts'
import type { Data, Protocol } from './hostility.ts'
import { judgeFrames } from './reference-binary.ts'
import { judgeText } from './reference-json.ts'
import { Violation, WireModel } from './wire-model.ts'
import { saidIn } from './wire-said.ts'
import type { Said } from './wire-said-kinds.ts'
import { answersKeptMax, callsMax, type WireWorld } from './wire-world.ts'

/** Instead of a message: the session is taken to another connection. */
export interface Again {
  /** Calls that are announced, and then are what comes next, whatever it is. */
  readonly announced: number
  /** The old connection breaks first; else it is fenced off. */
  readonly isCut: boolean
}

export const isAgain = (sent: Data | Again): sent is Again =>
  typeof sent === 'object' && 'announced' in sent

/** Ends that a client that nobody models may come to; 1011, a mistake of the server, is none. */
const ENDS: ReadonlySet<number> = new Set([1003, 1007, 1008, 1009, 4005, 4009])

export class HostileClient {
  readonly model = new WireModel(callsMax, answersKeptMax)
  readonly #world: WireWorld
  #socket: FakeSocket
  readonly #protocol: Protocol
  readonly #hear: (data: Data) => void
  #heard: Said[] = []
  #token = ''
  /** Announced calls keep everything back: from then on only what must never be is looked for. */
  #isUnmodelled = false

  /** `hear` is told whatever the server sends. */
  constructor(world: WireWorld, protocol: Protocol, hear: (data: Data) => void = () => undefined) {
    this.#world = world
    this.#hear = hear
    this.#protocol = protocol
    this.#socket = this.#connect()
  }

  /** The server has ended the connection. */
  get isOver(): boolean {
    return this.#socket.closedWith !== undefined
  }

  /** Sends a message, or resumes the session, and looks at whatever comes of it. */
  send(sent: Data | Again): void {
    if (isAgain(sent)) this.#resume(sent)
    else if (this.#isUnmodelled) this.#sendBlindly(sent)
    else this.#sendJudged(sent)
  }

  #sendJudged(data: Data): void {
    const { model } = this
    const { hasSession } = model
    model.sends(typeof data === 'string' ? this.#judgeText(data) : this.#judgeBytes(data))
    this.#say(data)
    model.hears(this.#heard)
    if (!hasSession && model.hasSession) this.#token = this.#world.lastToken
    this.#checkEnd()
  }

  #sendBlindly(data: Data): void {
    this.#say(data)
    for (const said of this.#heard) {
      if (said.kind === 'error' && said.code === -32_603) throw new Violation('it is at fault')
    }
    const { closedWith } = this.#socket
    if (closedWith !== undefined && !ENDS.has(closedWith))
      throw new Violation(`closed with ${closedWith}`)
  }

  #resume({ announced, isCut }: Again): void {
    if (this.#token === '' || this.isOver || this.#isUnmodelled) return
    const old = this.#socket
    if (isCut) this.end()
    this.#socket = this.#connect()
    this.#say(this.#opening(announced))
    if (!isCut) {
      if (old.closedWith !== 4007) throw new Violation(`not fenced, but ${old.closedWith}`)
      old.ends(4007)
    }
    const [first, ...said] = this.#heard
    if (first?.kind !== 'answer' || first.id !== OPENING_ID || first.ret !== 0)
      throw new Violation(`not resumed: ${JSON.stringify(first)}`)
    this.model.goesOn()
    this.#isUnmodelled = announced > 0
    if (announced > 0 && said.length > 0)
      throw new Violation(`it does not wait: ${JSON.stringify(said)}`)
    this.model.hears(said)
  }

  #opening(unanswered: number): Data {
    const params = { name: 'again', resume: this.#token, unanswered }
    const call = { jsonrpc: '2.0', id: OPENING_ID, method: 'SESSION_OPEN', params }
    return this.#protocol === 'json' ? JSON.stringify(call) : frameOf(call)
  }

  #connect(): FakeSocket {
    return this.#world.connect(`uvmem.v1.${this.#protocol}`, (data) => {
      this.#hear(typeof data === 'string' ? data : Buffer.from(data))
      this.#heard.push(...saidIn(data))
    })
  }

  #say(data: Data): void {
    this.#heard = []
    this.#socket.takes(data)
    this.#world.turn()
  }

  #judgeText(text: string) {
    // What the server gets is UTF-8: a lone surrogate is U+FFFD by then.
    return this.#protocol === 'json' ? judgeText(Buffer.from(text).toString()) : WRONG_KIND
  }

  #judgeBytes(bytes: Uint8Array) {
    return this.#protocol === 'bin' ? judgeFrames(Buffer.from(bytes)) : WRONG_KIND
  }

  #checkEnd(): void {
    const { closes } = this.model
    const { closedWith } = this.#socket
    if (closedWith === undefined) {
      if (closes.length > 0) throw new Violation(`not closed with ${closes}`)
    } else if (!closes.includes(closedWith)) throw new Violation(`closed with ${closedWith}`)
  }

  /** The connection breaks, or the server's close is answered. */
  end(): void {
    this.#socket.ends(this.#socket.closedWith ?? 1006)
    this.#world.turn()
  }
}

const OPENING_ID = 1
const WRONG_KIND = [{ kind: 'close', code: 1003 }] as const
