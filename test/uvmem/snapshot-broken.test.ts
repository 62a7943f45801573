/** Snapshots in which something is wrong: what is said of it, and that nothing of it is taken. */
import t from 'tap'
import { asGfn, asLpid } from '../../src/abi/page.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { snapshotOf, snapshotOfVm } from '../../src/uvmem/snapshot.ts'
import { addVmFromSnapshot, hostFromSnapshot } from '../../src/uvmem/snapshot-read.ts'
import { World } from './world.ts'

const throughText = (json: unknown): unknown => JSON.parse(JSON.stringify(json))

type Json = Record<string, unknown>

const REGION = { slotId: 1, pages: 2, mapped: true, ksmError: 0, ptes: [[2, 0, 0]], swap: [] }
const SLOTS = ['vms', 0, 'slots'] as const
const PTES = [...SLOTS, 0, 'region', 'ptes'] as const
const WORDS = ['vms', 0, 'uvmem', 0, 'words'] as const
/** Runs for the frames behind the first. */
const REST = [[3, 0, 0]]
/** The second half of four frames. */
const HALF = [[2, 0, 0]]
/** Stands for the first VM in the place of a second. */
const SAME_LPID = Symbol('the first VM')

const rule = (change: Json): Json => ({ at: 0, first: '1', step: '0', live: 3, ...change })

/** A sound snapshot with one place changed. */
function broken(path: readonly (string | number)[], value: unknown): unknown {
  const after = ['init_start', 'page_in 0', 'share 1']
  const json = throughText(snapshotOf(new World({ touched: [0], after }).host))
  let at = json as Json
  for (const step of path.slice(0, -1)) at = at[step] as Json
  at[String(path.at(-1))] = value === SAME_LPID ? at['0'] : value
  return json
}

