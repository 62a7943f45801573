/** A number for everything that was said in a run: two runs of one seed have the same. */
import type { WireData } from '../../src/peer/rpc-codec.ts'

export class Fingerprint {
  #value = 0x811c9dc5
  messages = 0

  add(now: number, wire: number, way: 'up' | 'down', data: WireData): void {
    this.messages++
    this.#mix(Math.round(now * 1_000) ^ (wire << 1) ^ (way === 'up' ? 1 : 0))
    const { length } = data
    this.#mix(length)
    // Of pages of bytes a sample is enough.
    const step = length < 1_024 ? 1 : 61
    for (let i = 0; i < length; i += step) {
      this.#mix(typeof data === 'string' ? data.charCodeAt(i) : (data[i] ?? 0))
    }
  }

  get hex(): string {
    return (this.#value >>> 0).toString(16).padStart(8, '0')
  }

  #mix(value: number): void {
    this.#value = Math.imul(this.#value ^ value, 0x01000193)
  }
}
