import fc from 'fast-check'
import t from 'tap'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { readElf } from '../../src/formats/elf.ts'
import { elfFile, SEGMENT } from './elf-file.ts'
import { ascii, patched } from './hex.ts'
import { seedFor } from './seed.ts'

const read = (bytes: Uint8Array) => readElf(sourceOf(bytes))

t.test('the segments to be loaded are read, in either byte order', async (t) => {
  for (const byteOrder of ['little', 'big'] as const) {
    const elf = read(
      elfFile({
        byteOrder,
        machine: 21,
        entry: 0xc000_0000_0000_0000n,
        segments: [
          { ...SEGMENT, fileOffset: 200, fileSize: 10, memSize: 65_546, vaddr: 0xc000n << 48n },
          { ...SEGMENT, type: 4, fileSize: 1, memSize: 1 },
          { ...SEGMENT, paddr: 0x2_0000_0001, fileSize: 0, memSize: 5 },
          { ...SEGMENT, paddr: 9, memSize: 0, fileSize: 0 },
        ],
        size: 400,
      }),
    )
    t.same(elf, {
      byteOrder,
      machine: 21,
      entry: 0xc000_0000_0000_0000n,
      segments: [
        { paddr: 0, vaddr: 0xc000n << 48n, fileOffset: 200, fileSize: 10, memSize: 65_546 },
        { paddr: 0x2_0000_0001, vaddr: 0n, fileOffset: 0, fileSize: 0, memSize: 5 },
      ],
    })
  }
})

t.test('what is wrong is said with field, value and expectation', async (t) => {
  const file = elfFile({ segments: [{ ...SEGMENT, fileSize: 8, memSize: 8 }], size: 120 })
  const field = (at: number) => 64 + at
  const huge = 'ffffffffffffffff'
  const cases: [bytes: Uint8Array, error: string][] = [
    [file.subarray(0, 63), '63 bytes, expected at least 64'],
    [ascii('#!/bin/sh'.padEnd(64)), 'the file does not start with 7f 45 4c 46'],
    [patched(file, 4, '01'), 'class is 1, expected 2 (64 bit)'],
    [patched(file, 5, '03'), 'data is 3, expected 1 or 2'],
    [patched(file, 54, '2000'), 'e_phentsize is 32, expected 56'],
    [patched(file, 56, '0000'), 'e_phnum is 0, expected 1 to 4096'],
    [patched(file, 56, '0110'), 'e_phnum is 4097, expected 1 to 4096'],
    [patched(file, 56, 'ffff'), 'e_phnum is 65535, expected 1 to 4096'],
    [patched(file, 56, '0200'), '112 bytes of program headers at 64 end beyond 120'],
    [patched(file, 32, '41'), '56 bytes of program headers at 65 end beyond 120'],
    [patched(file, 32, huge), '56 bytes of program headers at 18446744073709552000 end beyond 120'],
    [patched(file, field(0), '02'), 'no segment is to be loaded'],
    [patched(file, field(40), '07'), 'segment 0: p_memsz is 7, expected at least p_filesz 8'],
    [patched(file, field(8), '71'), "segment 0: 8 bytes at 113 end beyond the file's 120"],
    [
      patched(file, field(24), 'f9ffffffffff1f00'),
      'segment 0: p_paddr 0x1ffffffffffff9 and p_memsz 8 reach 2^53',
    ],
  ]
  // 120 bytes are exactly header and table: the segment's 8 bytes lie inside them.
  t.type(read(file), 'object')
  t.type(read(patched(file, field(24), 'f7ffffffffff1f00')), 'object', 'up to 2^53 - 1')
  for (const [bytes, error] of cases) t.equal(read(bytes), `elf: ${error}`)
})

t.test('a table of 4096 program headers is read', async (t) => {
  const segment = { ...SEGMENT, memSize: 1 }
  const elf = read(elfFile({ segments: new Array(4096).fill(segment), size: 64 + 4096 * 56 }))
  t.equal(typeof elf === 'string' ? elf : elf.segments.length, 4096)
})

t.test('random and damaged files never end in an exception, nor in reads outside', async (t) => {
  const seed = seedFor(t)
  const file = elfFile({ segments: [{ ...SEGMENT, memSize: 9 }, SEGMENT], size: 300 })
  const changes = fc.array(fc.tuple(fc.nat(180), fc.nat(255)), { maxLength: 6 })
  let [read, refused] = [0, 0]
  fc.assert(
    fc.property(changes, fc.nat(300), fc.boolean(), (list, cut, isCut) => {
      const bytes = file.slice(0, isCut ? cut : 300)
      for (const [at, byte] of list) if (at < bytes.length) bytes[at] = byte
      const answer = readElf({
        size: bytes.length,
        read: (offset, length) => {
          if (offset < 0 || offset + length > bytes.length) throw new Error(`read at ${offset}`)
          return bytes.subarray(offset, offset + length)
        },
      })
      if (typeof answer === 'string') refused++
      else read++
    }),
    { seed, numRuns: 10_000 },
  )
  t.equal(read + refused, 10_000)
  t.ok(read > 0 && refused > 0, `${read} read, ${refused} refused`)
})
