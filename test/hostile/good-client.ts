/**
 * A well-behaved ultravisor beside hostile ones: it moves a page out and in again, over and over, and
 * throws when anything is not as it must be.
 */
import { asGfn, asLpid } from '../../src/abi/page.ts'
import type { FakeSocket } from './fake-socket.ts'
import { Violation } from './wire-model.ts'
import { saidIn } from './wire-said.ts'
import type { Said } from './wire-said-kinds.ts'
import type { WireWorld } from './wire-world.ts'

/** Its VM, which no hostile client names but to be refused. */
export const GOOD_LPID = 4_000
const PAGES = 4
const SLOT = { lpid: GOOD_LPID, start_gpa: 0, size: PAGES * 65_536, flags: 0, slotid: 0 }

export class GoodClient {
  readonly #world: WireWorld
  readonly #socket: FakeSocket
  #heard: Said[] = []
  #ids = 0
  #turns = 0

  constructor(world: WireWorld) {
    this.#world = world
    this.#socket = world.connect('uvmem.v1.json', (data) => this.#heard.push(...saidIn(data)))
  }

  /** Makes its VM secure, with a tag in each page. */
  async begin(): Promise<void> {
    this.#call('SESSION_OPEN', { name: 'good' }, 0)
    this.#call('UV_REGISTER_MEM_SLOT', SLOT, 0)
    const filled = this.#world.vmm.fill(asLpid(GOOD_LPID), asGfn(0), PAGES, 100n, 1n)
    this.#world.turn()
    await filled
    this.#call('H_SVM_INIT_START', { lpid: GOOD_LPID }, 0)
    for (let gfn = 0; gfn < PAGES; gfn++) {
      this.#move('H_SVM_PAGE_IN', gfn, { call: 'UV_PAGE_IN', tag: BigInt(100 + gfn) })
    }
    this.#call('H_SVM_INIT_DONE', { lpid: GOOD_LPID }, 0)
  }

  /** One page out and in again: what comes back is what it wrote. */
  turn(): void {
    this.#turns++
    const gfn = this.#turns % PAGES
    const tag = BigInt(1_000 + this.#turns)
    this.#move('H_SVM_PAGE_OUT', gfn, { call: 'UV_PAGE_OUT', writes: tag })
    this.#move('H_SVM_PAGE_IN', gfn, { call: 'UV_PAGE_IN', tag })
  }

  end(): void {
    this.#socket.ends(1000)
    this.#world.turn()
  }

  #send(message: object): void {
    this.#socket.takes(JSON.stringify(message))
    this.#world.turn()
  }

  #call(method: string, params: object, ret: number): void {
    const id = this.#take(method, params)
    for (let said = this.#heard.shift(); said !== undefined; said = this.#heard.shift()) {
      if (said.kind === 'call') this.#answer(said.id)
      else if (this.#isEnd(said, id, ret, method)) return
    }
    throw new Violation(`${method} of the good client was not answered`)
  }

  #take(method: string, params: object): number {
    const stray = this.#heard.shift()
    if (stray !== undefined) throw new Violation(`the good client hears ${stray.kind} ${stray.id}`)
    this.#ids++
    this.#send({ jsonrpc: '2.0', id: this.#ids, method, params })
    return this.#ids
  }

  #answer(id: number, page?: object): void {
    this.#send({ jsonrpc: '2.0', id, result: { ret: 0, ...(page === undefined ? {} : { page }) } })
  }

  #isEnd(said: Said, id: number, ret: number, method: string): boolean {
    if (said.kind === 'answer' && said.id === id && said.ret === ret) return true
    const what = said.kind === 'answer' ? said.ret : said.kind
    throw new Violation(`${method} of the good client: ${what} instead of ${ret}`)
  }

  #move(
    method: string,
    gfn: number,
    expected: { call: string; tag?: bigint; writes?: bigint },
  ): void {
    const gpa = `0x${(gfn * 65_536).toString(16)}`
    const id = this.#take(method, { lpid: GOOD_LPID, gpa, flags: 0, order: 16 })
    const asked = this.#heard.shift()
    if (asked?.kind !== 'call' || asked.method !== expected.call || asked.parent !== id)
      throw new Violation(`${method} of the good client led to ${asked?.kind}, no ${expected.call}`)
    if (asked.tag !== expected.tag)
      throw new Violation(`${method} of the good client: page ${asked.tag}, not ${expected.tag}`)
    const { writes } = expected
    this.#answer(asked.id, writes === undefined ? undefined : { tag: `0x${writes.toString(16)}` })
    const said = this.#heard.shift()
    if (said !== undefined && this.#isEnd(said, id, 0, method)) return
    throw new Violation(`${method} of the good client was not answered`)
  }
}
