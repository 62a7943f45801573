/** Which part of a VM is shown that has more frames than a map: to the one before, and the next. */
import { el, setText } from './dom.js'
import { count } from './format.js'
import { FrameModel } from './frame-model.js'

/** @param {(by: number) => void} turn by so many parts */
export function mapPager(turn) {
  const back = el('button', { type: 'button', onclick: () => turn(-1) }, '‹ Lower frames')
  const on = el('button', { type: 'button', onclick: () => turn(1) }, 'Higher frames ›')
  const text = el('span', { class: 'muted number', role: 'status' })
  const box = el('div', { class: 'row', hidden: true }, back, on, text)
  return {
    box,
    /** @param {FrameModel} model */
    set({ offset, frames, total }) {
      box.hidden = total <= FrameModel.framesMax
      back.disabled = offset === 0
      on.disabled = offset + frames >= total
      const part = `Frames ${count(offset + 1)} to ${count(offset + frames)} of ${count(total)}`
      setText(text, `${part}: colours, numbers and charts are of these.`)
    },
  }
}
