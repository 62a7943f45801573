/**
 * What is known of each guest frame that is not plainly SECURE.
 *
 * Source: struct gpfpage and the page map of the firmware. A frame without a record is SECURE and
 * costs nothing. Records outlive their slot, as in the firmware.
 */
import { asGfn, asRa, type Gfn, type Ra } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import { FrameState, isFrameState } from './frame-state.ts'

/** 12 bytes of IV and 16 of tag: what is needed, besides the key, to accept a page again. */
export const SEAL_BYTES = 28

/**
 * What a frame's record points to besides its state; a positive number is the RA of an HV frame.
 */
export const Note = { None: 0, OwnPage: -1, Seal: -2 } as const

const CHUNK = 256

interface Chunk {
  readonly states: Uint8Array
  notes?: Float64Array
  seals?: Uint8Array
  /** Frames with a record. */
  count: number
}

export class FrameTable {
  readonly #chunks = new Map<number, Chunk>()
  /** Keys of the chunks in ascending order; may hold keys of chunks that have gone. */
  #keys: number[] = []
  #keysStale = false
  /** A chunk that lost its last record, for the next one: a frame often comes and goes alone. */
  #spare: Chunk | undefined
  #count = 0

  /** Frames that are not plainly SECURE. */
  get count(): number {
    return this.#count
  }

  state(gfn: Gfn): FrameState {
    const state = this.#chunks.get(Math.floor(gfn / CHUNK))?.states[gfn % CHUNK] ?? 0
    return isFrameState(state) ? state : FrameState.Secure
  }

  /** Changes the state and keeps the note. To become SECURE a frame is forgotten instead. */
  setState(gfn: Gfn, state: FrameState): void {
    invariant(state !== FrameState.Secure, 'a SECURE frame has no record')
    const key = Math.floor(gfn / CHUNK)
    const chunk = this.#chunks.get(key) ?? this.#add(key)
    if (chunk.states[gfn % CHUNK] === FrameState.Secure) {
      chunk.count++
      this.#count++
    }
    chunk.states[gfn % CHUNK] = state
  }

  /** `Note.None`, `Note.OwnPage`, `Note.Seal`, or an RA. */
  note(gfn: Gfn): number {
    return this.#chunks.get(Math.floor(gfn / CHUNK))?.notes?.[gfn % CHUNK] ?? Note.None
  }

  /** The HV frame noted, if that is what the note is. */
  noteRa(gfn: Gfn): Ra | undefined {
    const note = this.note(gfn)
    return note > 0 ? asRa(note) : undefined
  }

  /** Sets the note of a frame that has a record. */
  setNote(gfn: Gfn, note: number): void {
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK))
    invariant(chunk !== undefined && chunk.states[gfn % CHUNK] !== 0, 'only a record has a note')
    chunk.notes ??= new Float64Array(CHUNK)
    chunk.notes[gfn % CHUNK] = note
  }

  /** IV and tag of a frame whose note is `Note.Seal`. A view: valid until the frame changes. */
  seal(gfn: Gfn): Uint8Array | undefined {
    const seals = this.#chunks.get(Math.floor(gfn / CHUNK))?.seals
    if (seals === undefined || this.note(gfn) !== Note.Seal) return undefined
    const at = (gfn % CHUNK) * SEAL_BYTES
    return seals.subarray(at, at + SEAL_BYTES)
  }

  setSeal(gfn: Gfn, iv: Uint8Array, tag: Uint8Array): void {
    this.setNote(gfn, Note.Seal)
    const chunk = this.#chunks.get(Math.floor(gfn / CHUNK))
    invariant(chunk !== undefined, 'setNote found the chunk')
    chunk.seals ??= new Uint8Array(CHUNK * SEAL_BYTES)
    const at = (gfn % CHUNK) * SEAL_BYTES
    chunk.seals.set(iv, at)
    chunk.seals.set(tag, at + iv.length)
  }

  /** The frame becomes plainly SECURE. */
  forget(gfn: Gfn): void {
    const key = Math.floor(gfn / CHUNK)
    const chunk = this.#chunks.get(key)
    const at = gfn % CHUNK
    if (chunk === undefined || chunk.states[at] === FrameState.Secure) return
    chunk.states[at] = FrameState.Secure
    if (chunk.notes !== undefined) chunk.notes[at] = Note.None
    this.#count--
    if (--chunk.count > 0) return
    this.#chunks.delete(key)
    this.#spare = chunk
  }

  /** The lowest GFN above `gfn` that has a record. */
  after(gfn: number): Gfn | undefined {
    this.#sortKeys()
    const first = Math.floor((gfn + 1) / CHUNK)
    for (let i = this.#keyAt(first); i < this.#keys.length; i++) {
      const key = this.#keys[i] ?? 0
      const chunk = this.#chunks.get(key)
      if (chunk === undefined) continue
      const from = key === first ? (gfn + 1) % CHUNK : 0
      for (let at = from; at < CHUNK; at++) {
        if (chunk.states[at] !== FrameState.Secure) return asGfn(key * CHUNK + at)
      }
    }
    return undefined
  }

  /** GFNs with a record, ascending. The table may change meanwhile. */
  *tracked(): Generator<Gfn> {
    for (let gfn = this.after(-1); gfn !== undefined; gfn = this.after(gfn)) yield gfn
  }

  #add(key: number): Chunk {
    const chunk: Chunk = this.#spare ?? { states: new Uint8Array(CHUNK), count: 0 }
    this.#spare = undefined
    this.#chunks.set(key, chunk)
    this.#keysStale = true
    return chunk
  }

  #sortKeys(): void {
    if (!this.#keysStale) return
    this.#keys = [...this.#chunks.keys()].sort((a, b) => a - b)
    this.#keysStale = false
  }

  #keyAt(key: number): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#keys[middle] ?? 0) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
