/**
 * Marks that guests write, in every form in which a careless program could keep them.
 *
 * A kind of mark is a prefix that nobody can guess; behind it stands a number, so that a find says
 * which page it was of. Pages of a guest of bytes hold nothing but marks, block behind block.
 */
import { createHash } from 'node:crypto'
import { PAGE_SIZE } from '../../src/abi/page.ts'

/** `secret`: in secure memory and nowhere else. The others may be seen, or are planted. */
export const MARK_KINDS = ['secret', 'shared', 'normal', 'planted'] as const
export type MarkKind = (typeof MARK_KINDS)[number]

const PREFIX_BYTES = 16
/** The number of a tag has the byte behind it. */
const TAG_PREFIX_BYTES = 7

/** Bytes to look for, and what they are. */
export interface Needle {
  readonly kind: MarkKind
  readonly form: string
  readonly bytes: Buffer
}

export class Marks {
  readonly #prefixes: ReadonlyMap<MarkKind, Buffer>

  /** Another seed, other marks. */
  constructor(seed: number) {
    this.#prefixes = new Map(
      MARK_KINDS.map((kind) => {
        const digest = createHash('sha256').update(`mark ${kind} ${seed}`).digest()
        return [kind, digest.subarray(0, PREFIX_BYTES)]
      }),
    )
  }

  prefix(kind: MarkKind): Buffer {
    const prefix = this.#prefixes.get(kind)
    if (prefix === undefined) throw new Error(kind)
    return prefix
  }

  /** A page of blocks of 32 bytes: prefix, number, number again with its bits turned. */
  page(kind: MarkKind, number: number): Uint8Array {
    const block = Buffer.alloc(32)
    this.prefix(kind).copy(block)
    block.writeBigUInt64BE(BigInt(number), 16)
    block.writeBigUInt64BE(BigInt.asUintN(64, ~BigInt(number)), 24)
    return new Uint8Array(Buffer.alloc(PAGE_SIZE, block))
  }

  /** The eight bytes of a page that is a tag. */
  tag(kind: MarkKind, number: number): Uint8Array {
    const bytes = Buffer.alloc(8)
    this.prefix(kind).copy(bytes, 0, 0, TAG_PREFIX_BYTES)
    bytes[TAG_PREFIX_BYTES] = number % 256
    return new Uint8Array(bytes)
  }

  /** What to look for on a wire or in a text. `memory`: as strings of two bytes a letter, too. */
  needles(kinds: readonly MarkKind[], memory = false): readonly Needle[] {
    return kinds.flatMap((kind) => {
      const prefix = this.prefix(kind)
      const forms = [
        ...formsOf(prefix, ''),
        ...formsOf(prefix.subarray(0, TAG_PREFIX_BYTES), 'tag, '),
      ]
      const texts = memory ? forms.filter(({ isText }) => isText).map(wide) : []
      return [...forms, ...texts].map(({ form, bytes }) => ({ kind, form, bytes }))
    })
  }
}

interface Form {
  readonly form: string
  readonly bytes: Buffer
  readonly isText: boolean
}

function formsOf(mark: Buffer, what: string): readonly Form[] {
  const text = (form: string, written: string): Form => ({
    form: `${what}${form}`,
    bytes: Buffer.from(written, 'latin1'),
    isText: true,
  })
  const hex = mark.toString('hex')
  const word = Buffer.from(mark.subarray(0, 8)).reverse()
  return [
    { form: `${what}bytes`, bytes: mark, isText: false },
    { form: `${what}bytes of a word`, bytes: word, isText: false },
    text('hexadecimal', hex),
    text('HEXADECIMAL', hex.toUpperCase()),
    text('hexadecimal with spaces', hex.replaceAll(/(..)(?!$)/g, '$1 ')),
    text('decimal', [...mark].join(',')),
    ...[0, 1, 2].map((lead) => text(`base64 at ${lead}`, base64At(mark, lead))),
  ]
}

/** What base64 makes of it behind `lead` bytes, but for letters that its neighbours have a part in. */
function base64At(mark: Buffer, lead: number): string {
  const text = Buffer.concat([Buffer.alloc(lead), mark]).toString('base64')
  return text.slice(Math.ceil((lead * 8) / 6), Math.floor(((lead + mark.length) * 8) / 6))
}

const wide = ({ form, bytes }: Form): Form => ({
  form: `${form}, two bytes a letter`,
  bytes: Buffer.from(bytes.toString('latin1'), 'utf16le'),
  isText: true,
})
