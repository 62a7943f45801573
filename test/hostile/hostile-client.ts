/** A client that sends whatever it is told; what comes of it is judged by its model. */
import type { FakeSocket } from './fake-socket.ts'
import type { Data, Protocol } from './hostility.ts'
import { judgeFrames } from './reference-binary.ts'
import { judgeText } from './reference-json.ts'
import { Violation, WireModel } from './wire-model.ts'
import { saidIn } from './wire-said.ts'
import type { Said } from './wire-said-kinds.ts'
import { answersKeptMax, callsMax, type WireWorld } from './wire-world.ts'

export class HostileClient {
  readonly model = new WireModel(callsMax, answersKeptMax)
  readonly #world: WireWorld
  readonly #socket: FakeSocket
  readonly #protocol: Protocol
  #heard: Said[] = []

  constructor(world: WireWorld, protocol: Protocol) {
    this.#world = world
    this.#protocol = protocol
    this.#socket = world.connect(`uvmem.v1.${protocol}`, (data) =>
      this.#heard.push(...saidIn(data)),
    )
  }

  /** The server has ended the connection. */
  get isOver(): boolean {
    return this.#socket.closedWith !== undefined
  }

  /** Sends a message and looks at whatever comes of it. */
  send(data: Data): void {
    const { model } = this
    model.sends(typeof data === 'string' ? this.#judgeText(data) : this.#judgeBytes(data))
    this.#heard = []
    this.#socket.takes(data)
    this.#world.turn()
    model.hears(this.#heard)
    this.#checkEnd()
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

const WRONG_KIND = [{ kind: 'close', code: 1003 }] as const
