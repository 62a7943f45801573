/** Frames as the two-bit states of the compact map: read from a VM's tables, written in either form. */
import { mapRunFramesMax } from '../../schemas/frame-map.ts'
import { asGfn } from '../abi/page.ts'
import { isSecureWord } from '../uvmem/frame-state.ts'
import type { Vm } from '../uvmem/host.ts'

/** Takes frames in their order; what it gives says whether it has room for more. */
export interface StateSink {
  run(state: number, count: number): boolean
  words(words: Uint32Array): boolean
}

/**
 * A state word's place in FRAME_MAP_STATES: 0 stays 0, 1 (shared) is 3, 2 (paged out) stays 2, and
 * a PFN's bit 31 is 1. Without branches, as neighbours in disorder are what takes time.
 */
const bitsOf = (word: number): number => {
  const secure = (word | 0) >> 31
  return ((word ^ (word << 1)) & 3 & ~secure) | (secure & 1)
}

/** Sixteen frames in a word. */
export class PackedStates implements StateSink {
  readonly data: Uint32Array
  #at = 0
  #word = 0

  constructor(frames: number) {
    this.data = new Uint32Array(Math.ceil(frames / 16))
  }

  run(state: number, count: number): boolean {
    const whole = state * 0x5555_5555
    let left = count
    while (left > 0) {
      if ((this.#at & 15) === 0 && left >= 16) {
        const words = left >>> 4
        this.data.fill(whole, this.#at >>> 4, (this.#at >>> 4) + words)
        this.#at += words * 16
        left -= words * 16
      } else {
        this.#put(state)
        left--
      }
    }
    return true
  }

  words(words: Uint32Array): boolean {
    const { data } = this
    let i = 0
    for (; i < words.length && (this.#at & 15) !== 0; i++) this.#put(bitsOf(words[i] as number))
    for (; i + 16 <= words.length; i += 16) {
      let held = 0
      for (let k = 15; k >= 0; k--) held = (held << 2) | bitsOf(words[i + k] as number)
      data[this.#at >>> 4] = held
      this.#at += 16
    }
    for (; i < words.length; i++) this.#put(bitsOf(words[i] as number))
    return true
  }

  /** Writes what is left of the last word. */
  end(): Uint32Array {
    if ((this.#at & 15) !== 0) this.data[this.#at >>> 4] = this.#word
    return this.data
  }

  #put(state: number): void {
    this.#word |= state << ((this.#at & 15) << 1)
    if ((this.#at & 15) === 15) {
      this.data[this.#at >>> 4] = this.#word
      this.#word = 0
    }
    this.#at++
  }
}

/** Runs, as long as they take less room than packed states would. */
export class RunStates implements StateSink {
  readonly #data: Uint32Array
  #used = 0
  #state = 0
  #count = 0

  constructor(frames: number) {
    // One more than is wanted tells that there are too many.
    this.#data = new Uint32Array(Math.ceil(frames / 16) + 1)
  }

  run(state: number, count: number): boolean {
    if (state === this.#state) this.#count += count
    else {
      this.#flush()
      this.#state = state
      this.#count = count
    }
    return this.#used < this.#data.length
  }

  words(words: Uint32Array): boolean {
    for (const word of words) if (!this.run(bitsOf(word), 1)) return false
    return true
  }

  /** undefined: packed states take less room. */
  end(): Uint32Array | undefined {
    this.#flush()
    return this.#used < this.#data.length ? this.#data.subarray(0, this.#used) : undefined
  }

  #flush(): void {
    while (this.#count > 0) {
      const count = Math.min(this.#count, mapRunFramesMax)
      if (this.#used === this.#data.length) return
      this.#data[this.#used] = (this.#state << 30) | (count - 1)
      this.#used++
      this.#count -= count
    }
  }
}

/** Hands the frames `from` to `to` - 1 to a sink, until it is full; false: it was. */
export function readStates(vm: Vm, from: number, to: number, sink: StateSink): boolean {
  for (let at = from; at < to; ) {
    const gfn = asGfn(at)
    const uvmem = vm.uvmem.at(gfn)
    const end = Math.min(
      to,
      uvmem === undefined ? vm.uvmem.startOfNext(gfn) : vm.uvmem.endOfWindow(gfn),
    )
    let room = true
    if (uvmem === undefined) {
      room = sink.run(0, end - at)
      at = end
    } else {
      const { count, word, step, words } = uvmem.words.spanAt(at - uvmem.base, end - uvmem.base)
      if (words !== undefined) room = sink.words(words)
      // What counts up is one state only where it counts PFNs.
      else if (step === 0 || isSecureWord(word)) room = sink.run(bitsOf(word), count)
      else for (let i = 0; i < count; i++) room = sink.run(bitsOf(word + i), 1)
      at += count
    }
    if (!room) return false
  }
  return true
}
