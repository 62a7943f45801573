/** The page table's entries and chunks, the runs under them, the contents behind them: by hand. */
import t from 'tap'
import { asGfn, asRa } from '../../src/abi/page.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { Note } from '../../src/ultravisor/frame-table.ts'
import { bytesOfHex, hexOf } from '../../src/ultravisor/hex.ts'
import { isZeros, PageContents, tagOfBytes } from '../../src/ultravisor/page-contents.ts'
import {
  asSecureEntry,
  hvEntry,
  hvFrameOf,
  isMapped,
  isOwn,
  isPresent,
  isSoftShared,
  isWild,
  OWN_PRESENT,
  PageTable,
  Pte,
  withoutPresent,
} from '../../src/ultravisor/page-table.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { RunSet } from '../../src/ultravisor/run-set.ts'
import { noteOfEntry, secureFrame } from '../../src/ultravisor/secure-frame.ts'
import { filled, isSamePage, settle } from './uv-for-test.ts'

const RA = asRa(0x99_0000)

t.test('an entry says what it maps and how', async (t) => {
  t.equal(OWN_PRESENT, 11)
  t.equal(hvEntry(RA, Pte.Present), 0x99_0003)
  t.equal(hvEntry(asRa(0x99_1234), 0), 0x99_0001, 'of an address within a frame, the frame')
  t.equal(hvEntry(asRa(2 ** 53), 0), 1, 'addresses have 53 bits')
  const tell = (entry: number) => [
    ...[isMapped(entry), isPresent(entry), isOwn(entry), isWild(entry), isSoftShared(entry)],
    hvFrameOf(entry),
  ]
  t.same(tell(0), [false, false, false, false, false, undefined])
  t.same(tell(OWN_PRESENT), [true, true, true, false, false, undefined])
  t.same(tell(0x99_0005), [true, false, false, false, true, 0x99_0000])
  t.same(tell(1), [true, false, false, false, false, 0], 'the frame at 0')
  t.same(tell(Pte.Valid | Pte.Wild), [true, false, false, true, false, undefined])
  t.same([withoutPresent(11), withoutPresent(9)], [9, 9])
  t.equal(asSecureEntry(0x99_0005), 0x99_0003)
  t.equal(asSecureEntry(9), 11)
})

t.test('an entry that faults stays; one that is not there comes to nothing', async (t) => {
  const table = new PageTable()
  table.mapRange(asGfn(0), 33)
  table.invalidate(asGfn(5))
  t.same(
    [4, 5, 6, 32, 33].map((n) => table.entry(asGfn(n))),
    [11, 9, 11, 11, 0],
  )
  table.invalidate(asGfn(70))
  t.equal(table.entry(asGfn(70)), 0)
  table.removeChunks(0, 1)
  t.same(
    [0, 5, 31, 32].map((n) => table.entry(asGfn(n))),
    [0, 0, 0, 11],
  )
})

t.test('whole chunks are mapped by one entry each, tables in their way go', async (t) => {
  const table = new PageTable()
  for (const gfn of [40, 70, 130]) table.set(asGfn(gfn), hvEntry(RA, Pte.Present))
  table.mapRange(asGfn(33), 96)
  t.same(table.large.runs(), [[2, 4]])
  t.same(
    [...table.tables.keys()].toSorted((a, b) => a - b),
    [1, 4],
  )
  const at = [32, 33, 40, 63, 64, 70, 127, 128, 129, 130]
  t.same(
    at.map((n) => table.entry(asGfn(n))),
    [0, 11, 11, 11, 11, 11, 11, 11, 0, 0x99_0003],
  )
  table.removeChunks(0, 1_000_000)
  t.same([table.large.runs(), table.tables.size], [[], 0], 'however many chunks there may be')
})

t.test('of the tables those of the chunks that go are gone', async (t) => {
  const left = (first: number, end: number) => {
    const table = new PageTable()
    for (const chunk of [0, 1, 4]) table.set(asGfn(chunk * 32), 11)
    table.removeChunks(first, end)
    return [...table.tables.keys()]
  }
  t.same(left(1, 4), [0, 4])
  t.same(left(1, 5), [0])
  t.same(left(2, 4), [0, 1, 4])
  t.same(left(0, 1), [1, 4])
  t.same(left(2, 2), [0, 1, 4])
})

