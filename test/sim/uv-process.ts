/** An ultravisor's process: the real client on virtual connections. Killed, it forgets everything. */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Lpid } from '../../src/abi/page.ts'
import type { Prng } from '../../src/lib/prng.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import type { Connection } from '../../src/peer/rpc-connection.ts'
import { UvClient } from '../../src/peer/uv-client.ts'
import { type LinePorts, UvLine } from '../../src/peer/uv-line.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import type { WsTransport } from '../../src/peer/ws-transport.ts'
import type { PageCipher } from '../../src/ultravisor/page-crypto.ts'
import { type Clock, Scope } from './clock.ts'
import type { Wire } from './network.ts'

export interface UvWish {
  readonly name: string
  readonly clock: Clock
  readonly random: Prng
  readonly protocol: UvProtocol
  readonly window: number
  readonly secureMemory: number
  readonly cipher: PageCipher
  /** A connection to the hypervisor; undefined while there is none to be had. */
  readonly dial: (protocol: UvProtocol) => Wire | undefined
  readonly ultracall: (call: DownCall, ret: number) => void
  /** A call was answered, by the number of its session and its id; of which VM it was, if of one. */
  readonly answered: (session: number, id: number, lpid: Lpid | undefined) => void
  readonly resumed: () => void
  /** The session cannot be resumed: this process is of no more use. */
  readonly lost: (how: string) => void
}

export class UvProcess {
  readonly scope: Scope
  /** There once it has a session. */
  client: UvClient | undefined
  wire: Wire | undefined
  readonly #wish: UvWish

  constructor(wish: UvWish) {
    this.#wish = wish
    this.scope = new Scope(wish.clock)
    this.#try()
  }

  kill(hvNoticesMs: number): void {
    this.scope.end()
    this.wire?.cut(0, hvNoticesMs)
  }

  #try(): void {
    this.#connect().then(
      (client) => {
        if (this.scope.isAlive) this.client = client
      },
      () => void this.scope.after(50, () => this.#try()),
    )
  }

  readonly #dial: LinePorts['connect'] = (heard) => {
    const wire = this.#wish.dial(this.#wish.protocol)
    if (wire === undefined) return Promise.reject(new Error('nobody listens'))
    this.wire = wire
    wire.uv.taker = {
      receive: (data) => {
        if (this.scope.isAlive) heard.receive(data)
      },
      ended: (code) => {
        if (this.scope.isAlive) heard.ended({ code, sentence: `ended with ${code}` })
      },
    }
    return Promise.resolve(wire.uv as WsTransport)
  }

  async #connect(): Promise<UvClient> {
    const { name, clock, random, protocol, window, secureMemory, cipher } = this.#wish
    let client: UvClient | undefined
    let line: UvLine | undefined
    let connection: Connection<UpCall, DownCall> | undefined
    let first: WsTransport | undefined
    first = await this.#dial({
      receive: (data: WireData) => connection?.receive(data),
      failed: (error) => this.#wish.lost(String(error)),
      ended: (ending) => {
        if (client?.hasSession === true) line?.ended(first, ending)
        else client?.lose(ending.sentence)
      },
    })
    client = new UvClient(first, {
      name,
      protocol,
      window,
      secureMemory,
      cipher,
      profile: 'spec',
      contentMode: 'tag',
      resumable: true,
      defer: (flush) => void this.scope.after(0, flush),
      watch: { ultracall: this.#wish.ultracall },
    })
    connection = client.app.peer.connection
    line = this.#lineOf(client, clock, random)
    line.begin(first)
    client.line = line
    const { session } = await client.open()
    this.#listen(client, Number(session.slice(1)))
    return client
  }

  /** Every answer is told, whoever of the client made the call. */
  #listen({ app }: UvClient, session: number): void {
    const { peer } = app
    const call = peer.call.bind(peer)
    peer.call = (body, parent, done) => {
      call(body, parent, (outcome) => {
        const lpid = 'lpid' in body ? body.lpid : undefined
        if (outcome.kind === 'answer') this.#wish.answered(session, outcome.id, lpid)
        done(outcome)
      })
    }
  }

  #lineOf(client: UvClient, clock: Clock, random: Prng): UvLine {
    const ports: LinePorts = {
      connect: this.#dial,
      hasSession: () => client.hasSession,
      attempt: (transport) => client.attempt(transport),
      detached: () => client.detach(),
      lost: (how) => {
        client.lose(how)
        if (this.scope.isAlive) this.#wish.lost(how)
      },
      told: (state) => {
        if (state === 'connected') this.#wish.resumed()
      },
      now: () => clock.now,
      after: this.scope.after,
      random: random.real,
    }
    return new UvLine(ports, { resumeMsMax: 20_000, backoff: { firstMs: 5, highestMs: 200 } })
  }
}
