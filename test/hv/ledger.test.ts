import t from 'tap'
import { prng } from '../../src/lib/prng.ts'
import { foundOn, LedgerWorld } from './ledger-world.ts'
import { PowerDisk } from './power-disk.ts'

const FILE = 'dir/ledger.000001'

/** A small ledger: five numbers in three groups, all acknowledged. */
function small(): LedgerWorld {
  const world = new LedgerWorld(new PowerDisk())
  for (const group of [1, 3, 1]) {
    for (let i = 0; i < group; i++) world.add(7)
    world.settle()
  }
  return world
}

const bytesOf = (disk: PowerDisk): Uint8Array => disk.read(FILE) ?? new Uint8Array()

function diskWith(bytes: Uint8Array): PowerDisk {
  const disk = new PowerDisk()
  disk.put(FILE, bytes)
  return disk
}

t.test('nobody is told that a number is safe before the disk has made sure of it', async (t) => {
  const world = new LedgerWorld(new PowerDisk())
  world.add()
  world.add()
  t.equal(world.acknowledged, 0, 'not at once')
  world.turn(false)
  t.equal(world.acknowledged, 0, 'not when it is written')
  world.add()
  world.turn(false)
  world.disk.work()
  t.equal(world.acknowledged, 2, 'when the disk says so, both with one sync')
  world.settle()
  t.equal(world.acknowledged, 3, 'what came meanwhile waits for the next one')
  t.equal(world.disk.steps.filter((step) => step.startsWith('sync dir/ledger')).length, 3)
  t.equal(foundOn(world.disk.afterKill()), 3)
})

t.test('who asks when everything is safe is told at once', async (t) => {
  const world = small()
  let told = false
  world.writer.whenSafe(() => {
    told = true
  })
  t.equal(told, true)
  t.equal(world.writer.isSafe, true)
})

t.test('every truncation leaves the start of what there was, or is refused', async (t) => {
  const whole = bytesOf(small().disk)
  let most = 0
  for (let length = 0; length <= whole.length; length++) {
    const found = foundOn(diskWith(whole.slice(0, length)))
    if (typeof found === 'string') {
      t.match(found, /is damaged at byte \d+: there should be/, `${length}: refused`)
      t.ok(length < 64 + 64 + 12, `${length}: the state it begins with is not whole`)
    } else {
      t.ok(found >= most && found <= 5, `${length} bytes: ${found} numbers`)
      most = found
    }
  }
  t.equal(most, 5)
})

t.test('2,000 flipped bits: each is found, or changes nothing', async (t) => {
  const whole = bytesOf(small().disk)
  const seed = 7_002
  const random = prng(seed)
  let refused = 0
  let cut = 0
  for (let i = 0; i < 2_000; i++) {
    const bytes = whole.slice()
    const at = i < whole.length ? i : random.int(whole.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
    const found = foundOn(diskWith(bytes))
    if (typeof found === 'string') refused++
    else if (found === 5) cut++
    else
      t.fail(`seed ${seed}, flip ${i} in byte ${at}: ${found} numbers are left, and no word of it`)
  }
  t.ok(refused > 1_500, `${refused} were refused`)
  // The last group is empty: without it all numbers are there, so its bits are harmless.
  t.ok(cut > 100 && cut + refused === 2_000, `${cut} were in the empty group at the end`)
})

t.test('damage is told with its file, place and a way out, and cut on demand', async (t) => {
  const { disk } = small()
  const bytes = bytesOf(disk).slice()
  // The third group: the state, one number, the empty one, then the group of three.
  const at = 64 + (64 + 12) + (64 + 19) + 64
  bytes[at + 70] = (bytes[at + 70] ?? 0) ^ 4
  const damaged = diskWith(bytes)
  t.equal(
    foundOn(damaged),
    `${FILE} is damaged at byte ${at}: there should be a group that fits its checksum. It is kept as it is. --state-repair cut goes on without what is from there on, and keeps a copy of the file.`,
  )
  t.same(bytesOf(damaged), bytes, 'it is kept as it is')
  const world = new LedgerWorld(damaged, 'cut')
  t.equal(world.added, 1)
  t.match(world.told, [/cut at byte 287; \d+ bytes are left out, see dir\/ledger.000001.damaged/])
  t.same(damaged.read(`${FILE}.damaged`), bytes, 'the whole of it is kept')
  world.add()
  world.settle()
  t.equal(foundOn(damaged.afterKill()), 2, 'and the ledger goes on')
})

t.test(
  'without the state that it begins with the file before counts, when that is wanted',
  async (t) => {
    const world = small()
    world.succeed()
    world.add()
    world.settle()
    t.same([...world.disk.list('dir')].sort(), ['ledger.000001', 'ledger.000002'])
    t.equal(foundOn(world.disk.afterKill()), 6)
    const disk = world.disk.afterKill()
    const bytes = disk.read('dir/ledger.000002')?.slice() ?? new Uint8Array()
    bytes[64 + 70] = 0xff
    disk.put('dir/ledger.000002', bytes)
    t.match(foundOn(disk), /ledger.000002 is damaged at byte 64/)
    t.equal(foundOn(disk, 'cut'), 5, 'what was left when the second file was begun')
    t.same(disk.read('dir/ledger.000002.damaged'), bytes)
    const alone = diskWith(new Uint8Array(10))
    t.match(foundOn(alone, 'cut'), /has lost the state that it begins with, and no file before it/)
  },
)

t.test('a file of another program, or of a later version, is refused', async (t) => {
  t.match(foundOn(diskWith(new Uint8Array(200))), /at byte 0: there should be the head of a ledger/)
  const bytes = bytesOf(small().disk).slice()
  bytes[8] = 2
  t.match(foundOn(diskWith(bytes)), /a head that fits its checksum/)
})

t.test('what looks like a group inside a page is none', async (t) => {
  const { disk } = small()
  const other = new LedgerWorld(new PowerDisk())
  const whole = bytesOf(disk)
  // A whole ledger file as the content of a record that is then torn off.
  const out = other.writer.begin(1)
  out.u32(1)
  out.bytes(whole)
  other.writer.end()
  other.settle()
  const torn = bytesOf(other.disk)
  t.equal(foundOn(diskWith(torn.slice(0, torn.length - 64 - 5))), 0)
})

t.test(
  'a file that takes over is not replaced by another one before it has its name',
  async (t) => {
    const world = small()
    world.succeed()
    // It is written to, and the disk makes sure of it.
    world.turn(false)
    world.succeed()
    world.add()
    world.settle()
    t.equal(world.failure, undefined, 'nothing is taken away from it')
    t.equal(world.acknowledged, 6)
    t.same(
      world.disk.steps.filter((step) => step.startsWith('rename')),
      ['rename dir/ledger.new dir/ledger.000001', 'rename dir/ledger.new dir/ledger.000002'],
      'there is one',
    )
    t.equal(foundOn(world.disk.losePower(prng(1))), 6, 'and it is whole')
    world.succeed()
    world.settle()
    t.ok(world.disk.steps.includes('rename dir/ledger.new dir/ledger.000003'), 'the next one can')
  },
)
