import t from 'tap'
import {
  addressOf,
  children,
  headerOf,
  nodeAt,
  property,
  readFdt,
  stringOf,
  u32At,
} from '../../src/formats/fdt-read.ts'
import { present } from '../../src/lib/assert.ts'
import { SAMPLE } from './fdt-sample.ts'
import { bytesOf, patched } from './hex.ts'
import { valid } from './valid.ts'

/** Offsets in SAMPLE. */
const STRUCTURE = 0x48
const [VERSION, OLDEST, STRINGS_SIZE, STRUCTURE_SIZE] = [0x14, 0x18, 0x20, 0x24]

t.test('a tree written by hand is read whole', async (t) => {
  const fdt = valid(readFdt(SAMPLE))
  t.equal(fdt.version, 17)
  t.equal(fdt.totalSize, 0xa4)
  t.equal(fdt.bootCpuId, 5)
  t.same(fdt.reservations, [{ address: 0x1000, size: 0x2000 }])
  t.same(
    children(fdt, '/').map((node) => node.name),
    ['a@1', 'a@2'],
    'in order',
  )
  t.same(children(fdt, '/a@1'), [])
  t.same(children(fdt, '/b'), [], 'no children of a node that is not there')
  t.same(property(fdt, '/', 'n'), bytesOf('00000007'))
  t.same(property(fdt, '/a@2', 'n'), bytesOf('010203'), 'without its padding')
  t.equal(property(fdt, '/a@2', 's'), undefined, 'not the one of its neighbour')
  t.equal(property(fdt, '/a@2/c', 'n'), undefined)
  t.equal(property(fdt, '/a@3', 'n'), undefined)
  t.equal(stringOf(present(property(fdt, '/a@1', 's'), 's')), 'hi')
  t.equal(nodeAt(fdt, '/a')?.name, 'a@1', 'a name without unit address finds the first with one')
  t.equal(nodeAt(fdt, '/a@'), undefined)
  t.equal(nodeAt(fdt, '')?.name, '', 'the root')
})

t.test('bytes behind the total size, an offset view and NOP tokens do not matter', async (t) => {
  const longer = new Uint8Array(SAMPLE.length + 100).fill(0xff)
  longer.set(SAMPLE, 13)
  t.same(readFdt(longer.subarray(13)), readFdt(SAMPLE))
  // The node a@2 becomes NOPs: 7 words.
  const without = valid(readFdt(patched(SAMPLE, STRUCTURE + 13 * 4, '00000004'.repeat(7))))
  t.same(
    children(without, '/').map((node) => node.name),
    ['a@1'],
  )
})

t.test('the first of two equal property names counts', async (t) => {
  const twice = bytesOf(`
    d00dfeed 0000007a 00000038 00000078 00000028 00000011 00000010 00000000 00000002 00000040
    0000000000000000 0000000000000000
    00000001 00000000  00000003 00000004 00000000 00000001
    00000003 00000004 00000000 00000002  00000002 00000009 00000000 00000000 00000000 00000000
    6e00
  `)
  const fdt = valid(readFdt(twice))
  t.same(property(fdt, '/', 'n'), bytesOf('00000001'))
})

t.test('version 16, as Linux hands it over, has no structure size', async (t) => {
  const old = patched(patched(SAMPLE, VERSION, '00000010'), STRUCTURE_SIZE, 'ffffffff')
  const fdt = valid(readFdt(old))
  t.equal(fdt.version, 16)
  t.same(property(fdt, '/a@2', 'n'), bytesOf('010203'))
})

t.test('numbers in values', async (t) => {
  const cells = bytesOf('00000001 80000002 00')
  t.equal(u32At(cells, 0), 1)
  t.equal(u32At(cells, 1), 0x8000_0002)
  t.equal(u32At(cells, 2), undefined, 'cut off')
  t.equal(u32At(cells, -1), undefined)
  t.equal(addressOf(bytesOf('00000001 80000002')), 0x1_8000_0002, '8 bytes are one address')
  t.equal(addressOf(bytesOf('00000001 80000002 ffff')), 0x1_8000_0002, 'of more, the first 8')
  t.equal(addressOf(bytesOf('80000002')), 0x8000_0002, 'one cell')
  t.equal(addressOf(bytesOf('00000003 000000')), 3, '7 bytes: the first cell')
  t.equal(addressOf(bytesOf('000001')), undefined)
  t.equal(stringOf(bytesOf('61ff')), 'a\u00ff', 'a string without NUL, one character a byte')
})

t.test('the header alone tells how many bytes to fetch', async (t) => {
  t.same(headerOf(SAMPLE.subarray(0, 8)), { magic: 0xd00dfeed, totalSize: 0xa4 })
  t.equal(headerOf(SAMPLE.subarray(0, 7)), 'device tree: 8 bytes of header expected, 7 given')
  const magic = 'device tree: magic is 0x0, expected 0xd00dfeed'
  t.equal(headerOf(new Uint8Array(65_536)), magic)
  const sized = (hex: string) => headerOf(patched(SAMPLE, 4, hex))
  t.equal(sized('00000023'), 'device tree: totalsize is 35, expected 36 to 2097152')
  t.type(sized('00000024'), 'object', 'the shortest')
  t.type(sized('00200000'), 'object', '2 MiB')
  t.equal(sized('00200001'), 'device tree: totalsize is 2097153, expected 36 to 2097152')
})

