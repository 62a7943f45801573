/** Guests from files into a VM's memory, over a real server's REST API. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { asGpa, asLpid, type Gpa, PAGE_SIZE } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import type { Guest, Placement } from '../../src/guest/guest.ts'
import { chunksOf, openFile, randomSource } from '../../src/peer/file-source.ts'
import { damageGuest, loadGuest } from '../../src/peer/guest-load.ts'
import { HvRest } from '../../src/peer/hv-rest.ts'
import { hvRunsOf } from '../../src/peer/hv-runs.ts'
import { listen } from '../../src/server/listen.ts'
import { server } from '../server/server.ts'

const LPID = asLpid(3)

/** A VM of 64 pages, all of them 0xee, that a boot loader has not been at. */
async function dirtyVm(t: Test): Promise<HvRest> {
  const app = server()
  const { url } = await listen(app, '127.0.0.1', 0)
  t.teardown(() => app.close())
  const rest = new HvRest({ url })
  const size = 64 * PAGE_SIZE
  await rest.call('createVm', { body: { lpid: LPID, slots: [{ size }] } })
  await rest.write(LPID, asGpa(0), new Uint8Array(size).fill(0xee))
  return rest
}

async function bytesAt(rest: HvRest, gpa: number, length: number): Promise<number[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of rest.read(LPID, asGpa(gpa), length)) pieces.push(piece)
  return [...Buffer.concat(pieces)]
}

const kernelPart = (gpa: number, offset: number, length: number, memSize: number): Placement => ({
  gpa: asGpa(gpa),
  what: 'kernel',
  content: { from: 'kernel', offset, length },
  memSize,
})
const bytesPart = (gpa: number, what: 'rtas' | 'device-tree', text: string): Placement => {
  const bytes = new TextEncoder().encode(text)
  return { gpa: asGpa(gpa), what, content: { from: 'bytes', bytes }, memSize: bytes.length + 2 }
}

/** Two segments with a gap of 4 between them, 3 zeros behind the second. */
const GUEST: Guest = {
  kernelBase: asGpa(0x1_0000),
  fdtGpa: asGpa(0x3_0000),
  kernel: { format: 'elf', machine: 21, segments: [], size: 20 },
  kernelSize: 20,
  digests: {
    rtas: new Uint8Array(64),
    kernel: new Uint8Array(64),
    initrd: new Uint8Array(64),
    bootargs: new Uint8Array(64),
    kernelSize: 20,
  },
  placements: [
    kernelPart(0x1_0002, 0, 4, 4),
    kernelPart(0x1_000a, 4, 3, 6),
    bytesPart(0x2_0000, 'rtas', 'RT'),
    bytesPart(0x3_0000, 'device-tree', 'tree quiet end'),
    {
      gpa: asGpa(0x3_fffe),
      what: 'initrd',
      content: { from: 'initrd', offset: 1, length: 4 },
      memSize: 4,
    },
  ],
}
const FILES = {
  kernel: sourceOf(Uint8Array.of(1, 2, 3, 4, 5, 6, 7)),
  initrd: sourceOf(Uint8Array.of(9, 10, 11, 12, 13)),
}

t.test('every part lies in its place, with zeros between segments and behind them', async (t) => {
  const rest = await dirtyVm(t)
  t.equal(await loadGuest(rest, LPID, GUEST, FILES), 2 + 4 + 4 + 6 + 4 + 16 + 4)
  const E = 0xee
  t.same(await bytesAt(rest, 0xfffe, 20), [
    E,
    E,
    0,
    0,
    1,
    2,
    3,
    4,
    0,
    0,
    0,
    0,
    5,
    6,
    7,
    0,
    0,
    0,
    E,
    E,
  ])
  t.same(await bytesAt(rest, 0x2_0000, 5), [82, 84, 0, 0, E])
  t.same(await bytesAt(rest, 0x3_fffd, 6), [E, 10, 11, 12, 13, E], 'across two pages')
})

t.test('each measured part can be damaged by one bit, and nothing else changes', async (t) => {
  const rest = await dirtyVm(t)
  await loadGuest(rest, LPID, GUEST, FILES)
  const before = await bytesAt(rest, 0, 64 * PAGE_SIZE)
  const cases = [
    { part: 'kernel', at: 0x1_0004, byte: 3 ^ 1 },
    { part: 'rtas', at: 0x2_0000, byte: 82 ^ 1 },
    { part: 'bootargs', at: 0x3_0005, byte: 113 ^ 1 },
    { part: 'initrd', at: 0x4_0000, byte: 12 ^ 1 },
  ] as const
  const expected = [...before]
  for (const { part, at, byte } of cases) {
    await damageGuest(rest, LPID, GUEST, FILES, part, 'quiet')
    expected[at] = byte
    const now = await bytesAt(rest, 0, 64 * PAGE_SIZE)
    t.ok(Buffer.from(now).equals(Buffer.from(expected)), part)
  }
})

t.test('a file is read where it lies, in bytes of its own each time', async (t) => {
  const path = join(t.testdir(), 'file')
  writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5))
  const file = openFile(path)
  t.equal(file.size, 5)
  const [first, second] = [file.read(1, 2), file.read(3, 2)]
  t.same([...first, ...second], [2, 3, 4, 5])
  writeFileSync(path, Uint8Array.of(1))
  t.throws(() => file.read(0, 3), /has become shorter than 5 bytes/)
  file.close()
  t.throws(() => openFile('/'), /\/ is not a file/)
  t.throws(() => openFile('/no/such/file'), /ENOENT/)
})

t.test('made-up bytes are the same for the same seed; chunks are a whole', async (t) => {
  const [one, same, other] = [
    randomSource(2_500_001, 1),
    randomSource(2_500_001, 1),
    randomSource(9, 2),
  ]
  t.equal(one.size, 2_500_001)
  t.same(one.read(7, 30), same.read(7, 30))
  t.notSame(one.read(0, 9), other.read(0, 9))
  const sizes = [...chunksOf(one, 1, 2_500_000)].map(({ length }) => length)
  t.same(sizes, [1_048_576, 1_048_576, 402_848])
  t.same([...chunksOf(one, 5, 0)], [])
})

t.test('runs are asked for page by page until there are no more', async (t) => {
  const rest = await dirtyVm(t)
  const asked: unknown[] = []
  const paged = {
    call: (_: string, { query }: { query: { from: number } }) => {
      asked.push(query.from)
      const run = { from: query.from, count: 10, state: 'secure' }
      return Promise.resolve({ runs: [run], next: query.from < 20 ? query.from + 10 : null })
    },
  } as unknown as HvRest
  const runs = await hvRunsOf(paged, LPID)
  t.same(asked, [0, 10, 20])
  t.same(
    runs.map(({ from }) => from),
    [0, 10, 20],
  )
  t.match(await hvRunsOf(rest, LPID), [{ from: 0, count: 64, state: 'normal' }])
})

t.test('a read that the host cannot finish is an error, not a short answer', async (t) => {
  const rest = await dirtyVm(t)
  const tooFar: Gpa = asGpa(63 * PAGE_SIZE)
  const read = async (): Promise<number> => {
    let bytes = 0
    for await (const piece of rest.read(LPID, tooFar, 2 * PAGE_SIZE)) bytes += piece.length
    return bytes
  }
  await t.rejects(read(), { name: 'RestError' })
  await t.rejects(rest.write(LPID, asGpa(64 * PAGE_SIZE), Uint8Array.of(1)), { name: 'RestError' })
})
