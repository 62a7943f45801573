/**
 * A table of 32-bit words that is cheap where neighbours are alike.
 *
 * Words lie in chunks of 1,024. A chunk whose words are all equal, or each one more than the one
 * before, costs five bytes; any other chunk holds its words, and becomes cheap again as soon as
 * they fall in line. A table of 100 GB of guest frames, all secure, takes 8 KB instead of 6.5 MB.
 * Chunks behind the last one that was ever set cost nothing: a host that could have 16 TiB of memory
 * takes as much as it uses.
 */
import { RecentMap } from './recent-map.ts'

const CHUNK = 1_024
const FLAT = 0
const RISING = 1
const MIXED = 2
/** Chunks that a table has room for at first. */
const FIRST_CHUNKS = 1_024

/** `count` words from `start` on: `word`, `word + step`, `word + 2 * step` ... */
export interface WordRun {
  readonly start: number
  readonly count: number
  readonly word: number
  readonly step: 0 | 1
}

/** Words as they lie, none past the end of a chunk. */
export interface WordSpan extends WordRun {
  /** The words themselves, where they are not in line; then `word` is the first and `step` says nothing. */
  readonly words: Uint32Array | undefined
}

/** Counts changes; several tables may share one. */
export interface ChangeClock {
  now: number
}

/** A chunk that holds its words, and how many neighbours differ by 0 and by 1. */
interface MixedChunk {
  readonly words: Uint32Array
  flat: number
  rising: number
}

export class WordTable {
  readonly length: number
  /** Of the chunks up to some that has been set; those behind are FLAT, with the base 0. */
  #kinds: Uint8Array
  #bases: Uint32Array
  readonly #mixed = new RecentMap<number, MixedChunk>()
  #clock: ChangeClock | undefined
  /** What the clock said when each chunk changed last; of chunks behind these, what it said at first. */
  #changed: Float64Array | undefined
  #followedFrom = 0

  /** All words are 0 at first. */
  constructor(length: number) {
    this.length = length
    const chunks = Math.min(FIRST_CHUNKS, Math.ceil(length / CHUNK))
    this.#kinds = new Uint8Array(chunks)
    this.#bases = new Uint32Array(chunks)
  }

