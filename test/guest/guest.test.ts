import t from 'tap'
import { asGfn, asGpa } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { readCpio } from '../../src/formats/cpio.ts'
import { children, property, readFdt } from '../../src/formats/fdt-read.ts'
import { buildGuest, type Guest, type GuestInput, necessaryGfns } from '../../src/guest/guest.ts'
import { present } from '../../src/lib/assert.ts'
import { elfFile, SEGMENT } from '../formats/elf-file.ts'
import { ascii, bytesOf } from '../formats/hex.ts'
import { valid } from '../formats/valid.ts'
import { hexDigest, sha512 } from './sha512.ts'

const GIB = 2 ** 30

/** 300,000 bytes and 200,001 bytes, each of one value. */
const KERNEL = new Uint8Array(300_000).fill(7)
const INITRD = new Uint8Array(200_001).fill(9)

const input: GuestInput = {
  kernel: sourceOf(KERNEL),
  initrd: sourceOf(INITRD),
  bootargs: 'root=/dev/vda svm=on',
  slots: [
    { start: asGpa(0x1_0000_0000), size: GIB },
    { start: asGpa(0), size: GIB },
  ],
  sha512,
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function bytesAt(guest: Guest, what: string): Uint8Array {
  const placement = present(
    guest.placements.find((one) => one.what === what),
    what,
  )
  if (placement.content.from !== 'bytes') throw new Error(`${what} is a range of a file`)
  return placement.content.bytes
}

const RTAS = bytesOf('7c641b78 3c600000 6063f000 44000022 4e800020')

t.test('the parts of a guest lie one after another, each on a page of its own', async (t) => {
  const guest = valid(buildGuest(input))
  const places = guest.placements.map(({ what, gpa, memSize }) => [what, gpa, memSize])
  t.same(places, [
    ['kernel', 0x40_0000, 300_000],
    // 0x4493e0 is the kernel's end; 0x20000 behind it, rounded up to a page.
    ['rtas', 0x47_0000, 65_536],
    ['esm-blob', 0x48_0000, 448],
    ['device-tree', 0x49_0000, bytesAt(guest, 'device-tree').length],
    ['initrd', 0x4a_0000, 200_001],
  ])
  t.equal(guest.kernelBase, 0x40_0000)
  t.equal(guest.kernelSize, 300_000)
  t.equal(guest.fdtGpa, 0x49_0000)
  t.same(guest.placements[0]?.content, { from: 'kernel', offset: 0, length: 300_000 })
  t.same(guest.placements[4]?.content, { from: 'initrd', offset: 0, length: 200_001 })
  t.same(bytesAt(guest, 'rtas'), RTAS, 'mr, lis, ori, sc 1, blr')
})

t.test('the frames that a switch must touch', async (t) => {
  const frames = (from: number, count: number, what: string) => ({ what, from: asGfn(from), count })
  t.same(necessaryGfns(valid(buildGuest(input))), [
    frames(0x40, 5, 'kernel'),
    frames(0x47, 1, 'rtas'),
    frames(0x48, 1, 'esm-blob'),
    frames(0x49, 1, 'device-tree'),
    frames(0x4a, 4, 'initrd'),
  ])
  const big = valid(buildGuest({ ...input, rtasSize: 65_537, blobPlace: 'cpio' }))
  t.same(
    necessaryGfns(big),
    [
      frames(0x40, 5, 'kernel'),
      frames(0x47, 2, 'rtas'),
      frames(0x49, 1, 'device-tree'),
      frames(0x4a, 4, 'initrd'),
    ],
    'two pages of RTAS; the blob in front of the initrd is counted with it',
  )
})

t.test('the device tree says what the ultravisor asks', async (t) => {
  const fdt = valid(readFdt(bytesAt(valid(buildGuest(input)), 'device-tree')))
  t.equal(fdt.version, 17)
  t.equal(fdt.bootCpuId, 0)
  t.same(fdt.reservations, [
    { address: 0x47_0000, size: 65_536 },
    { address: 0x48_0000, size: 448 },
    { address: 0x4a_0000, size: 200_001 },
  ])
  const expected: [path: string, name: string, value: Uint8Array][] = [
    ['/', '#address-cells', bytesOf('00000002')],
    ['/', '#size-cells', bytesOf('00000002')],
    ['/chosen', 'bootargs', ascii('root=/dev/vda svm=on\0')],
    ['/chosen', 'linux,initrd-start', bytesOf('00000000004a0000')],
    ['/chosen', 'linux,initrd-end', bytesOf('00000000004d0d41')],
    ['/chosen', 'linux,esm-blob-start', bytesOf('00480000')],
    ['/chosen', 'linux,esm-blob-end', bytesOf('004801c0')],
    ['/rtas', 'linux,rtas-base', bytesOf('00470000')],
    ['/rtas', 'rtas-size', bytesOf('00010000')],
    ['/rtas', 'slof,rtas-size', bytesOf('00000014')],
    ['/memory@0', 'device_type', ascii('memory\0')],
    ['/memory@0', 'reg', bytesOf('0000000000000000 0000000040000000')],
    ['/memory@100000000', 'reg', bytesOf('0000000100000000 0000000040000000')],
    ['/cpus/PowerPC,POWER9@0', 'reg', bytesOf('00000000')],
  ]
  for (const [path, name, value] of expected) t.same(property(fdt, path, name), value, name)
  t.same(
    children(fdt, '/').map(({ name }) => name),
    ['chosen', 'rtas', 'memory@0', 'memory@100000000', 'cpus'],
  )
})

t.test('the blob holds the digests of the four parts', async (t) => {
  const guest = valid(buildGuest(input))
  const blob = valid(readFdt(bytesAt(guest, 'esm-blob')))
  const value = (name: string): string => hex(present(property(blob, '/digests', name), name))
  t.equal(value('rtas'), hexDigest(RTAS), 'the code only, not the area')
  t.equal(value('kernel'), hexDigest(KERNEL))
  t.equal(value('kernel-size'), '000493e0')
  t.equal(value('initrd'), hexDigest(INITRD))
  t.equal(value('bootargs'), hexDigest('root=/dev/vda svm=on'), 'without the final NUL')
  t.equal(hex(guest.digests.kernel), hexDigest(KERNEL))
})

t.test('the blob can ride in a cpio archive in front of the initrd', async (t) => {
  const guest = valid(buildGuest({ ...input, blobPlace: 'cpio' }))
  const places = guest.placements.map(({ what, gpa, memSize }) => [what, gpa, memSize])
  t.same(places.slice(2), [
    ['device-tree', 0x48_0000, bytesAt(guest, 'device-tree').length],
    ['esm-blob', 0x49_0000, 1024],
    ['initrd', 0x49_0400, 200_001],
  ])
  const archive = valid(readCpio(bytesAt(guest, 'esm-blob')))
  t.equal(archive.paddedEnd, 1024, 'the initrd follows at once')
  t.same(
    archive.entries.map(({ name }) => name),
    ['opt/ibm/pef/esm-blob'],
  )
  const data = present(archive.entries[0], 'the only entry').data
  t.equal(data.byteOffset % 4, 0, 'the firmware looks for the blob in steps of 4 bytes')
  const initrd = property(valid(readFdt(data)), '/digests', 'initrd')
  t.equal(hex(present(initrd, 'initrd')), hexDigest(INITRD), 'without the archive')
  const fdt = valid(readFdt(bytesAt(guest, 'device-tree')))
  t.same(property(fdt, '/chosen', 'linux,initrd-start'), bytesOf('0000000000490000'))
  t.same(property(fdt, '/chosen', 'linux,initrd-end'), bytesOf('00000000004c1141'))
  t.equal(property(fdt, '/chosen', 'linux,esm-blob-start'), undefined)
  t.equal(property(fdt, '/chosen', 'linux,esm-blob-end'), undefined)
})

t.test(
  'an ELF kernel lies by its physical addresses, and is measured with gaps and zeros',
  async (t) => {
    const file = elfFile({
      segments: [
        { ...SEGMENT, paddr: 0x2_0000, fileOffset: 300, fileSize: 100, memSize: 70_000 },
        { ...SEGMENT, paddr: 0x1000, fileOffset: 200, fileSize: 50, memSize: 60 },
      ],
      size: 400,
    })
    file.fill(1, 200, 250).fill(2, 300, 400)
    const guest = valid(
      buildGuest({ ...input, kernel: sourceOf(file), kernelBase: asGpa(0x10_0000) }),
    )
    t.same(guest.placements.slice(0, 2), [
      {
        gpa: 0x10_1000,
        what: 'kernel',
        content: { from: 'kernel', offset: 200, length: 50 },
        memSize: 60,
      },
      {
        gpa: 0x12_0000,
        what: 'kernel',
        content: { from: 'kernel', offset: 300, length: 100 },
        memSize: 70_000,
      },
    ])
    t.equal(guest.kernelSize, 0x2_0000 + 70_000)
    t.equal(guest.kernel.format, 'elf')
    t.equal(guest.kernel.machine, 21)
    const image = new Uint8Array(0x2_0000 + 70_000)
    image.fill(1, 0x1000, 0x1032).fill(2, 0x2_0000, 0x2_0064)
    t.equal(hex(guest.digests.kernel), hexDigest(image))
    const [kernel] = necessaryGfns(guest)
    t.same(kernel, { what: 'kernel', from: 0x10, count: 4 }, 'from the base on, gaps included')
  },
)

t.test('a kernel base of 0 is laid out too: refusing it is for the firmware', async (t) => {
  const guest = valid(buildGuest({ ...input, kernelBase: asGpa(0) }))
  t.equal(guest.kernelBase, 0)
  t.equal(guest.placements[0]?.gpa, 0)
})

t.test('big files are read in pieces, each byte once', async (t) => {
  const reads: [number, number][] = []
  const initrd = {
    size: 2_500_000,
    read: (offset: number, length: number) => {
      reads.push([offset, length])
      return new Uint8Array(length)
    },
  }
  const guest = valid(buildGuest({ ...input, initrd }))
  t.same(reads, [
    [0, 1_048_576],
    [1_048_576, 1_048_576],
    [2_097_152, 402_848],
  ])
  t.equal(hex(guest.digests.initrd), hexDigest(new Uint8Array(2_500_000)))
})