t.test('a table that is gone takes nothing and tells nothing', async (t) => {
  const table = new PageTable()
  table.mapRange(asGfn(0), 64)
  t.equal(table.peek(asGfn(5)), 11)
  table.freeRoot()
  t.notOk(table.hasRoot)
  t.equal(table.peek(asGfn(5)), 0)
  const oops = { kind: 'OOPS', message: 'the page table was freed' }
  t.throws(() => table.entry(asGfn(5)), oops)
  t.throws(() => table.set(asGfn(5), 0), oops)
  t.throws(() => table.mapRange(asGfn(5), 1), oops)
  table.mapRange(asGfn(5), 0)
  t.same([table.tables.size, table.large.runs()], [0, []])
})

t.test('runs join where they touch, and part where something is taken out', async (t) => {
  const runs = new RunSet()
  const steps: [adds: boolean, first: number, end: number, want: [number, number][]][] = [
    [true, 5, 5, []],
    [true, 9, 5, []],
    [true, 10, 20, [[10, 20]]],
    [
      true,
      30,
      40,
      [
        [10, 20],
        [30, 40],
      ],
    ],
    [
      true,
      20,
      22,
      [
        [10, 22],
        [30, 40],
      ],
    ],
    [
      true,
      28,
      30,
      [
        [10, 22],
        [28, 40],
      ],
    ],
    [true, 22, 28, [[10, 40]]],
    [false, 12, 12, [[10, 40]]],
    [false, 35, 40, [[10, 35]]],
    [true, 35, 40, [[10, 40]]],
    [true, 12, 14, [[10, 40]]],
    [
      false,
      15,
      20,
      [
        [10, 15],
        [20, 40],
      ],
    ],
    [
      false,
      15,
      20,
      [
        [10, 15],
        [20, 40],
      ],
    ],
    [
      false,
      9,
      9,
      [
        [10, 15],
        [20, 40],
      ],
    ],
    [
      false,
      30,
      25,
      [
        [10, 15],
        [20, 40],
      ],
    ],
    [
      false,
      14,
      21,
      [
        [10, 14],
        [21, 40],
      ],
    ],
    [
      false,
      0,
      11,
      [
        [11, 14],
        [21, 40],
      ],
    ],
    [
      false,
      39,
      50,
      [
        [11, 14],
        [21, 39],
      ],
    ],
    [
      true,
      0,
      5,
      [
        [0, 5],
        [11, 14],
        [21, 39],
      ],
    ],
    [
      false,
      4,
      30,
      [
        [0, 4],
        [30, 39],
      ],
    ],
    [false, 0, 100, []],
  ]
  for (const [adds, first, end, want] of steps) {
    if (adds) runs.add(first, end)
    else runs.delete(first, end)
    t.same(runs.runs(), want, `${adds ? 'with' : 'without'} ${first} to ${end}`)
  }
  runs.add(3, 6)
  runs.add(8, 9)
  t.same(
    [2, 3, 5, 6, 7, 8, 9].map((n) => runs.has(n)),
    [false, true, true, false, false, true, false],
  )
  runs.clear()
  t.same([runs.runs(), runs.has(3)], [[], false])
})

t.test('contents are cleared to the ends of a range, tags and bytes', async (t) => {
  const gfns = [0, 1, 9, 10, 1_023, 1_024, 2_048, 2_050, 5_000].map(asGfn)
  const left = (kind: 'tag' | 'bytes', start: number, end: number) => {
    const contents = new PageContents()
    for (const gfn of gfns) contents.set(gfn, kind === 'tag' ? BigInt(gfn) + 1n : filled(1))
    contents.clearRange(start, end)
    return gfns.filter((gfn) => contents.get(gfn) !== null)
  }
  for (const kind of ['tag', 'bytes'] as const) {
    t.same(left(kind, 1, 10), [0, 10, 1_023, 1_024, 2_048, 2_050, 5_000], kind)
    t.same(left(kind, 9, 1_025), [0, 1, 2_048, 2_050, 5_000], kind)
    t.same(left(kind, 0, 1_024), [1_024, 2_048, 2_050, 5_000], kind)
    t.same(left(kind, 1_023, 2_050), [0, 1, 9, 10, 2_050, 5_000], kind)
    t.same(left(kind, 0, 5), gfns.slice(2), kind)
    t.same(left(kind, 2_050, 4_000), [...gfns.slice(0, 7), 5_000], kind)
    t.same(left(kind, 5, 5), gfns, `${kind}: an empty range`)
    t.same(left(kind, 3, 5_000), [0, 1, 5_000], kind)
    t.same(left(kind, 0, 1_000_000), [], kind)
  }
  const contents = new PageContents()
  contents.set(asGfn(2_048), 7n)
  contents.clearRange(0, 1_500)
  t.equal(contents.get(asGfn(2_048)), 7n, 'what lies behind a range of more chunks stays')
  contents.clearRange(2_049, 9_000)
  t.equal(contents.get(asGfn(2_048)), 7n, 'and what lies in front of one')
})

