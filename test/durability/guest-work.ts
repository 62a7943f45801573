/**
 * A secure guest that never stops: it stores, loads, shares and unshares, and knows what every page
 * holds. Each of its calls must succeed, whatever becomes of the server: one that was lost, or done
 * twice, would be refused, or show in a page.
 */
import { type Gfn, gfnAt, gpaOf, type Lpid, PAGE_SIZE } from '../../src/abi/page.ts'
import type { Prng } from '../../src/lib/prng.ts'
import type { Image } from '../../src/load/image.ts'
import { disagreementsOf } from '../../src/peer/frame-agreement.ts'
import { loadGuest } from '../../src/peer/guest-load.ts'
import type { HvRest } from '../../src/peer/hv-rest.ts'
import { hvRunsOf } from '../../src/peer/hv-runs.ts'
import type { UvClient } from '../../src/peer/uv-client.ts'
import type { UvSvm } from '../../src/peer/uv-svm.ts'
import { again } from './rest-again.ts'

/** What is known of a page: its first bytes, and whether the guest shares it. */
interface Known {
  value: number
  shared: boolean
}

export class GuestWork {
  readonly lpid: Lpid
  readonly #client: UvClient
  readonly #rest: HvRest
  readonly #image: Image
  readonly #random: Prng
  readonly #known = new Map<Gfn, Known>()
  /** Calls of the guest that succeeded, and touches by the host. */
  done = 0

  constructor(lpid: Lpid, client: UvClient, rest: HvRest, image: Image, random: Prng) {
    this.lpid = lpid
    this.#client = client
    this.#rest = rest
    this.#image = image
    this.#random = random
  }

  /** Makes the VM and turns it secure. */
  async boot(): Promise<void> {
    const { lpid } = this
    const { guest, files, size } = this.#image
    await again(() =>
      this.#rest.call('createVm', { body: { lpid, slots: [{ id: 0, gpa: 0, size }] } }),
    )
    await again(() => loadGuest(this.#rest, lpid, guest, files))
    const { kernelBase, fdtGpa: tree } = guest
    const end = await this.#svm.esm({ kernelBase, tree, strategy: 'necessary' })
    if (end.kind !== 'SECURE') throw new Error(`VM ${lpid}: ${JSON.stringify(end)}`)
    this.done++
  }

  /** Does one thing after the other until it is told to stop. */
  async work(isOver: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isOver())) {
      await this.#step()
      this.done++
    }
  }

  /** What is wrong at the end: nothing, if all is well. */
  async check(): Promise<readonly string[]> {
    const wrong: string[] = []
    for (const [gfn, { value }] of this.#known) await this.#load(gfn, value)
    const runs = await again(() => hvRunsOf(this.#rest, this.lpid))
    for (const differs of disagreementsOf(runs ?? [], this.#svm.frames())) {
      wrong.push(`VM ${this.lpid}: frames differ: ${JSON.stringify(differs)}`)
    }
    for (const { rule, detail } of this.#client.violations()) wrong.push(`${rule}: ${detail}`)
    return wrong
  }

  get #svm(): UvSvm {
    return this.#client.svm(this.lpid)
  }

  async #step(): Promise<void> {
    const gfn = gfnAt(this.#image.free, this.#random.int(this.#image.freeCount))
    const known = this.#known.get(gfn) ?? { value: 0, shared: false }
    const what = this.#random.int(10)
    if (what < 3) await this.#store(gfn, known)
    else if (what < 5) await this.#load(gfn, known.value)
    else if (what < 8) await this.#touch(gfn)
    else await this.#share(gfn, known)
  }

  async #store(gfn: Gfn, known: Known): Promise<void> {
    const value = 1 + this.#random.int(255)
    const { kind } = await this.#svm.store(gpaOf(gfn), Uint8Array.of(value))
    if (kind !== 'OK') throw new Error(`VM ${this.lpid}, store to ${gfn}: ${kind}`)
    this.#known.set(gfn, { ...known, value })
  }

  async #load(gfn: Gfn, value: number): Promise<void> {
    const got = await this.#svm.load(gpaOf(gfn), 1)
    const found = got.kind === 'OK' ? got.bytes[0] : got.kind
    if (found === value) return
    throw new Error(`VM ${this.lpid}, page ${gfn} holds ${found}, and should hold ${value}`)
  }

  /** The host pages a secure page out; the guest's next access brings it back. */
  async #touch(gfn: Gfn): Promise<void> {
    await again(() => this.#rest.call('touchFrame', { path: { lpid: this.lpid, gfn } }))
  }

  async #share(gfn: Gfn, { shared }: Known): Promise<void> {
    const svm = this.#svm
    const end = shared ? await svm.unsharePages(gfn, 1) : await svm.sharePages(gfn, 1)
    if (end.kind !== 'RET' || end.ret !== 0) {
      throw new Error(
        `VM ${this.lpid}, ${shared ? 'unshare' : 'share'} ${gfn}: ${JSON.stringify(end)}`,
      )
    }
    // Either way the page begins with zeros.
    this.#known.set(gfn, { value: 0, shared: !shared })
  }
}

/** Pages of each guest. */
export const GUEST_PAGES = 40
export const GUEST_BYTES = GUEST_PAGES * PAGE_SIZE