  get(i: number): number {
    const chunk = i >>> 10
    if (chunk >= this.#kinds.length) return 0
    const kind = this.#kinds[chunk] as number
    if (kind === FLAT) return this.#bases[chunk] as number
    if (kind === RISING) return (this.#bases[chunk] as number) + (i & 1023)
    return this.#chunkAt(chunk).words[i & 1023] as number
  }

  /** From now on the clock counts the table's changes, and `changedAfter` can be asked. */
  follow(clock: ChangeClock): void {
    this.#clock = clock
    this.#followedFrom = clock.now
    this.#changed = new Float64Array(this.#kinds.length).fill(clock.now)
  }

  /** True when a word of `i`'s chunk may have changed after the clock said `time`. */
  changedAfter(i: number, time: number): boolean {
    if (this.#changed === undefined) return true
    return (this.#changed[i >>> 10] ?? this.#followedFrom) > time
  }

  set(i: number, word: number): void {
    const chunk = i >>> 10
    if (this.#kinds[chunk] !== MIXED) {
      if (this.get(i) === word) return
      this.#spread(chunk)
    }
    this.#count(chunk)
    const at = this.#chunkAt(chunk)
    const within = i & 1023
    const { words } = at
    if (within > 0) count(at, words[within - 1] as number, words[within] as number, -1)
    if (within + 1 < words.length)
      count(at, words[within] as number, words[within + 1] as number, -1)
    words[within] = word
    if (within > 0) count(at, words[within - 1] as number, word, 1)
    if (within + 1 < words.length) count(at, word, words[within + 1] as number, 1)
    if (at.flat === words.length - 1) this.#align(chunk, FLAT, words[0] as number)
    else if (at.rising === words.length - 1) this.#align(chunk, RISING, words[0] as number)
  }

  /** Sets `count` words from `start` on to `word`, `word + step`, ... */
  fill(start: number, total: number, word: number, step: 0 | 1): void {
    for (let done = 0; done < total; ) {
      const i = start + done
      const chunk = i >>> 10
      const length = this.#lengthOf(chunk)
      const here = Math.min(total - done, length - (i & 1023))
      if (here === length) {
        this.#align(chunk, step === 0 ? FLAT : RISING, word + done * step)
        this.#count(chunk)
      } else for (let k = 0; k < here; k++) this.set(i + k, word + (done + k) * step)
      done += here
    }
  }

  /** The longest run that begins at `start` and ends before `end`. */
  runAt(start: number, end: number): WordRun {
    const word = this.get(start)
    let next = start + 1
    const step = next < end && this.get(next) === word + 1 ? 1 : 0
    while (next < end) {
      if (this.get(next) !== word + (next - start) * step) break
      next = this.#aligned(next, step, end)
    }
    return { start, count: Math.min(next, end) - start, word, step }
  }

  /** The words from `start` on, to the end of their chunk or `end`. */
  spanAt(start: number, end: number): WordSpan {
    const chunk = start >>> 10
    const kind = this.#kinds[chunk] ?? FLAT
    const count = Math.min(end, (chunk + 1) * CHUNK, this.length) - start
    const word = this.get(start)
    if (kind !== MIXED) {
      return { start, count, word, step: kind === RISING ? 1 : 0, words: undefined }
    }
    const within = start & 1023
    const words = this.#chunkAt(chunk).words.subarray(within, within + count)
    return { start, count, word, step: 0, words }
  }

  /** First index past the part of `i`'s chunk that surely goes on with the same step. */
  #aligned(i: number, step: 0 | 1, end: number): number {
    const chunk = i >>> 10
    const kind = this.#kinds[chunk] ?? FLAT
    if (kind !== (step === 0 ? FLAT : RISING)) return i + 1
    return Math.min(end, (chunk + 1) * CHUNK)
  }

  #count(chunk: number): void {
    const clock = this.#clock
    if (clock === undefined || this.#changed === undefined) return
    clock.now += 1
    this.#changed[chunk] = clock.now
  }

  #lengthOf(chunk: number): number {
    return Math.min(CHUNK, this.length - chunk * CHUNK)
  }

  #chunkAt(chunk: number): MixedChunk {
    return this.#mixed.get(chunk) as MixedChunk
  }

  /** Makes room for a chunk that is set: twice as much as it takes, at most as much as there is. */
  #reach(chunk: number): void {
    if (chunk < this.#kinds.length) return
    const chunks = Math.min(2 * (chunk + 1), Math.ceil(this.length / CHUNK))
    const [kinds, bases, changed] = [this.#kinds, this.#bases, this.#changed]
    this.#kinds = new Uint8Array(chunks)
    this.#kinds.set(kinds)
    this.#bases = new Uint32Array(chunks)
    this.#bases.set(bases)
    if (changed === undefined) return
    this.#changed = new Float64Array(chunks).fill(this.#followedFrom)
    this.#changed.set(changed)
  }

  #spread(chunk: number): void {
    this.#reach(chunk)
    const words = new Uint32Array(this.#lengthOf(chunk))
    const base = this.#bases[chunk] as number
    const rising = this.#kinds[chunk] === RISING
    if (rising) for (let i = 0; i < words.length; i++) words[i] = base + i
    else words.fill(base)
    const pairs = words.length - 1
    this.#mixed.set(chunk, { words, flat: rising ? 0 : pairs, rising: rising ? pairs : 0 })
    this.#kinds[chunk] = MIXED
  }

  #align(chunk: number, kind: number, base: number): void {
    this.#reach(chunk)
    this.#mixed.delete(chunk)
    this.#kinds[chunk] = kind
    this.#bases[chunk] = base
  }
}

function count(chunk: MixedChunk, left: number, right: number, by: number): void {
  if (right === left) chunk.flat += by
  else if (right === left + 1) chunk.rising += by
}
