/** Reads the compact map of frames, written from its description alone, frame by frame. */
export interface ReadPatch {
  readonly from: number
  readonly form: 'runs' | 'packed'
  readonly states: string
}
export interface ReadMap {
  readonly whole: boolean
  readonly next: number
  readonly slots: readonly (readonly [base: number, pages: number, id: number])[]
  /** A letter for each frame: n normal, s secure, o paged out, h shared. */
  readonly patches: readonly ReadPatch[]
}

const LETTERS = 'nsoh'

export function readMap(bytes: Uint8Array): ReadMap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (new TextDecoder().decode(bytes.subarray(0, 4)) !== 'UVFM') throw new Error('no map')
  if (view.getUint16(4, true) !== 1) throw new Error('another version')
  const slots: [number, number, number][] = []
  let at = 32
  for (let left = view.getUint32(8, true); left > 0; left--, at += 16) {
    slots.push([
      view.getFloat64(at, true),
      view.getUint32(at + 8, true),
      view.getUint32(at + 12, true),
    ])
  }
  const patches: ReadPatch[] = []
  for (let left = view.getUint32(12, true); left > 0; left--) {
    const count = view.getUint32(at + 8, true)
    const packed = view.getUint32(at + 12, true) === 1
    const words = view.getUint32(at + 16, true)
    const data = at + 20
    let states = ''
    for (let i = 0; packed && i < count; i++) {
      states += LETTERS[((bytes[data + (i >> 2)] ?? 0) >> (2 * (i % 4))) & 3]
    }
    for (let i = 0; !packed && i < words; i++) {
      const word = view.getUint32(data + 4 * i, true)
      states += (LETTERS[word >>> 30] ?? '').repeat((word % 2 ** 30) + 1)
    }
    if (states.length !== count) throw new Error(`${states.length} of ${count} frames`)
    patches.push({ from: view.getFloat64(at, true), form: packed ? 'packed' : 'runs', states })
    at = data + 4 * words
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes are left over`)
  return { whole: view.getUint16(6, true) === 1, next: view.getFloat64(16, true), slots, patches }
}
