/** What UV_ESM reads of a device tree, a blob and an archive, piece by piece, from memory as it lies. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { asGfn } from '../../src/abi/page.ts'
import { writeCpio } from '../../src/formats/cpio.ts'
import { FDT_MAGIC, type Fdt, type FdtNode } from '../../src/formats/fdt.ts'
import { readFdt } from '../../src/formats/fdt-read.ts'
import { fdtNode, u32Value, u64Value, writeFdt } from '../../src/formats/fdt-write.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import {
  blobBeforeInitrd,
  blobRangeOf,
  differenceFrom,
  initrdOf,
  kernelSizeOf,
  rtasOf,
  treeOf,
  treeSizeOf,
} from '../../src/ultravisor/esm-measure.ts'
import { fetchRange, rangeAt } from '../../src/ultravisor/esm-memory.ts'
import { PageInTracking } from '../../src/ultravisor/page-in-tracking.ts'
import { runSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { valid } from '../formats/valid.ts'
import { HonestHv, settle } from './uv-for-test.ts'

type Values = Readonly<Record<string, Uint8Array>>

const bytesOfTree = (...children: readonly FdtNode[]): Uint8Array =>
  valid(writeFdt({ root: fdtNode('', {}, children), bootCpuId: 0, reservations: [] }))

const tree = (name: string, values: Values): Fdt =>
  valid(readFdt(bytesOfTree(fdtNode(name, values))))

/** A guest whose memory at 4 MiB (GFN 64) holds `bytes`, from `offset` of the page on. */
function holding(bytes: Uint8Array, offset = 0) {
  const { svm } = settle({ state: SvmState.Active })
  const page = new Uint8Array(65_536)
  page.set(bytes, offset)
  svm.contents.set(asGfn(64), page)
  return svm
}
const AT = 64 * 65_536

t.test('a tree may be as big as its limit, and no bigger', async (t) => {
  t.equal(treeSizeOf(u32Value(FDT_MAGIC, 1_048_576)), 1_048_576)
  t.equal(
    treeSizeOf(u32Value(FDT_MAGIC, 1_048_577)),
    'the device tree has 1048577 bytes, at most 1048576 are taken',
  )
})

t.test('a tree has its memory at 0, told in 16 bytes', async (t) => {
  t.match(treeOf(new Uint8Array(100)), /^device tree: magic/)
  const memory = (reg: Uint8Array) => treeOf(bytesOfTree(fdtNode('memory@0', { reg })))
  t.equal(memory(u64Value(0)), '/memory@0 has no reg of 16 bytes', '8 are too few')
  t.equal(memory(u64Value(4, 9)), '/memory@0 does not start at 0')
  t.type(memory(u64Value(0, 9)), Object)
})

t.test('the code of RTAS may fill its area, and not be longer', async (t) => {
  const rtas = (text: number) =>
    rtasOf(
      tree('rtas', {
        'linux,rtas-base': u32Value(4096),
        'rtas-size': u32Value(100),
        'slof,rtas-size': u32Value(text),
      }),
    )
  t.same(rtas(100), { start: 4096, length: 100, textLength: 100 })
  t.equal(rtas(101), 'RTAS code of 101 bytes in an area of 100')
})

t.test('a range needs both of its ends', async (t) => {
  const start = u32Value(4096)
  const end = u32Value(5000)
  const blob = (values: Values) => blobRangeOf(tree('chosen', values))
  const [from, to] = ['linux,esm-blob-start', 'linux,esm-blob-end'] as const
  t.same(blob({ [from]: start, [to]: end }), { start: 4096, length: 904 })
  t.equal(blob({ [from]: start }), undefined)
  t.equal(blob({ [to]: end }), undefined)
  const initrd = { 'linux,initrd-start': start, 'linux,initrd-end': end }
  t.same(initrdOf(tree('chosen', initrd)), { start: 4096, length: 904 })
})

/** An archive whose first file is the given one. */
const archive = (name: string, data: Uint8Array) =>
  valid(
    writeCpio([
      { name, data },
      { name: 'last', data: Uint8Array.of(1) },
    ]),
  )
const NAME = 'opt/ibm/pef/blob'
const MAGIC = u32Value(FDT_MAGIC)

