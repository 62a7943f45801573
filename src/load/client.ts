/** One ultravisor of a load run: its connection, which may be cut and made anew, and its VMs. */
import { asLpid } from '../abi/page.ts'
import { HvRest } from '../peer/hv-rest.ts'
import { UvClient } from '../peer/uv-client.ts'
import { UV_CODECS } from '../peer/uv-protocol.ts'
import { connectWs, type WsTransport } from '../peer/ws-transport.ts'
import { type LoadPlan, lpidsOf } from './plan.ts'
import { LoadVm } from './vm.ts'

/** A connection that is there. */
interface Line {
  readonly uv: UvClient
  readonly transport: WsTransport
}

export class LoadClient {
  /** Its number in the run. */
  readonly number: number
  readonly vms: readonly LoadVm[]
  readonly rest: HvRest
  readonly #plan: LoadPlan
  #line: Line | undefined
  #connecting: Promise<UvClient> | undefined
  #losses = 0

  constructor(plan: LoadPlan, number: number) {
    this.#plan = plan
    this.number = number
    this.rest = new HvRest({ url: plan.http, token: plan.token, ca: plan.ca })
    this.vms = lpidsOf(plan, number).map((lpid) => new LoadVm(this, asLpid(lpid)))
  }

  /** The ultravisor, while it is connected. */
  get uv(): UvClient | undefined {
    return this.#line?.uv
  }

  /** Connections that were ended on purpose so far. */
  get losses(): number {
    return this.#losses
  }

  /** The ultravisor, connected and with a session; one attempt at a time. */
  ready(connected: (ms: number) => void): Promise<UvClient> {
    if (this.#line !== undefined) return Promise.resolve(this.#line.uv)
    this.#connecting ??= this.#connect(connected).finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  /** Cuts the connection without a word, as when the ultravisor's machine loses power. */
  kill(): void {
    const line = this.#line
    if (line === undefined) return
    this.#losses++
    this.#forget()
    line.transport.terminate()
    line.uv.lose('this client was killed on purpose')
  }

  /** Leaves in good order. */
  leave(): void {
    const line = this.#line
    if (line === undefined) return
    this.#losses++
    this.#forget()
    line.uv.close()
  }

  async #connect(connected: (ms: number) => void): Promise<UvClient> {
    const { uv: url, token, ca, protocol, profile, content, window } = this.#plan
    const start = performance.now()
    let uv: UvClient | undefined
    const transport = await connectWs({
      url,
      token,
      ca,
      subprotocol: UV_CODECS[protocol]().subprotocol,
      receive: (data) => uv?.receive(data),
      failed: (error) => uv?.lose(`this client failed: ${String(error)}`),
      ended: ({ sentence }) => {
        uv?.lose(sentence)
        if (this.#line?.uv === uv) this.#forget()
      },
    })
    const name = `load ${this.number}`
    uv = new UvClient(transport, { name, protocol, profile, window, contentMode: content })
    await uv.open()
    this.#line = { uv, transport }
    connected(performance.now() - start)
    return uv
  }

  /** What the ultravisor held is gone with it. */
  #forget(): void {
    this.#line = undefined
    for (const vm of this.vms) vm.forget()
  }
}
