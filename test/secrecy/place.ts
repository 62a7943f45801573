/** A place that is searched for marks: how much of it there was, and what was found. */
import type { MarkKind, Needle } from './marks.ts'
import { Matcher } from './matcher.ts'

export class Place {
  readonly name: string
  bytes = 0
  readonly #needles: readonly Needle[]
  readonly #matcher: Matcher
  readonly #finds = new Map<Needle, number>()

  constructor(name: string, needles: readonly Needle[]) {
    this.name = name
    this.#needles = needles
    this.#matcher = new Matcher(needles.map(({ bytes }) => bytes))
  }

  /** Finds of a kind of mark, in whatever form. */
  found(kind: MarkKind): number {
    return [...this.#finds].reduce((sum, [needle, n]) => (needle.kind === kind ? sum + n : sum), 0)
  }

  /** In which forms a kind was found. */
  forms(kind: MarkKind): readonly string[] {
    return [...this.#finds.keys()].flatMap((needle) => (needle.kind === kind ? needle.form : []))
  }

  /** Searches something that is there as a whole. */
  look(content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    this.bytes += bytes.length
    this.#matcher.search(bytes, this.#note)
  }

  /** Searches something piece by piece: marks across two pieces are found, too. */
  stream(): (piece: Uint8Array) => void {
    const overlap = this.#matcher.longest - 1
    let tail: Uint8Array = new Uint8Array()
    return (piece) => {
      this.bytes += piece.length
      const seam = Buffer.concat([tail, piece.subarray(0, overlap)])
      this.#matcher.search(seam, this.#note)
      this.#matcher.search(piece, this.#note)
      // What lies in a seam alone is found twice: what counts is whether there is any.
      tail = Buffer.concat([tail, piece.subarray(-overlap)]).subarray(-overlap)
    }
  }

  readonly #note = (at: number): void => {
    const needle = this.#needles[at]
    if (needle !== undefined) this.#finds.set(needle, (this.#finds.get(needle) ?? 0) + 1)
  }
}
