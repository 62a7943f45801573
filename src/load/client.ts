/** One ultravisor of a load run: its connection, which may be cut and made anew, and its VMs. */
import { asLpid } from '../abi/page.ts'
import { HvRest } from '../peer/hv-rest.ts'
import { connectUv, type UvClient } from '../peer/uv-client.ts'
import { giveUpSession } from '../peer/uv-give-up.ts'
import type { LineState } from '../peer/uv-line.ts'
import { type LoadPlan, lpidsOf } from './plan.ts'
import { LoadVm } from './vm.ts'

/** Told how many milliseconds a connection took, or a cut until the session went on. */
export type LineTold = (name: 'connect' | 'resume', ms: number) => void

export class LoadClient {
  /** Its number in the run. */
  readonly number: number
  readonly vms: readonly LoadVm[]
  readonly rest: HvRest
  readonly #plan: LoadPlan
  readonly #told: LineTold
  #uv: UvClient | undefined
  /** Of a session whose ultravisor was killed. */
  #orphan: string | undefined
  #connecting: Promise<UvClient> | undefined
  #losses = 0

  constructor(plan: LoadPlan, number: number, told: LineTold) {
    this.#plan = plan
    this.#told = told
    this.number = number
    this.rest = new HvRest({ url: plan.http, token: plan.token, ca: plan.ca })
    this.vms = lpidsOf(plan, number).map((lpid) => new LoadVm(this, asLpid(lpid)))
  }

  /** The ultravisor, while it has a session. */
  get uv(): UvClient | undefined {
    return this.#uv
  }

  /** Connections that were ended on purpose so far. */
  get losses(): number {
    return this.#losses
  }

  /** The ultravisor, connected and with a session; one attempt at a time. */
  ready(): Promise<UvClient> {
    if (this.#uv !== undefined) return Promise.resolve(this.#uv)
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  /** Cuts the connection without a word, as when the ultravisor's machine loses power. */
  kill(): void {
    const uv = this.#uv
    if (uv === undefined) return
    this.#losses++
    this.#forget()
    this.#orphan = uv.kill() ?? this.#orphan
  }

  /** Cuts the connection; the ultravisor is there, and goes on with its session. */
  cut(): void {
    this.#uv?.line?.cut()
  }

  /** Leaves in good order. */
  leave(): void {
    const uv = this.#uv
    if (uv === undefined) return
    this.#losses++
    this.#forget()
    uv.close()
  }

  async #connect(): Promise<UvClient> {
    const { uv: url, token, ca, protocol, profile, content, window } = this.#plan
    const start = performance.now()
    const name = `load ${this.number}`
    const options = { url, token, ca, protocol, name }
    if (this.#orphan !== undefined) {
      await giveUpSession(options, this.#orphan)
      this.#orphan = undefined
    }
    let uv: UvClient | undefined
    uv = await connectUv({
      ...options,
      profile,
      window,
      contentMode: content,
      watch: { line: this.#lineWatch() },
      ended: () => {
        if (uv !== undefined && this.#uv === uv) this.#forget()
      },
    })
    await uv.open()
    this.#uv = uv
    this.#told('connect', performance.now() - start)
    return uv
  }

  /** Takes the time from a break until the session goes on. */
  #lineWatch(): (state: LineState) => void {
    let brokenAt = 0
    return (state) => {
      if (state === 'resuming') brokenAt = performance.now()
      else if (state === 'connected') this.#told('resume', performance.now() - brokenAt)
    }
  }

  /** What the ultravisor held is gone with it. */
  #forget(): void {
    this.#uv = undefined
    for (const vm of this.vms) vm.forget()
  }
}
