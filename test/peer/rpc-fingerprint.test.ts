/** The fingerprint of a call: the same for the same call, another one for any other. */
import t from 'tap'
import type { WireCall } from '../../schemas/messages.ts'
import { asGpa, asLpid, asRa, asSlotId } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { Fingerprint } from '../../src/peer/rpc-fingerprint.ts'

const fingerprint = new Fingerprint()

function markOf(body: WireCall, parent = 0): string {
  fingerprint.take(body, parent)
  return `${fingerprint.low} ${fingerprint.high}`
}

const lpid = asLpid(7)
const page = (change = -1): Uint8Array => {
  const bytes = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31) % 251)
  if (change >= 0) bytes[change] = (bytes[change] ?? 0) ^ 0x80
  return bytes
}
const pageIn = (gpa: number, flags = 0, order = 16) =>
  ({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(gpa), flags, order }) as const
const taken = (content: bigint | Uint8Array | null) =>
  ({
    call: 'UV_PAGE_IN',
    lpid,
    ra: asRa(0x20000),
    gpa: asGpa(0x10000),
    flags: 0,
    order: 16,
    page: content,
  }) as const
const stored = (bytes: Uint8Array | null, offset = 0) =>
  ({ call: 'MEM_WRITE', lpid, ra: asRa(0x20000), offset, bytes }) as const
const slot = (slotId: number) =>
  ({ call: 'UV_UNREGISTER_MEM_SLOT', lpid, slotId: asSlotId(slotId) }) as const

const paged = (change: object = {}) => ({
  ...({ call: 'UV_PAGE_OUT', lpid, ra: asRa(0x20000), gpa: asGpa(0x10000) } as const),
  ...{ flags: 0, order: 16, ...change },
})
const added = (change: object = {}) => ({
  ...({ call: 'UV_REGISTER_MEM_SLOT', lpid, startGpa: asGpa(0), size: 0x20000 } as const),
  ...{ flags: 0, slotId: asSlotId(3), ...change },
})

/** Calls of which each differs from every other in one thing or more. */
const DIFFERENT: readonly (readonly [why: string, body: WireCall, parent?: number])[] = [
  ['a page-in', pageIn(0x10000)],
  ['of another frame', pageIn(0x20000)],
  ['of one above 2^32', pageIn(0x1_0001_0000)],
  ['of one above 2^53', pageIn(2 ** 60 + 0x10000)],
  ['with a flag', pageIn(0x10000, 1)],
  ['of another order', pageIn(0x10000, 0, 12)],
  ['in the context of a call', pageIn(0x10000), 3],
  ['in that of another one', pageIn(0x10000), 4],
  ['of another VM', { ...pageIn(0x10000), lpid: asLpid(8) }],
  ['a page-out', { ...pageIn(0x10000), call: 'H_SVM_PAGE_OUT' }],
  ['a fault', { call: 'HDSI', lpid, gpa: asGpa(0x10000) }],
  ['another fault', { call: 'HDSI', lpid, gpa: asGpa(0x20000) }],
  ['start', { call: 'H_SVM_INIT_START', lpid }],
  ['done', { call: 'H_SVM_INIT_DONE', lpid }],
  ['abort', { call: 'H_SVM_INIT_ABORT', lpid }],
  ['the TPM', { call: 'H_SVM_TPM_COMM', lpid }],
  ['terminate', { call: 'UV_SVM_TERMINATE', lpid }],
  ['zeros', taken(null)],
  ['tag 0', taken(0n)],
  ['tag 1', taken(1n)],
  ['a tag of 64 bits', taken(2n ** 63n)],
  ['bytes', taken(page())],
  ['another first byte', taken(page(0))],
  ['another byte inside', taken(page(40_001))],
  ['another last byte', taken(page(65_535))],
  ['nothing stored', stored(null)],
  ['five bytes stored', stored(page().subarray(0, 5))],
  ['six', stored(page().subarray(0, 6))],
  ['at another place', stored(page().subarray(0, 5), 8)],
  ['loaded', { call: 'MEM_READ', lpid, ra: asRa(0x20000), offset: 0, length: 5 }],
  ['more loaded', { call: 'MEM_READ', lpid, ra: asRa(0x20000), offset: 0, length: 6 }],
  ['from elsewhere', { call: 'MEM_READ', lpid, ra: asRa(0x30000), offset: 0, length: 5 }],
  ['five others', stored(page(2).subarray(0, 5))],
  ['33 bytes', stored(page().subarray(0, 33))],
  ['another one behind the first 32', stored(page(32).subarray(0, 33))],
  ['nothing at all', stored(page().subarray(0, 0))],
  ['a page out', paged()],
  ['into another page', paged({ ra: asRa(0x30000) })],
  ['out of another frame', paged({ gpa: asGpa(0x20000) })],
  ['out with a flag', paged({ flags: 1 })],
  ['out of another order', paged({ order: 12 })],
  ['an invalidation', { call: 'UV_PAGE_INVAL', lpid, gpa: asGpa(0x10000), order: 16 }],
  ['another one', { call: 'UV_PAGE_INVAL', lpid, gpa: asGpa(0x20000), order: 16 }],
  ['of another size', { call: 'UV_PAGE_INVAL', lpid, gpa: asGpa(0x10000), order: 12 }],
  ['a slot added', added()],
  ['elsewhere', added({ startGpa: asGpa(0x10000) })],
  ['bigger', added({ size: 0x40000 })],
  ['flagged', added({ flags: 1 })],
  ['by another id', added({ slotId: asSlotId(4) })],
  ['a slot', slot(1)],
  ['another slot', slot(2)],
  ['an entry', { call: 'UV_WRITE_PATE', lpid, dw0: 1n, dw1: 0n }],
  ['the other half of it', { call: 'UV_WRITE_PATE', lpid, dw0: 0n, dw1: 1n }],
]

