import t from 'tap'
import { asGpa } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { buildGuest, type GuestInput } from '../../src/guest/guest.ts'
import { InvariantError } from '../../src/lib/assert.ts'
import { elfFile, SEGMENT } from '../formats/elf-file.ts'
import { sha512 } from './sha512.ts'

const MIB = 2 ** 20

const input: GuestInput = {
  kernel: sourceOf(new Uint8Array(100)),
  initrd: sourceOf(new Uint8Array(100)),
  bootargs: '',
  slots: [{ start: asGpa(0), size: 64 * MIB }],
  sha512,
}

/** A file that nobody may read: only its size is needed. */
const sized = (size: number) => ({
  size,
  read: (_offset: number, length: number): Uint8Array => {
    if (length <= 4) return new Uint8Array(length)
    throw new Error('a misfit is found before anything is hashed')
  },
})
const slot = (start: number, size: number) => ({ start: asGpa(start), size })

t.test('what does not fit is named, with its size and the room', async (t) => {
  const cases: [why: string, given: Partial<GuestInput>, error: string][] = [
    [
      'kernel, small slot',
      { kernel: sized(61 * MIB) },
      'kernel of 63963136 bytes does not fit between 0x400000 and the end of slot 0 at 0x4000000',
    ],
    [
      'kernel, RMA',
      { kernel: sized(765 * MIB), slots: [slot(0, 1024 * MIB)] },
      'kernel of 802160640 bytes does not fit between 0x400000 and ' +
        'the top of the RMA at 0x30000000',
    ],
    [
      'RTAS',
      { slots: [slot(0, 0x42_0000)] },
      'RTAS area of 65536 bytes does not fit between 0x430000 and the end of slot 0 at 0x420000',
    ],
    [
      'blob',
      { slots: [slot(0, 0x44_0000)] },
      'ESM blob of 448 bytes does not fit between 0x440000 and the end of slot 0 at 0x440000',
    ],
    [
      'initrd, small slot',
      { initrd: sized(60 * MIB) },
      'initrd of 62914560 bytes does not fit between 0x460000 and the end of slot 0 at 0x4000000',
    ],
    [
      'initrd behind an archive',
      { initrd: sized(60 * MIB), blobPlace: 'cpio' },
      'initrd of 62914560 bytes does not fit between 0x450400 and the end of slot 0 at 0x4000000',
    ],
  ]
  for (const [why, given, error] of cases) t.equal(buildGuest({ ...input, ...given }), error, why)
  t.match(
    buildGuest({ ...input, slots: [slot(0, 0x45_0000)] }),
    /^device tree of \d+ bytes does not fit between 0x450000 and the end of slot 0 at 0x450000$/,
  )
})

t.test('what fits to the last byte is laid out, one byte more is not', async (t) => {
  const room = 64 * MIB - 0x46_0000
  const fits = (size: number) => buildGuest({ ...input, initrd: sourceOf(new Uint8Array(size)) })
  t.type(fits(room), 'object')
  t.type(fits(room + 1), 'string')
})

t.test('an initrd may reach beyond the top of the RMA, the rest may not', async (t) => {
  const slots = [slot(0, 1024 * MIB)]
  const initrd = { size: 770 * MIB, read: (_: number, length: number) => new Uint8Array(length) }
  t.type(buildGuest({ ...input, slots, initrd, sha512: quick }), 'object')
})

/** Hashes nothing: for sizes only. */
const quick = { init: () => ({ update: () => {}, digest: () => new Uint8Array(64) }) }

t.test('wrong input is named', async (t) => {
  const long = 'é'.repeat(1023)
  const cases: [given: Partial<GuestInput>, error: string][] = [
    [{ kernelBase: asGpa(0x40_0001) }, 'kernel base 0x400001 is not on a page of 64 KiB'],
    [{ kernelBase: asGpa(-65_536) }, 'kernel base 0x-10000 is not on a page of 64 KiB'],
    [{ rtasSize: 19 }, 'RTAS area of 19 bytes, expected 20 to 16777216'],
    [{ rtasSize: 16 * MIB + 1 }, 'RTAS area of 16777217 bytes, expected 20 to 16777216'],
    [{ initrd: sized(0) }, 'initrd: the file is empty'],
    [{ kernel: sized(0) }, 'kernel: the file is empty'],
    [{ bootargs: 'a\0b' }, 'boot arguments hold a NUL'],
    [{ bootargs: `${long}xx` }, 'boot arguments of 2049 bytes, expected at most 2048'],
    [{ slots: [] }, 'slots: none starts at address 0'],
    [{ slots: [slot(65_536, 65_536)] }, 'slots: none starts at address 0'],
    [
      { slots: [slot(0, 65_537)] },
      'slot at 0x0: its size 65537 is not a number of pages of 64 KiB',
    ],
    [{ slots: [slot(0, 0)] }, 'slot at 0x0: its size 0 is not a number of pages of 64 KiB'],
    [{ slots: [slot(0, MIB), slot(1, MIB)] }, 'slot at 0x1: not on a page of 64 KiB'],
    [
      { slots: [slot(0, MIB), slot(MIB - 65_536, MIB)] },
      'slot at 0xf0000: overlaps the slot before it, which ends at 0x100000',
    ],
    [{ slots: [slot(0, 2 ** 53)] }, 'slot at 0x0: ends beyond 2^53'],
  ]
  for (const [given, error] of cases) t.equal(buildGuest({ ...input, ...given }), error)
  t.type(buildGuest({ ...input, rtasSize: 20 }), 'object')
  t.type(buildGuest({ ...input, rtasSize: 16 * MIB }), 'object')
  t.type(buildGuest({ ...input, bootargs: `${long}x` }), 'object', '2048 bytes with the NUL')
})

t.test('a guest has at most 512 slots', async (t) => {
  const slots = Array.from({ length: 512 }, (_, index) => slot(index * 64 * MIB, 64 * MIB))
  t.type(buildGuest({ ...input, slots }), 'object')
  const more = [...slots, slot(512 * 64 * MIB, 65_536)]
  t.equal(buildGuest({ ...input, slots: more }), 'slots: 513, expected at most 512')
})

t.test('an ELF file that is no kernel is named', async (t) => {
  const kernel = (segments: (typeof SEGMENT)[]) =>
    buildGuest({ ...input, kernel: sourceOf(elfFile({ segments, size: 400 })) })
  t.equal(kernel([]), 'kernel: elf: e_phnum is 0, expected 1 to 4096')
  t.equal(
    kernel([
      { ...SEGMENT, paddr: 0x99, memSize: 1 },
      { ...SEGMENT, paddr: 0, memSize: 0x9a },
    ]),
    'kernel: two segments overlap at physical address 0x99',
  )
  t.type(
    kernel([
      { ...SEGMENT, paddr: 0x99, memSize: 1 },
      { ...SEGMENT, paddr: 0, memSize: 0x99 },
    ]),
    'object',
    'touching is no overlap',
  )
  t.match(kernel([{ ...SEGMENT, memSize: 2 ** 50 }]), /^kernel of 1125899906842624 bytes does not/)
})

t.test('a file that gives less than it said is our mistake', async (t) => {
  const initrd = { size: 100, read: () => new Uint8Array(99) }
  t.throws(() => buildGuest({ ...input, initrd }), InvariantError)
})