t.test('a page has one content: the last that was set', async (t) => {
  const contents = new PageContents()
  const [one, two] = [asGfn(1_025), asGfn(1_026)]
  contents.set(one, null)
  t.same([...contents.pages()], [])
  contents.set(one, 5n)
  contents.set(two, 6n)
  t.same(
    [...contents.pages()],
    [
      [1_025, 5n],
      [1_026, 6n],
    ],
  )
  contents.set(one, filled(3))
  t.ok(isSamePage(contents.get(one), filled(3)))
  t.equal([...contents.pages()].length, 2, 'bytes take the place of a tag')
  contents.set(one, 7n)
  t.same([contents.get(one), contents.glance(one)], [7n, 7n])
  contents.set(one, 0n)
  t.same([contents.get(one), contents.glance(one)], [null, null], 'a tag of 0 is zeros')
  contents.set(two, null)
  t.same([...contents.pages()], [])
  t.equal(contents.get(asGfn(9_999)), null)
  t.equal(contents.glance(asGfn(9_999)), null)
})

t.test('pages of bytes alone are listed as they are', async (t) => {
  const contents = new PageContents()
  contents.set(asGfn(1_030), filled(4))
  const pages = [...contents.pages()]
  t.same(
    pages.map(([gfn]) => gfn),
    [1_030],
  )
  contents.clearRange(1_030, 1_031)
  t.same([...contents.pages()], [])
})

t.test('tags and digits', async (t) => {
  const bytes = Uint8Array.of(9, 9, 0, 0, 0, 0, 0, 0, 1, 255)
  t.equal(
    tagOfBytes(bytes.subarray(2)),
    511n,
    'of the bytes themselves, not of what is before them',
  )
  t.ok(isZeros(new Uint8Array(3)))
  t.ok(isZeros(new Uint8Array()))
  t.notOk(isZeros(Uint8Array.of(0, 0, 1)))
  t.equal(hexOf(Uint8Array.of(0, 10, 255)), '000aff')
  t.same(bytesOfHex('000aff'), Uint8Array.of(0, 10, 255))
  t.same(bytesOfHex(''), new Uint8Array())
})

t.test('the page that a frame had, as its record names it', async (t) => {
  t.equal(noteOfEntry(0), Note.None)
  t.equal(noteOfEntry(OWN_PRESENT), Note.OwnPage)
  t.equal(noteOfEntry(Pte.Valid | Pte.Wild), Note.Seal)
  t.equal(noteOfEntry(0x99_0005), 0x99_0000)
  t.equal(noteOfEntry(1), Note.None, 'the frame at 0 is none')
  const rows: [note: number, firmware: number, spec: number][] = [
    [Note.None, 0x99_0005, 11],
    [Note.OwnPage, 11, 11],
    [Note.Seal, 19, 11],
    [0x55_0000, 0x55_0003, 11],
  ]
  for (const [note, ...want] of rows) {
    for (const [i, profile] of (['firmware', 'spec'] as const).entries()) {
      const { svm } = settle({ profile })
      const gfn = asGfn(64)
      svm.frames.setState(gfn, FrameState.Shared)
      svm.frames.setNote(gfn, note)
      svm.pages.set(gfn, 0x99_0005)
      secureFrame(UV_PROFILES[profile], svm, gfn)
      t.equal(svm.pages.entry(gfn), want[i], `${profile}: note ${note}`)
      t.equal(svm.frames.count, 0, 'the record goes')
    }
  }
})

t.test('the firmware has every defect, the specification none', async (t) => {
  const { refusesSharedPageIn: wish, ...defects } = UV_PROFILES.firmware
  t.equal(wish, false, 'which is no defect')
  t.same([...new Set(Object.values(defects))], [true])
  t.equal(Object.keys(defects).length, 20)
  t.same([...new Set(Object.values(UV_PROFILES.spec))], [false])
  t.same(UV_PROFILES.proposal, { ...UV_PROFILES.spec, refusesSharedPageIn: true })
})