t.test('the blob is the first file with bytes in front of the initrd', async (t) => {
  const found = (bytes: Uint8Array) =>
    blobBeforeInitrd(holding(bytes), rangeAt(AT, bytes.length + 100))
  const plain = archive(NAME, MAGIC)
  t.same(found(plain), { bytes: MAGIC, initrd: rangeAt(AT + plain.length, 100) })
  const folder = valid(
    writeCpio([
      { name: 'opt', data: new Uint8Array() },
      { name: NAME, data: MAGIC },
    ]),
  )
  t.same(found(folder), { bytes: MAGIC, initrd: rangeAt(AT + folder.length, 100) })
  t.equal(found(archive('opt/blob', MAGIC)), 'the archive begins with opt/blob')
  const empty = valid(writeCpio([{ name: NAME, data: new Uint8Array() }]))
  t.equal(found(empty), 'the archive in front of the initrd is empty')
})

t.test('in that file the tree begins at its magic', async (t) => {
  const found = (data: Uint8Array) => {
    const bytes = archive(NAME, data)
    const blob = blobBeforeInitrd(holding(bytes), rangeAt(AT, bytes.length))
    return typeof blob === 'string' ? blob : [...blob.bytes]
  }
  const magic = [0xd0, 0x0d, 0xfe, 0xed]
  t.same(found(Uint8Array.of(...magic, 5)), [...magic, 5])
  t.same(found(Uint8Array.of(0, 0, 0, 0, ...magic)), magic, 'also as the last four bytes')
  t.same(found(Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0, ...magic, 9)), [...magic, 9])
  const none = 'opt/ibm/pef/blob holds no flattened tree'
  t.equal(found(Uint8Array.of(0, 0, ...magic, 0, 0)), none, 'only at every fourth byte')
  t.equal(found(Uint8Array.of(0xd0, 0x0d, 0xfe)), none)
})

t.test('an archive is read no further than the initrd goes', async (t) => {
  const bytes = archive(NAME, MAGIC)
  const svm = holding(bytes, 2)
  t.match(
    blobBeforeInitrd(svm, rangeAt(AT + 2, 200)),
    /^cpio: magic at 0/,
    'it begins at a multiple of four',
  )
  const aligned = holding(bytes, 4)
  t.match(blobBeforeInitrd(aligned, rangeAt(AT + 2, 200)), /^cpio: the archive ends at 198/)
  t.match(blobBeforeInitrd(aligned, rangeAt(AT + 4, 200)), /^cpio: the archive ends at 200/)
  t.match(blobBeforeInitrd(aligned, rangeAt(AT + 4, 600)), {
    initrd: { start: AT + 512, length: 604 - 512 },
  })
})

t.test('a blob says how long the kernel is', async (t) => {
  t.equal(kernelSizeOf(tree('digests', { 'kernel-size': u32Value(77) })), 77)
  t.equal(kernelSizeOf(tree('digests', {})), 'the blob has no /digests kernel-size')
})

t.test('every part that differs is named, and a digest that is no digest differs', async (t) => {
  const svm = holding(Uint8Array.of(1, 2, 3, 4))
  const sha = (...bytes: readonly number[]): Uint8Array =>
    new Uint8Array(createHash('sha512').update(Uint8Array.from(bytes)).digest())
  const good = { rtas: sha(1), kernel: sha(2, 3), initrd: sha(4), bootargs: sha(65) }
  const measured = {
    rtas: rangeAt(AT, 1),
    kernel: rangeAt(AT + 1, 2),
    initrd: rangeAt(AT + 3, 1),
    bootargs: Uint8Array.of(65, 0),
  }
  const said = (change: Values) =>
    differenceFrom(tree('digests', { ...good, ...change }), nodeSha512, svm, measured)
  t.equal(said({}), undefined)
  t.equal(said({ kernel: sha(9) }), 'the digest differs: kernel')
  t.equal(said({ rtas: sha(9), initrd: sha(9) }), 'the digest differs: rtas, initrd')
  t.equal(said({ kernel: good.kernel.subarray(0, 32) }), 'the digest differs: kernel', 'half of it')
  t.equal(said({ bootargs: new Uint8Array() }), 'the digest differs: bootargs', 'none of it')
  const long = new Uint8Array([...good.initrd, 0])
  t.equal(said({ initrd: long }), 'the digest differs: initrd', 'more than it')
  const { kernel: _left, ...rest } = good
  t.equal(
    differenceFrom(tree('digests', rest), nodeSha512, svm, measured),
    'the digest differs: kernel',
  )
})

t.test('no bytes are no range, wherever they would lie', async (t) => {
  const { uv, svm } = settle({ state: SvmState.Active })
  svm.tracking = new PageInTracking()
  const hv = new HonestHv(uv)
  for (const start of [AT, AT + 5]) {
    const said = runSteps(fetchRange(svm, rangeAt(start, 0), 4), hv.answer)
    t.equal(said, 'the range is empty')
  }
  t.same(hv.asked, [])
})
