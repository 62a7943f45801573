/** Spoils messages: one thing wrong here and there, in a value, in a text, in bytes. */
import type { Prng } from '../../src/lib/prng.ts'
import { type Message, oneIn, pick } from './grow.ts'

const nested = (depth: number, open: string, close: string): unknown =>
  JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`)

/** Values that are wrong nearly everywhere. */
const WEIRD: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  -0,
  0,
  0.5,
  1.5,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 64,
  1e300,
  -1e300,
  4_096,
  65_536,
  65_537,
  '',
  ' ',
  '0',
  '0x',
  '0x0',
  '0X1',
  '-0x1',
  '0x1ffffffffffffffff',
  '0xffffffffffffffff',
  '1',
  'true',
  'null',
  '\ud800',
  '\udfff\ud800',
  '\0',
  '\u2028',
  '﻿',
  'é'.repeat(40),
  'x'.repeat(129),
  '__proto__',
  'constructor',
  'toString',
  [],
  [1],
  {},
  { __proto__: null },
  { tag: '0x1' },
  { tag: '0x1', bytes: '' },
  { bytes: 'AAAA' },
  { length: 1 },
  nested(60, '[', ']'),
  nested(60, '{"a":', '}'),
  'QUJD',
  'QUJ',
  'Q===',
  '2.0',
  2,
  'H_SVM_PAGE_IN',
]
const weird = (random: Prng): unknown => structuredClone(pick(random, WEIRD))
/** Member names that every object has in some way. */
const TRAPS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  'toJSON',
  'extra',
  '',
]

/** A path to every member of a value, the members of members too. */
function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || path.length > 3) return []
  return Object.entries(value).flatMap(([key, member]) => {
    const here = [...path, key]
    return [here, ...pathsIn(member, here)]
  })
}

function holderOf(message: Message, path: readonly string[]): Message {
  let at = message
  for (const key of path.slice(0, -1)) at = at[key] as Message
  return at
}

type Change = (random: Prng, message: Message, path: readonly string[]) => void
const isWithin = (inner: readonly string[], outer: readonly string[]): boolean =>
  outer.every((key, at) => inner[at] === key)
const last = (path: readonly string[]): string => path.at(-1) ?? ''

const CHANGES: readonly Change[] = [
  (random, message, path) => {
    holderOf(message, path)[last(path)] = weird(random)
  },
  (_random, message, path) => {
    delete holderOf(message, path)[last(path)]
  },
  (random, message, path) => {
    const holder = holderOf(message, path)
    Object.defineProperty(holder, pick(random, TRAPS), {
      value: weird(random),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  },
  // Two members change places.
  (random, message, path) => {
    const other = pick(random, pathsIn(message))
    if (isWithin(path, other) || isWithin(other, path)) return
    const [here, there] = [holderOf(message, path), holderOf(message, other)]
    const kept = here[last(path)]
    here[last(path)] = there[last(other)]
    there[last(other)] = kept
  },
  (random, message, path) => {
    const holder = holderOf(message, path)
    const value = holder[last(path)]
    if (typeof value === 'number') holder[last(path)] = value + pick(random, [-1, 1, 0.1, 2 ** 32])
    else if (typeof value === 'string')
      holder[last(path)] = value + pick(random, ['0', ' ', '\n', 'g'])
    else holder[last(path)] = [value]
  },
]

/** A copy of a message with up to three things wrong. */
export function spoilValue(random: Prng, message: Message): Message {
  const copy = structuredClone(message)
  for (let times = 1 + random.int(3); times > 0; times--) {
    const paths = pathsIn(copy)
    if (paths.length === 0) return copy
    try {
      pick(random, CHANGES)(random, copy, pick(random, paths))
    } catch (error) {
      // A change that would make a value hold itself is none.
      if (!(error instanceof TypeError)) throw error
    }
  }
  return copy
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u0000',
  '1e999',
  '-',
  'NaN',
  'null',
  '\u0000',
  '"__proto__":{"id":1},',
  '"id":5,',
  '"method":"HDSI",',
  '  ',
]

/** A text with something cut out, put in or doubled. */
export function spoilText(random: Prng, text: string): string {
  const at = random.int(text.length + 1)
  const end = Math.min(text.length, at + 1 + random.int(12))
  switch (random.int(6)) {
    case 0:
      return text.slice(0, at)
    case 1:
      return text.slice(0, at) + text.slice(end)
    case 2:
      return text.slice(0, end) + text.slice(at)
    case 3:
      return text.slice(0, at) + pick(random, PIECES) + text.slice(at)
    case 4:
      return text.replace(/\d+/, () =>
        pick(random, ['-0', '1e400', '00', '9'.repeat(400), '0.1', '1E2']),
      )
    default:
      return text.slice(0, at) + String.fromCharCode(random.int(0x3000)) + text.slice(at + 1)
  }
}

/** Bytes with bits flipped, a word that is odd, something cut off, put in or doubled. */
export function spoilBytes(random: Prng, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length === 0) return copy
  const at = random.int(copy.length)
  switch (random.int(7)) {
    case 0:
      return copy.subarray(0, at)
    case 1:
      return Buffer.concat([copy, Buffer.alloc(1 + random.int(24), random.int(256))])
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at - (at % 8))])
    case 3: {
      const word = at - (at % 8)
      if (word + 8 <= copy.length) copy.writeBigUInt64LE(pick(random, WORDS), word)
      return copy
    }
    case 4: {
      const short = Math.min(at - (at % 2), 22)
      if (short + 2 <= copy.length) copy.writeUInt16LE(pick(random, [0, 1, 4_096, 65_535]), short)
      return copy
    }
    default: {
      // The header is where most of the meaning is.
      const place = oneIn(random, 2) ? random.int(Math.min(16, copy.length)) : at
      copy[place] = (copy[place] ?? 0) ^ (1 << random.int(8))
      return copy
    }
  }
}

const WORDS = [
  0n,
  1n,
  16n,
  65_535n,
  65_536n,
  65_537n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]

/** Anything at all. */
export const wildText = (random: Prng): string =>
  oneIn(random, 2)
    ? (JSON.stringify(pick(random, WEIRD)) ?? 'undefined')
    : String.fromCharCode(...Array.from({ length: random.int(40) }, () => random.int(0x1_0000)))
export const wildBytes = (random: Prng): Buffer =>
  Buffer.from(Array.from({ length: random.int(120) }, () => random.int(oneIn(random, 2) ? 4 : 256)))
