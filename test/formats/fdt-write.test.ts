import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import type { FdtNode } from '../../src/formats/fdt.ts'
import { readFdt } from '../../src/formats/fdt-read.ts'
import {
  fdtNode,
  textsValue,
  textValue,
  u32Value,
  u64Value,
  writeFdt,
} from '../../src/formats/fdt-write.ts'
import { InvariantError } from '../../src/lib/assert.ts'
import { SAMPLE } from './fdt-sample.ts'
import { bytesOf } from './hex.ts'
import { seedFor } from './seed.ts'
import { valid } from './valid.ts'

const sampleSource = {
  root: fdtNode('', { n: u32Value(7) }, [
    fdtNode('a@1', { s: textValue('hi') }),
    fdtNode('a@2', new Map([['n', bytesOf('010203')]])),
  ]),
  bootCpuId: 5,
  reservations: [{ address: 0x1000, size: 0x2000 }],
}

/** The error of a tree, or its bytes when there is none. */
const written = (root: FdtNode, reservations: { address: number; size: number }[] = []) =>
  writeFdt({ root, bootCpuId: 0, reservations })

t.test('a tree is written as the hand-written one, each name kept once', async (t) => {
  t.same(writeFdt(sampleSource), SAMPLE)
})

t.test('values', async (t) => {
  t.same(textValue('hé'), bytesOf('68 c3a9 00'))
  t.same(textsValue(['a', 'bc']), bytesOf('6100 626300'))
  t.same(u32Value(1, 0xffff_ffff), bytesOf('00000001 ffffffff'))
  t.same(u64Value(2 ** 53 - 1, 5), bytesOf('001fffffffffffff 0000000000000005'))
  t.throws(() => u64Value(2 ** 53), InvariantError)
  t.throws(() => u64Value(-1), InvariantError)
})

t.test('what no reader could take is refused', async (t) => {
  const long = 'x'.repeat(256)
  const cases: [error: string, root: FdtNode][] = [
    ["the root is named 'r'", fdtNode('r', {})],
    ["'' in / cannot name a node", fdtNode('', {}, [fdtNode('', {})])],
    ["'b/c' in /a cannot name a node", fdtNode('', {}, [fdtNode('a', {}, [fdtNode('b/c', {})])])],
    ["'a\0' in / cannot name a node", fdtNode('', {}, [fdtNode('a\0', {})])],
    ["'€' in / cannot name a property", fdtNode('', { '€': u32Value(1) })],
    [`'${long}' in / cannot name a property`, fdtNode('', { [long]: u32Value(1) })],
    ["'' in / cannot name a property", fdtNode('', { '': u32Value(1) })],
    ["two nodes 'a' in /", fdtNode('', {}, [fdtNode('a', {}), fdtNode('a', {})])],
  ]
  for (const [error, root] of cases) t.equal(written(root), `device tree: ${error}`)
  const empty = fdtNode('', {})
  t.equal(
    written(empty, [{ address: 0, size: 0 }]),
    'device tree: a reservation of 0 bytes at 0 would end the list',
  )
})

t.test('the limits of the reader are those of the writer', async (t) => {
  const chain = (depth: number): FdtNode =>
    depth === 1 ? fdtNode('x', {}) : fdtNode('x', {}, [chain(depth - 1)])
  const deep = (depth: number): FdtNode => fdtNode('', {}, [chain(depth - 1)])
  t.ok(written(deep(64)) instanceof Uint8Array)
  t.match(written(deep(65)), /^device tree: \/x.* is deeper than 64 nodes$/)

  // Header 40, one reservation 16, structure 4 + 4 + 12 + value + 4 + 4, strings 2.
  const room = 2 * 1024 * 1024 - 40 - 16 - 28 - 2
  const big = (size: number) => written(fdtNode('', { v: new Uint8Array(size) }))
  t.equal(big(room - 2).length, 2 * 1024 * 1024 - 2)
  t.equal(big(room), 'device tree: 2097154 bytes, expected at most 2097152')

  const reservations = new Array(4096).fill({ address: 1, size: 1 })
  t.ok(written(fdtNode('', {}), reservations) instanceof Uint8Array)
  const more = written(fdtNode('', {}), [...reservations, { address: 1, size: 1 }])
  t.equal(more, 'device tree: more than 4096 memory reservations')
})