t.test('calls that differ in anything have different fingerprints', async (t) => {
  const seen = new Map<string, string>()
  for (const [why, body, parent] of DIFFERENT) {
    const mark = markOf(body, parent)
    t.equal(seen.get(mark), undefined, why)
    seen.set(mark, why)
    t.equal(markOf(structuredClone(body), parent), mark, `${why}: the same again`)
  }
})

t.test('fingerprints are in ledgers, and stay what they were', async (t) => {
  // Worked out by other programs: xxhsum, and the steps of `#mix` written down in Python.
  const known: readonly (readonly [body: WireCall, parent: number, mark: string])[] = [
    [pageIn(0x1_0001_0000, 1), 3, '511635486 1615906309'],
    [stored(null, 8), 0, '728233567 732509801'],
    [stored(page().subarray(0, 0), 8), 0, '-633491614 -1022163409'],
    [stored(page().subarray(0, 5), 8), 0, '1125158959 -394434011'],
    [stored(page().subarray(0, 33), 8), 0, '1604575785 -8570917'],
    [stored(page().subarray(0, 100), 8), 0, '-1854317244 902527404'],
    [taken(page()), 0, '-509100056 1877415841'],
    [taken(2n ** 63n + 5n), 0, '648651444 -974576948'],
  ]
  for (const [body, parent, mark] of known) t.equal(markOf(body, parent), mark)
})

t.test('bytes count as they are, wherever they lie in memory', async (t) => {
  const whole = new Uint8Array(65_536 + 3)
  whole.set(page(), 3)
  t.equal(markOf(taken(whole.subarray(3))), markOf(taken(page())))
  t.equal(markOf(taken(Buffer.from(page()))), markOf(taken(page())))
})

t.test(
  'every single bit of a page counts, and pairs of the highest bits do not cancel out',
  async (t) => {
    const seed = Date.now() % 2 ** 32
    t.comment(`seed ${seed}`)
    const random = prng(seed)
    const before = markOf(taken(page()))
    let same = 0
    for (let n = 0; n < 60; n++) {
      const bytes = page()
      const at = random.int(65_536 - 16)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
      if (markOf(taken(bytes)) === before) same++
      bytes[at + 16] = (bytes[at + 16] ?? 0) ^ 0x80
      if (markOf(taken(bytes)) === before) same++
    }
    t.equal(same, 0)
  },
)

t.test('frames in a row, as a switch moves them, have a fingerprint each', async (t) => {
  const seen = new Set<string>()
  for (let gfn = 0; gfn < 100_000; gfn++) seen.add(markOf(pageIn(gfn * 65_536)))
  t.equal(seen.size, 100_000)
})
