/**
 * What a resume has to say again, when that is too much for one turn: a session may keep so many pages
 * in answers, and have so many calls with pages open, that a connection which is told all at once is cut
 * as SLOW_READER before the other side could read any of it, and so is the next one.
 *
 * It is said in parts, one when the transport has got rid of the last. Whatever else is said meanwhile
 * comes behind it, so that nothing loses its place.
 */
import type { Message, WireCall } from '../../schemas/messages.ts'

/** Bytes of a message without a page, about. */
const ITEM_BYTES = 128

export class Rest<Ours extends WireCall> {
  #items: Message<Ours>[] = []
  #next = 0

  /** Nothing waits to be said. */
  get isOver(): boolean {
    return this.#next === this.#items.length
  }

  add(item: Message<Ours>): void {
    this.#items.push(item)
  }

  /**
   * Takes what comes next, until that has `bytes` or more, or all of it. Calls of which `isOpen` says
   * no are left out: they are over, and the memory of their pages may be somebody else's by now.
   */
  *part(bytes: number, isOpen: (id: number) => boolean): Generator<Message<Ours>> {
    let left = bytes
    while (left > 0 && !this.isOver) {
      const item = this.#items[this.#next++]
      if (item === undefined || (item.kind === 'call' && !isOpen(item.id))) continue
      left -= ITEM_BYTES + pageBytesOf(item)
      yield item
    }
    if (this.isOver) this.clear()
  }

  /** Forgets the rest; says how many items that were. */
  clear(): number {
    const count = this.#items.length - this.#next
    this.#items = []
    this.#next = 0
    return count
  }
}

function pageBytesOf(item: Message<WireCall>): number {
  if (item.kind === 'error') return 0
  const { kind } = item
  const held = kind === 'answer' ? (item.bytes ?? item.page) : pageOf(item.body)
  return held instanceof Uint8Array ? held.length : 0
}

function pageOf(body: WireCall): unknown {
  if (body.call === 'UV_PAGE_IN') return body.page
  return body.call === 'MEM_WRITE' ? body.bytes : undefined
}