t.test('what is wrong is said, with the field', async (t) => {
  const rows: readonly (readonly [readonly (string | number)[], unknown, string | RegExp])[] = [
    [['format'], 'x', 'format must be one of uvmem-hypervisor'],
    [['version'], 2, 'version must be a whole number from 1 to 1'],
    [['profile'], 'linux-7', /^profile must be one of linux-5\.6, /],
    [['profile'], {}, /^profile\.startMarks must be one of /],
    [['poolSize'], -1, 'poolSize must be a whole number from 0 to 2147483647'],
    [['frames'], 2 ** 28, 'frames must be a whole number from 1 to 268435455'],
    [['deniesFrames'], 0, 'deniesFrames must be true or false'],
    [['devices', 'used', 0], [0, 17], 'devices.used[0] is no run of free device PFNs'],
    [['devices', 'used', 0], [0], 'devices.used[0] must have 2 elements'],
    [['devices', 'used'], [], /^the parts do not fit together: mapped-pfn-is-used .* pfn 0$/],
    [['memory', 'used', 0], [0, 1, 1], /^memory\.used\[0\] is no run of free frames/],
    [['memory', 'used', 0], [1, 1, 4096], /^memory\.used\[0\] is no run of free frames/],
    [
      ['memory', 'contents'],
      [{ at: 1, tag: 'xyz' }],
      /^memory\.contents\[0\]\.tag must be 1 to 16/,
    ],
    [
      ['memory', 'contents'],
      [{ at: 1, bytes: 'AAAA' }],
      /contents\[0\]\.bytes must be 65536 bytes/,
    ],
    [['nextFrame'], 1002, 'nextFrame must be a whole number from 1 to 1001'],
    [['vms'], {}, 'vms must be an array'],
    [['vms', 0], 5, 'vms[0] must be an object'],
    [['vms', 0, 'lpid'], 0, 'vms[0].lpid must be a whole number from 1 to 4095'],
    [['vms', 0, 'secureGuest'], 2, /^the parts do not fit together: flags-agree .* lpid 1/],
    [['vms', 0, 'slots', 0, 'id'], 65_536, /^vms\[0\]\.slots\[0\]\.id must be a whole number/],
    [
      ['vms', 0, 'slots', 0, 'region', 'pages'],
      5,
      'vms[0].slots[0].region.ptes must have 5 words in all',
    ],
    [
      ['vms', 0, 'uvmem', 0, 'words'],
      [[4, 3, 0]],
      'vms[0].uvmem[0].words[0] is no run of words that fits',
    ],
    [
      ['vms', 0, 'uvmem', 0, 'words'],
      [[5, 0, 0]],
      'vms[0].uvmem[0].words[0] is no run of words that fits',
    ],
    [['vms', 0, 'pins'], [[0, 0]], 'vms[0].pins[0] is no GFN and its frame'],
    [
      ['vms', 0, 'fault'],
      { kind: 'FIRE', message: '' },
      /^vms\[0\]\.fault\.kind must be one of LIVELOCK/,
    ],
    [['devices', 'notes'], [{ pfn: 16 }], /^devices\.notes\[0\]\.pfn .* from 0 to 15$/],
    [['memory', 'used', 0], [1, 1, 0], /^memory\.used\[0\] is no run of free frames/],
    [['memory', 'contents'], [{ at: 1, bytes: '!' }], /contents\[0\]\.bytes must be 65536 bytes/],
    [['memory', 'contents'], [rule({ at: 5 })], 'memory.contents[0].at must be a multiple of 1024'],
    [['memory', 'contents'], [rule({ first: 'x' })], /contents\[0\]\.first must be 1 to 16 hex/],
    [['memory', 'contents'], [rule({ step: '' })], /contents\[0\]\.step must be 1 to 16 hex/],
    [['memory', 'contents'], [rule({ live: 0 })], /contents\[0\]\.live .* from 1 to 1024$/],
    [['memory', 'contents'], [rule({})], 'no error'],
    [['vms', 1], SAME_LPID, 'vms[1].lpid is the LPID of another VM'],
    [
      [...SLOTS, 1],
      { id: 0, base: 9, region: REGION },
      /slots\[1\]\.id is the id of another slot$/,
    ],
    [[...SLOTS, 1], { id: 1, base: 3, region: REGION }, /slots\[1\]\.base overlaps another slot$/],
    [[...SLOTS, 1], { id: 1, base: 4, region: REGION }, 'no error'],
    [[...SLOTS, 0, 'region', 'ksmError'], 2 ** 31, /ksmError must be a whole number/],
    [[...SLOTS, 0, 'region', 'ksmError'], 2 ** 31 - 1, 'no error'],
    [[...SLOTS, 0, 'region', 'ksmError'], -(2 ** 31), 'no error'],
    [[...SLOTS, 0, 'region', 'swap'], [{ at: 4, tag: '1' }], /swap\[0\]\.at .* from 0 to 3$/],
    [[...SLOTS, 0, 'region', 'swap'], [rule({ at: 0 })], /swap\[0\] must be one page$/],
    [[...SLOTS, 0, 'region', 'swap'], [{ at: 3, tag: '1' }], 'no error'],
    [PTES, [[1, 2 ** 28, 0], ...REST], /ptes\[0\] is no run of words that fits$/],
    [PTES, [[1, 2 ** 32, 0], ...REST], /ptes\[0\] is no run of words that fits$/],
    [PTES, [[1, 2 ** 28 - 1, 0], ...REST], /held-frame-is-used is broken .* frame 268435455$/],
    [PTES, [[1, 2 ** 32 - 1, 0], ...REST], /mapped-pfn-is-used is broken .* pfn 2147483647$/],
    [WORDS, [[1, 2 ** 32, 0], ...REST], /words\[0\] is no run of words that fits$/],
    [WORDS, [[1, 2 ** 32 - 1, 0], ...REST], 'no error'],
    [WORDS, [[2, 1, 1], ...HALF], 'no error'],
    [WORDS, [[2, 0, 2], ...HALF], /words\[0\] is no run of words that fits$/],
    [WORDS, [[4, 0, 2]], /words\[0\] is no run of words that fits$/],
    [
      WORDS,
      [
        [0, 0, 0],
        [4, 0, 0],
      ],
      /words\[0\] is no run of words that fits$/,
    ],
    [['vms', 0, 'pins'], [[2 ** 48, 2]], 'vms[0].pins[0] is no GFN and its frame'],
    [['vms', 0, 'pins'], [[2 ** 48 - 1, 2]], 'no error'],
    [['vms', 0, 'pins'], [[0, 2 ** 28]], 'vms[0].pins[0] is no GFN and its frame'],
    [['vms', 0, 'pins'], [[0, 2 ** 28 - 1]], /^the parts do not fit together: frame-is-own/],
  ]
  for (const [path, value, want] of rows) {
    const result = hostFromSnapshot(broken(path, value))
    t.match('error' in result ? result.error : 'no error', want, path.join('.'))
  }
  for (const junk of [null, [], 'x', 7, {}])
    t.ok('error' in hostFromSnapshot(junk), JSON.stringify(junk))
})

