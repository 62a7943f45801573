/**
 * What a call says, in two words of 32 bits: enough to tell whether a call that comes again is the
 * same one. It guards against mistakes, not against malice: a peer that makes two payloads with one
 * fingerprint only fools itself.
 */
import xxhash from 'xxhash-wasm'
import type { WireCall } from '../../schemas/messages.ts'
import { CALL_NUMBER } from '../abi/calls.ts'
import type { Page } from '../abi/page.ts'
import { unreachable } from '../lib/assert.ts'

/** Compiled once, before anything else here runs. */
const hashes = await xxhash()

const TWO_32 = 2 ** 32
/** Odd constants whose multiples spread over all bits. */
const A = 0x9e37_79b1
const B = 0x85eb_ca77
const C = 0xc2b2_ae3d
const D = 0x27d4_eb2f

const doubleWord = new BigUint64Array(1)
const words = new Int32Array(doubleWord.buffer)

/** Made once and used for every call: nothing is allocated. */
export class Fingerprint {
  low = 0
  high = 0

  /** Takes the fingerprint of a call; it is in `low` and `high` until the next one is taken. */
  take(body: WireCall, parent: number): void {
    this.low = parent
    this.high = CALL_NUMBER[body.call]
    if (body.call !== 'SESSION_OPEN') this.#mix(body.lpid)
    this.#registers(body)
  }

  #registers(body: WireCall): void {
    switch (body.call) {
      case 'H_SVM_PAGE_IN':
      case 'H_SVM_PAGE_OUT':
        return this.#move(0, body.gpa, body.flags, body.order)
      case 'UV_PAGE_IN':
        this.#move(body.ra, body.gpa, body.flags, body.order)
        return this.#page(body.page)
      case 'UV_PAGE_OUT':
        return this.#move(body.ra, body.gpa, body.flags, body.order)
      case 'UV_PAGE_INVAL':
        return this.#move(0, body.gpa, 0, body.order)
      case 'UV_REGISTER_MEM_SLOT':
        return this.#move(body.startGpa, body.size, body.flags, body.slotId)
      case 'UV_UNREGISTER_MEM_SLOT':
        return this.#mix(body.slotId)
      case 'HDSI':
        return this.#mix(body.gpa)
      case 'MEM_READ':
        return this.#move(body.ra, body.offset, body.length, 0)
      case 'MEM_WRITE':
        this.#move(body.ra, body.offset, body.bytes?.length ?? -1, 0)
        if (body.bytes !== null) this.#bytes(body.bytes)
        return
      case 'UV_WRITE_PATE':
        this.#double(body.dw0)
        return this.#double(body.dw1)
      case 'H_SVM_INIT_START':
      case 'H_SVM_INIT_DONE':
      case 'H_SVM_INIT_ABORT':
      case 'H_SVM_TPM_COMM':
      case 'UV_SVM_TERMINATE':
      case 'SESSION_OPEN':
        // SESSION_OPEN is not kept: it is never sent again.
        return
      default:
        unreachable(body)
    }
  }

  #move(a: number, b: number, c: number, d: number): void {
    this.#mix(a)
    this.#mix(b)
    this.#mix(c)
    this.#mix(d)
  }

  /** `value`: an integer -1 to below 2^64. */
  #mix(value: number): void {
    const upper = (value / TWO_32) | 0
    const low = Math.imul(this.low ^ value ^ Math.imul(upper, C), A)
    const high = Math.imul(this.high ^ value ^ Math.imul(upper, D), B)
    this.low = (low << 13) | (low >>> 19)
    this.high = (high << 17) | (high >>> 15)
  }

  #double(value: bigint): void {
    doubleWord[0] = value
    this.#mix(words[0] as number)
    this.#mix(words[1] as number)
  }

  #page(page: Page): void {
    if (page === null) this.#mix(1)
    else if (typeof page === 'bigint') this.#double(page)
    else this.#bytes(page)
  }

  /** Sixty-four bits of its own: xxHash in WebAssembly takes half the time of a loop in JavaScript. */
  #bytes(bytes: Uint8Array): void {
    this.#double(hashes.h64Raw(bytes))
  }
}
