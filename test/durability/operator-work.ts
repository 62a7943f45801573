/**
 * An operator who makes and ends VMs over REST, and writes down what was acknowledged: after every
 * crash exactly that must be there. What was under way at a crash may have been done, or not.
 */
import { asGfn, asLpid, PAGE_SIZE } from '../../src/abi/page.ts'
import type { Prng } from '../../src/lib/prng.ts'
import { type HvRest, RestError } from '../../src/peer/hv-rest.ts'
import { again, once } from './rest-again.ts'

const FIRST_LPID = 1_000
const VMS = 12
const PAGES = 4

export class OperatorWork {
  readonly #rest: HvRest
  readonly #random: Prng
  /** VMs by LPID: the tag of their first page, or undefined when there is none. */
  readonly #known = new Map<number, bigint | undefined>()
  #next = 1n
  done = 0

  constructor(rest: HvRest, random: Prng) {
    this.#rest = rest
    this.#random = random
  }

  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const lpid = FIRST_LPID + this.#random.int(VMS)
      const end = await this.#step(lpid)
      if (end === 'unknown') await this.#find(lpid)
      else this.done++
    }
  }

  /** VMs that are not as they were acknowledged. */
  async check(): Promise<readonly string[]> {
    const wrong: string[] = []
    for (const [lpid, tag] of this.#known) {
      const found = await this.#look(lpid)
      if (found !== tag) wrong.push(`VM ${lpid} holds ${found}, and was acknowledged with ${tag}`)
    }
    return wrong
  }

  async #step(lpid: number): Promise<'done' | 'unknown'> {
    const path = { lpid: asLpid(lpid) }
    if (this.#known.get(lpid) === undefined) {
      const slots = [{ id: 0, gpa: 0, size: PAGES * PAGE_SIZE }]
      const end = await once(() => this.#rest.call('createVm', { body: { lpid, slots } }))
      if (end === 'done') this.#known.set(lpid, 0n)
      return end
    }
    if (this.#random.int(4) === 0) {
      const end = await once(() => this.#rest.call('deleteVm', { path }))
      if (end === 'done') this.#known.set(lpid, undefined)
      return end
    }
    const tag = this.#next++
    const body = { gpa: 0, size: PAGES * PAGE_SIZE, tag: `0x${tag.toString(16)}` }
    const end = await once(() => this.#rest.call('fillMemory', { path, body }))
    if (end === 'done') this.#known.set(lpid, tag)
    return end
  }

  /** Nobody knows whether the last thing was done: what is there now was acknowledged by looking. */
  async #find(lpid: number): Promise<void> {
    const before = this.#known.get(lpid)
    const found = await this.#look(lpid)
    const may = [before, before === undefined ? 0n : undefined, this.#next - 1n]
    if (!may.includes(found)) throw new Error(`VM ${lpid} holds ${found}, before it was ${before}`)
    this.#known.set(lpid, found)
  }

  async #look(lpid: number): Promise<bigint | undefined> {
    const path = { lpid: asLpid(lpid), gfn: asGfn(0) }
    return await again(async () => {
      try {
        const { page } = await this.#rest.call('getPage', { path })
        return page !== null && 'tag' in page ? BigInt(page.tag) : 0n
      } catch (error) {
        if (error instanceof RestError && error.status === 404) return undefined
        throw error
      }
    })
  }
}