/** The host of `world` after VM 1 was taken out, and what it said of the VM. */
function taken(world: World) {
  const saved = throughText(snapshotOfVm(world.host, world.vm())) as Json
  world.do('destroy')
  return saved
}

t.test('a VM whose pages another has by now is not put back', async (t) => {
  const world = new World({
    profile: 'spec',
    ...{ frames: 4, slots: '0:0+4', touched: [0, 1] },
    after: [
      'create 2 0:0+4',
      '2: init_start',
      '2: touch 0',
      'init_start',
      'page_in 2',
      'page_in 3',
    ],
  })
  const saved = taken(world)
  for (const line of ['2: page_in 1', '2: page_in 2', '2: page_out 1']) world.do(line)
  t.equal(addVmFromSnapshot(world.host, saved), 'device PFN 1 is in use')
  for (const line of ['2: unmap 1', '2: page_out 2', '2: touch 3']) world.do(line)
  const frames = [...world.host.ram.usedRuns()].map(({ start, count }) => [start, count])
  t.same(frames, [[1, 3]], 'with the one behind them')
  t.equal(addVmFromSnapshot(world.host, saved), 'frame 1 of normal memory is in use')
  t.notOk(world.host.vms.has(asLpid(1)))
  world.do('2: unmap 2')
  const left = [...world.host.ram.usedRuns()].map(({ start, count }) => [start, count])
  t.same(left, [[2, 2]])
  t.equal(addVmFromSnapshot(world.host, saved), 'frame 2 of normal memory is in use')
  world.do('2: unmap 3')
  t.equal(addVmFromSnapshot(world.host, saved), undefined, 'its own are free again')
  t.equal(world.h, 'n,n,d0,d1')
})

t.test(
  'a VM that is not wanted is not put back, one that is no VM is not asked about',
  async (t) => {
    const world = new World({ after: ['init_start', 'page_in 0'] })
    const saved = taken(world)
    const before = world.all
    const asked: number[] = []
    const refuse = ({ lpid }: { readonly lpid: number }): string => {
      asked.push(lpid)
      return 'not today'
    }
    t.equal(addVmFromSnapshot(world.host, saved, refuse), 'not today')
    t.same(asked, [1])
    t.same(world.all, before, 'and nothing of it is there')
    const broken = { ...saved, vm: { ...(saved['vm'] as Json), slots: 5 } }
    t.equal(addVmFromSnapshot(world.host, broken, refuse), 'vm.slots must be an array')
    t.same(asked, [1])
    t.same(world.all, before)
    const unsound = { ...saved, devices: { used: [], notes: [] } }
    t.match(addVmFromSnapshot(world.host, unsound), /^the parts do not fit together: mapped-pfn/)
    t.same(world.all, before)
  },
)

t.test('switches in place of a name: each must be known', async (t) => {
  const json = throughText(snapshotOf(new World().host)) as Json
  const odd = { ...HV_PROFILES.spec, startMarks: 'never' }
  const result = hostFromSnapshot({ ...json, profile: odd })
  t.match('error' in result && result.error, /^profile\.startMarks must be one of /)
  const good = hostFromSnapshot({ ...json, profile: { ...HV_PROFILES.spec } })
  t.same('host' in good && good.host.profile, HV_PROFILES.spec)
  t.equal('host' in good && good.host.vms.get(asLpid(1))?.slots.at(asGfn(0))?.pages, 4)
})
