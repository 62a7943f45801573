/**
 * An ultravisor that keeps to no rule: it asks for VMs of others, answers what nobody asked, repeats
 * itself, guesses tokens, lies to the hypervisor about its own VM. Every call of its for a foreign VM
 * has to end with an error.
 */
import type { Prng } from '../../src/lib/prng.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { type Clock, Scope } from './clock.ts'
import type { Wire } from './network.ts'
import type { StrangerDoes } from './plan.ts'

/** The LPID of its own VM. */
export const STRANGER_LPID = 9

export interface StrangerWish {
  readonly clock: Clock
  readonly random: Prng
  readonly dial: () => Wire | undefined
  /** Something that it must not get. */
  readonly got: (what: string) => void
}

interface Heard {
  readonly id?: number
  readonly method?: string
  readonly result?: unknown
  readonly error?: unknown
}

const FOREIGN_CALLS = [
  'H_SVM_PAGE_IN',
  'H_SVM_PAGE_OUT',
  'H_SVM_INIT_START',
  'H_SVM_INIT_DONE',
  'H_SVM_INIT_ABORT',
  'UV_UNREGISTER_MEM_SLOT',
  'HDSI',
] as const

export class Stranger {
  readonly #wish: StrangerWish
  readonly #scope: Scope
  #wire: Wire | undefined
  #id = 0
  readonly #foreign = new Set<number>()
  #last = ''
  #isLying = false
  /** Answers that it holds back, to give them in another order. */
  #held: string[] | undefined

  constructor(wish: StrangerWish) {
    this.#wish = wish
    this.#scope = new Scope(wish.clock)
  }

  /** No more of it. */
  end(): void {
    this.#scope.end()
    this.#wire?.cut(0, 0)
  }

  act(what: StrangerDoes, page: number): void {
    if (this.#wire === undefined || this.#wire.isBroken) this.#dial()
    this.#acts[what](page)
  }

  readonly #acts: { readonly [What in StrangerDoes]: (page: number) => void } = {
    foreign: (page) => {
      for (const method of FOREIGN_CALLS)
        this.#foreign.add(this.#call(method, 1 + (page % 3), page))
      this.#foreign.add(this.#load(1 + (page % 3), page))
    },
    'stray-answer': (page) => {
      for (let id = page; id < page + 8; id++) this.#answer(id, 0)
    },
    replay: () => this.#say(this.#last),
    'reuse-id': (page) => {
      const id = this.#call('H_SVM_PAGE_OUT', STRANGER_LPID, page)
      this.#say(callText(id, 'H_SVM_PAGE_IN', STRANGER_LPID, page + 1))
    },
    'guess-token': () => {
      this.#wire?.cut(0, 0)
      this.#dial('x'.repeat(43))
    },
    noise: (page) => {
      for (const text of ['{', '[]', '{"jsonrpc":"2.0"}', 'null', '\u0000', `[${'['.repeat(page)}`])
        this.#say(text)
    },
    'own-vm': (page) => {
      this.#isLying = false
      this.#slot()
      this.#call('H_SVM_INIT_START', STRANGER_LPID, 0)
      for (let i = 0; i < 4; i++) this.#call('H_SVM_PAGE_IN', STRANGER_LPID, (page + i) % 6)
      this.#call('H_SVM_INIT_DONE', STRANGER_LPID, 0)
      this.#call('H_SVM_PAGE_OUT', STRANGER_LPID, page)
    },
    lie: (page) => {
      this.#isLying = true
      this.#slot()
      this.#call('H_SVM_INIT_START', STRANGER_LPID, 0)
      this.#call('H_SVM_PAGE_IN', STRANGER_LPID, page)
      this.#call('H_SVM_INIT_ABORT', STRANGER_LPID, 0)
    },
    reorder: (page) => {
      this.#held = []
      this.#acts['own-vm'](page)
      this.#scope.after(60, () => {
        for (const text of [...(this.#held ?? [])].reverse()) this.#say(text)
        this.#held = undefined
      })
    },
    leave: () => this.#wire?.cut(0, 300),
  }

  #dial(resume?: string): void {
    const wire = this.#wish.dial()
    this.#wire = wire
    if (wire === undefined) return
    this.#id = 0
    this.#foreign.clear()
    wire.uv.taker = {
      receive: (data) => {
        if (this.#scope.isAlive) this.#hear(data)
      },
      ended: () => undefined,
    }
    this.#id++
    const params = resume === undefined ? { name: 'stranger' } : { name: 'stranger', resume }
    this.#say(JSON.stringify({ jsonrpc: '2.0', id: this.#id, method: 'SESSION_OPEN', params }))
    if (resume !== undefined) this.#foreign.add(this.#id)
  }

  #hear(data: WireData): void {
    const heard: unknown = JSON.parse(String(data))
    for (const one of Array.isArray(heard) ? heard : [heard]) this.#take(one as Heard)
  }

  #take({ id = 0, method, result }: Heard): void {
    if (method !== undefined) {
      const code = this.#isLying ? [0, -4, -58, 1, 12_345][this.#wish.random.int(5)] : 0
      return this.#answer(id, code ?? 0)
    }
    if (result !== undefined && this.#foreign.has(id)) {
      this.#wish.got(`a stranger was answered ${JSON.stringify(result)} about what is not its own`)
    }
  }

  #slot(): void {
    this.#id++
    const params = {
      lpid: STRANGER_LPID,
      start_gpa: '0x0',
      size: '0x60000',
      flags: 0,
      slotid: 0,
    }
    const method = 'UV_REGISTER_MEM_SLOT'
    this.#say(JSON.stringify({ jsonrpc: '2.0', id: this.#id, method, params }))
  }

  #load(lpid: number, page: number): number {
    this.#id++
    const params = { lpid, ra: `0x${page.toString(16)}0000`, offset: 0, length: 8 }
    this.#say(JSON.stringify({ jsonrpc: '2.0', id: this.#id, method: 'MEM_READ', params }))
    return this.#id
  }

  #call(method: string, lpid: number, page: number): number {
    this.#id++
    this.#say(callText(this.#id, method, lpid, page))
    return this.#id
  }

  #answer(id: number, ret: number): void {
    const text = JSON.stringify({ jsonrpc: '2.0', id, result: { ret, name: 'U_SUCCESS' } })
    if (this.#held === undefined) this.#say(text)
    else this.#held.push(text)
  }

  #say(text: string): void {
    if (text === '') return
    this.#last = text
    this.#wire?.uv.send(text)
  }
}

function callText(id: number, method: string, lpid: number, page: number): string {
  const gpa = `0x${(page * 65_536).toString(16)}`
  const params = /PAGE/.test(method)
    ? { lpid, gpa, flags: 0, order: 16 }
    : method === 'HDSI'
      ? { lpid, gpa }
      : method === 'UV_UNREGISTER_MEM_SLOT'
        ? { lpid, slotid: 0 }
        : { lpid }
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}