t.test('what is wrong with a tree is said with field, value and expectation', async (t) => {
  const at = (word: number): number => STRUCTURE + word * 4
  const cases: [why: string, offset: number, hex: string, error: string][] = [
    ['cut short', 4, '000000a5', 'totalsize is 165, but only 164 bytes are given'],
    ['older', VERSION, '0000000f', 'version is 15, last compatible 16, expected 16 to 17'],
    ['newer', OLDEST, '00000012', 'version is 17, last compatible 18, expected 16 to 17'],
    ['no header', 4, '00000027', 'totalsize is 39, expected at least 40'],
    ['structure', 8, '000000a5', 'off_dt_struct is 165, expected at most 164'],
    ['structure', STRUCTURE_SIZE, '0000005d', 'size_dt_struct is 93, expected at most 92'],
    ['structure', 8, '0000004a', 'off_dt_struct is 74, expected a multiple of 4'],
    ['strings', 12, 'ffffffff', 'off_dt_strings is 4294967295, expected at most 164'],
    ['strings', STRINGS_SIZE, '00000005', 'size_dt_strings is 5, expected at most 4'],
    ['reservations', 16, '00000024', 'off_mem_rsvmap is 36, expected a multiple of 8'],
    ['reservations', 16, '00000098', 'the memory reservations at 152 have no end before 164'],
    ['no end', at(21), '00000004', 'the structure block ends at 160 without an end token'],
    ['token', at(0), '00000005', 'token at 72 is 0x5, expected 1, 2, 3, 4 or 9'],
    ['no root', at(0), '00000009', 'there is no root node'],
    ['no node', at(0), '00000002', 'no open node to end at 72'],
    ['no node', at(0), '0000000400000004', 'a property outside all nodes at 84'],
    ['open', at(20), '00000009', "node '' is not closed before the end"],
    [
      'second root',
      at(2),
      '00000002 00000004 00000004 00000004',
      'a second root node begins at 100',
    ],
    ['long value', at(3), '0000004c', 'the property at 84 has 76 bytes, expected at most 68'],
    ['name', at(4), '00000004', 'nameoff 4 at 84 is no name in the strings block'],
    ['cut off', STRUCTURE_SIZE, '0000000c', 'the property at 84 is cut off'],
    ['name', STRUCTURE_SIZE, '0000001e', 'the node name at 100 is unterminated or too long'],
  ]
  for (const [why, offset, hex, error] of cases) {
    t.equal(readFdt(patched(SAMPLE, offset, hex)), `device tree: ${error}`, `${why}: ${error}`)
  }
})

/**
 * A tree of version 16 whose structure block is `structure`, with no reservations and no strings.
 */
function treeOf(structure: Uint8Array): Uint8Array {
  const total = 0x38 + structure.length
  const hex = (value: number): string => value.toString(16).padStart(8, '0')
  const header = `d00dfeed ${hex(total)} 00000038 ${hex(total)} 00000028 00000010 00000010`
  const bytes = new Uint8Array(total)
  bytes.set(bytesOf(`${header} 00000000 00000000 00000000`))
  bytes.set(structure, 0x38)
  return bytes
}

t.test('a tree is at most 64 nodes deep', async (t) => {
  const deep = (depth: number): Uint8Array =>
    treeOf(
      bytesOf(`00000001 00000000 ${'00000001 61000000'.repeat(depth - 1)}
        ${'00000002'.repeat(depth)} 00000009`),
    )
  t.type(readFdt(deep(64)), 'object')
  t.match(readFdt(deep(65)), /^device tree: node at \d+ is deeper than 64 nodes$/)
})

t.test('a name is at most 255 bytes long', async (t) => {
  const named = (length: number): Uint8Array =>
    treeOf(
      bytesOf(`00000001 00000000 00000001 ${'61'.repeat(length)} 00
        ${'00'.repeat((4 - ((length + 1) % 4)) % 4)} 00000002 00000002 00000009`),
    )
  const fdt = valid(readFdt(named(255)))
  t.same(
    children(fdt, '/').map((node) => node.name.length),
    [255],
  )
  t.equal(readFdt(named(256)), 'device tree: the node name at 68 is unterminated or too long')
})

t.test('there are at most 4096 memory reservations', async (t) => {
  const reserved = (count: number): Uint8Array => {
    const total = 0x40 + 16 * (count + 1)
    const bytes = new Uint8Array(total).fill(1, 0x40, 0x40 + 16 * count)
    bytes.set(SAMPLE.subarray(0, 0x28))
    const view = new DataView(bytes.buffer)
    for (const [word, value] of [total, 0x28, 0x38, 0x40].entries()) {
      view.setUint32(4 + word * 4, value)
    }
    view.setUint32(STRINGS_SIZE, 0)
    view.setUint32(STRUCTURE_SIZE, 16)
    bytes.set(bytesOf('00000001 00000000 00000002 00000009'), 0x28)
    return bytes
  }
  const fdt = valid(readFdt(reserved(4096)))
  t.equal(fdt.reservations.length, 4096)
  t.equal(readFdt(reserved(4097)), 'device tree: more than 4096 memory reservations')
})
