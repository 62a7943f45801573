/**
 * The frames of a VM as the page knows them: a byte for each, kept up to date from compact maps. The
 * form of a map is described in schemas/frame-map.ts.
 */

const MAGIC = 0x4d465655
const VERSION = 1
const WHOLE = 1
const PACKED = 1
const HEAD_BYTES = 32
const SLOT_BYTES = 16
const PATCH_BYTES = 20

/** Runs of changed frames that are told one by one. */
const CHANGES_MAX = 20_000
/** Frames of a VM that are known at once: as many as a map shows. */
const FRAMES_MAX = 16_777_216

/**
 * @typedef {object} Slot
 * @property {number} id
 * @property {number} base first GFN
 * @property {number} pages
 * @property {number} start index of its first frame
 */

/**
 * Frames `from` to `to` - 1, by index.
 * @typedef {{ from: number, to: number }} Range
 */

export class FrameModel {
  /** Frames of the VM before those that are shown. */
  offset = 0
  /** Frames of the VM. */
  total = 0
  /** What of the slots is shown, by ascending base. @type {Slot[]} */
  slots = []
  /** All of them. @type {Slot[]} */
  #all = []
  /** A state of each frame: 0 to 3, as in states.js. */
  states = new Uint8Array(0)
  /** Frames in each state. @type {[number, number, number, number]} */
  counts = [0, 0, 0, 0]
  get frames() {
    return this.states.length
  }

  /** Frames that a VM may have before it is shown in parts. */
  static get framesMax() {
    return FRAMES_MAX
  }

  /** GFN to ask maps from. */
  get from() {
    return this.offset === 0 ? 0 : (this.slots[0]?.base ?? 0)
  }

  /**
   * Shows another part of a VM that has many frames; the next map has to be a whole one.
   * @param {number} offset frames before it
   */
  turnTo(offset) {
    this.offset = offset
    this.#clip()
  }

  /**
   * How many frames come before a GFN; undefined for one in no slot.
   * @param {number} gfn
   */
  framesBefore(gfn) {
    const slot = this.#all.find(({ base, pages }) => gfn >= base && gfn < base + pages)
    return slot === undefined ? undefined : slot.start + gfn - slot.base
  }

  /**
   * Takes a map. Gives the frames that differ from what was known; undefined when the memory slots
   * are others, so that everything is new.
   * @param {ArrayBuffer} bytes
   * @returns {Range[] | undefined}
   */
  apply(bytes) {
    const view = new DataView(bytes)
    if (view.getUint32(0, true) !== MAGIC || view.getUint16(4, true) !== VERSION) {
      throw new Error('this is no map of frames that the page can read')
    }
    const whole = (view.getUint16(6, true) & WHOLE) !== 0
    const slotCount = view.getUint32(8, true)
    let at = HEAD_BYTES + slotCount * SLOT_BYTES
    const isNew = whole && this.#takeSlots(view, slotCount)
    /** @type {Range[]} */
    const changes = []
    for (let left = view.getUint32(12, true); left > 0; left--) {
      at = this.#takePatch(view, at, changes)
    }
    return isNew ? undefined : changes
  }

  /**
   * False when the slots are those that are known.
   * @param {DataView} view
   * @param {number} count
   */
  #takeSlots(view, count) {
    const slots = Array.from({ length: count }, (_, i) => {
      const at = HEAD_BYTES + i * SLOT_BYTES
      const base = view.getFloat64(at, true)
      return {
        base,
        pages: view.getUint32(at + 8, true),
        id: view.getUint32(at + 12, true),
        start: 0,
      }
    }).sort((a, b) => a.base - b.base)
    let total = 0
    for (const slot of slots) {
      slot.start = total
      total += slot.pages
    }
    const isNew = this.frames === 0 || JSON.stringify(slots) !== JSON.stringify(this.#all)
    if (!isNew) return false
    this.#all = slots
    this.total = total
    if (this.offset >= total) this.offset = 0
    this.#clip()
    return true
  }

  /** Forgets the frames that are shown and makes room for those that are to be. */
  #clip() {
    this.slots = []
    let frames = 0
    for (const { id, base, pages, start } of this.#all) {
      const skip = Math.max(0, this.offset - start)
      const shown = Math.min(pages - skip, FRAMES_MAX - frames)
      if (shown <= 0) continue
      this.slots.push({ id, base: base + skip, pages: shown, start: frames })
      frames += shown
    }
    this.states = new Uint8Array(frames)
    this.counts = [frames, 0, 0, 0]
  }

  /**
   * @param {DataView} view
   * @param {number} at
   * @param {Range[]} changes
   * @returns {number}
   */
  #takePatch(view, at, changes) {
    const count = view.getUint32(at + 8, true)
    const form = view.getUint32(at + 12, true)
    const words = view.getUint32(at + 16, true)
    const data = at + PATCH_BYTES
    const start = this.indexOf(view.getFloat64(at, true))
    if (start !== undefined) {
      if (form === PACKED) this.#takePacked(view, data, start, count, changes)
      else this.#takeRuns(view, data, start, words, changes)
    }
    return data + 4 * words
  }

  /**
   * @param {DataView} view
   * @param {number} data
   * @param {number} start
   * @param {number} words
   * @param {Range[]} changes
   */
  #takeRuns(view, data, start, words, changes) {
    let index = start
    for (let i = 0; i < words; i++) {
      const word = view.getUint32(data + 4 * i, true)
      const end = Math.min(index + (word & 0x3fffffff) + 1, this.frames)
      const state = word >>> 30
      for (; index < end; index++) this.#put(index, state, changes)
    }
  }

  /**
   * @param {DataView} view
   * @param {number} data
   * @param {number} start
   * @param {number} count
   * @param {Range[]} changes
   */
  #takePacked(view, data, start, count, changes) {
    const end = Math.min(count, this.frames - start)
    for (let i = 0; i < end; i += 4) {
      const byte = view.getUint8(data + (i >> 2))
      const last = Math.min(i + 4, end)
      for (let k = i; k < last; k++) this.#put(start + k, (byte >> ((k & 3) << 1)) & 3, changes)
    }
  }

  /**
   * @param {number} index
   * @param {number} state
   * @param {Range[]} changes
   */
  #put(index, state, changes) {
    const before = /** @type {number} */ (this.states[index])
    if (before === state) return
    this.states[index] = state
    const counts = /** @type {number[]} */ (this.counts)
    counts[before] = /** @type {number} */ (counts[before]) - 1
    counts[state] = /** @type {number} */ (counts[state]) + 1
    const last = changes[changes.length - 1]
    if (last !== undefined && last.to === index) last.to = index + 1
    else if (last !== undefined && changes.length >= CHANGES_MAX) last.to = index + 1
    else changes.push({ from: index, to: index + 1 })
  }

  /**
   * The slot that holds a frame.
   * @param {number} index
   * @returns {Slot | undefined}
   */
  slotAt(index) {
    if (index < 0 || index >= this.frames) return undefined
    return this.slots.findLast(({ start }) => start <= index)
  }

  /**
   * @param {number} index
   * @returns {number | undefined}
   */
  gfnAt(index) {
    const slot = this.slotAt(index)
    return slot === undefined ? undefined : slot.base + index - slot.start
  }

  /**
   * @param {number} gfn
   * @returns {number | undefined}
   */
  indexOf(gfn) {
    const slot = this.slots.find(({ base, pages }) => gfn >= base && gfn < base + pages)
    const index = slot === undefined ? -1 : slot.start + gfn - slot.base
    return index >= 0 && index < this.frames ? index : undefined
  }
}