const name = fc.stringMatching(/^[a-z,#0-9@-]{1,12}$/)
const value = fc.uint8Array({ maxLength: 20 })
const nodeOf = fc.memo((depth): fc.Arbitrary<FdtNode> => {
  const children =
    depth === 1
      ? fc.constant([])
      : fc.uniqueArray(nodeOf(depth - 1), { maxLength: 4, selector: (child) => child.name })
  const values = fc.array(fc.tuple(name, value), { maxLength: 5 })
  return fc.tuple(name, values, children).map(([own, list, below]) => {
    return fdtNode(own, new Map(list), below)
  })
})
const u53 = fc.maxSafeNat()
const source = fc.record({
  root: nodeOf(4).map((root) => ({ ...root, name: '' })),
  bootCpuId: fc.nat(2 ** 32 - 1),
  reservations: fc.array(
    fc.record({ address: u53, size: fc.integer({ min: 1, max: 2 ** 53 - 1 }) }),
  ),
})

t.test('any tree is read as it was written', async (t) => {
  const seed = seedFor(t)
  let nodes = 0
  const run = fc.check(
    fc.property(source, (tree) => {
      const bytes = writeFdt(tree)
      if (typeof bytes === 'string') return false
      const fdt = readFdt(bytes)
      if (typeof fdt === 'string') return false
      nodes += fdt.root.children.length
      const { root, bootCpuId, reservations } = fdt
      return (
        JSON.stringify(plain({ root, bootCpuId, reservations })) === JSON.stringify(plain(tree))
      )
    }),
    { seed, numRuns: 2000 },
  )
  t.notOk(run.failed, fc.defaultReportMessage(run) ?? '2000 trees')
  t.ok(nodes > 100, `${nodes} nodes below the roots`)
})

/** Maps as pairs, so that their order counts as well. */
function plain(tree: {
  root: FdtNode
  bootCpuId: number
  reservations: readonly unknown[]
}): unknown {
  const flat = (one: FdtNode): unknown => [
    one.name,
    [...one.properties].map(([key, bytes]) => [key, [...bytes]]),
    one.children.map(flat),
  ]
  return [flat(tree.root), tree.bootCpuId, tree.reservations]
}

const dtc = (args: readonly string[], input: Uint8Array | string) =>
  spawnSync('dtc', [...args], { input, maxBuffer: 16 * 1024 * 1024 })
const isInstalled = dtc(['--version'], '').error === undefined

const SAMPLE_TEXT = `/dts-v1/;

/memreserve/	0x0000000000001000 0x0000000000002000;
/ {
	n = <0x07>;

	a@1 {
		s = "hi";
	};

	a@2 {
		n = [01 02 03];
	};
};
`

t.test('dtc reads our trees, and we read those of dtc', async (t) => {
  if (!isInstalled) {
    t.comment(
      'SKIPPED: dtc is not installed (Debian: device-tree-compiler); only our reader is asked',
    )
    t.type(readFdt(SAMPLE), 'object')
    return
  }
  const ours = writeFdt(sampleSource)
  t.equal(dtc(['-q', '-I', 'dtb', '-O', 'dts'], ours).stdout.toString(), SAMPLE_TEXT)
  for (const version of [17, 16]) {
    const args = ['-q', '-I', 'dts', '-O', 'dtb', '-b', '5', '-V', `${version}`]
    const theirs = valid(readFdt(new Uint8Array(dtc(args, SAMPLE_TEXT).stdout)))
    t.equal(theirs.version, version)
    t.same(plain(theirs), plain(sampleSource))
  }
})
