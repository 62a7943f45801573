import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { StateDir } from '../../src/hv/state-dir.ts'
import { type Disk, nodeDisk } from '../../src/hv/state-disk.ts'
import { readState, writeState } from '../../src/hv/state-file.ts'
import { MemoryDisk } from './memory-disk.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function open(disk: Disk, pid = 1, alive: readonly number[] = [], path = 'dir'): StateDir {
  const opened = StateDir.open(path, { disk, sha256, pid, isAlive: (id) => alive.includes(id) })
  if ('error' in opened) throw new Error(opened.error)
  return opened.dir
}

const stateIn = (disk: MemoryDisk, name: string): unknown => {
  const bytes = disk.files.get(`dir/${name}`)
  return bytes === undefined ? undefined : readState(bytes, sha256)
}

t.test('a state that is saved is there in the next run', async (t) => {
  const disk = new MemoryDisk()
  const dir = open(disk)
  t.same(dir.load(), { state: undefined }, 'there is none at first')
  t.equal(dir.save({ a: 1 }), undefined)
  dir.close()
  t.same(open(disk, 2).load(), { state: { a: 1 } })
})

t.test('the state before stays beside the new one', async (t) => {
  const disk = new MemoryDisk()
  const dir = open(disk)
  for (const n of [1, 2, 3]) dir.save({ n })
  t.same(stateIn(disk, 'host.state'), { state: { n: 3 } })
  t.same(stateIn(disk, 'host.state.previous'), { state: { n: 2 } })
  t.same([...disk.files.keys()].sort(), ['dir/host.state', 'dir/host.state.previous', 'dir/lock'])
})

t.test('whatever step of a save fails, the old state or the new one is there, whole', async (t) => {
  const whole = new MemoryDisk()
  const first = open(whole)
  first.save({ n: 1 })
  const before = whole.steps.length
  first.save({ n: 2 })
  const steps = whole.steps.length - before
  t.ok(steps >= 4, `${steps} steps`)
  for (let step = 0; step < steps; step++) {
    const disk = new MemoryDisk()
    const dir = open(disk)
    dir.save({ n: 1 })
    disk.failsAt = disk.steps.length + step
    t.throws(() => dir.save({ n: 2 }), /the disk failed/, `step ${step}`)
    t.same(open(disk, 2).load(), { state: { n: 1 } }, `step ${step}: the old one`)
    t.equal(dir.save({ n: 3 }), undefined, `step ${step}: the next save succeeds`)
    t.same(stateIn(disk, 'host.state'), { state: { n: 3 } })
  }
})

t.test('one process at a time has the directory', async (t) => {
  const disk = new MemoryDisk()
  open(disk, 7)
  const second = StateDir.open('dir', { disk, sha256, pid: 8, isAlive: (pid) => pid === 7 })
  t.same(second, { error: 'dir is in use by process 7.' })
  const third = open(disk, 9)
  t.same(third.load(), { state: undefined }, 'one that has ended keeps nobody out')
  third.close()
  t.equal(disk.files.has('dir/lock'), false)
})

t.test(
  'a process that only has the id of one that ended does not keep the directory',
  async (t) => {
    const births = new Map([
      [7, 'boot-1:100'],
      [8, 'boot-1:200'],
    ])
    const openAs = (disk: Disk, pid: number) =>
      StateDir.open('dir', {
        ...{ disk, sha256, pid, isAlive: () => true },
        birthOf: (id) => births.get(id),
      })
    const disk = new MemoryDisk()
    t.ok('dir' in openAs(disk, 7))
    t.same(openAs(disk, 8), { error: 'dir is in use by process 7.' }, 'the one that has it lives')
    t.same(openAs(disk, 7), { error: 'dir is in use by process 7.' }, 'nor may it be opened twice')
    births.set(7, 'boot-2:100')
    t.ok('dir' in openAs(disk, 8), 'another boot: whoever has that id now is somebody else')
    births.delete(8)
    t.ok('dir' in openAs(disk, 7), 'one that has ended')
    t.same([...disk.files.keys()], ['dir/lock'])
  },
)

t.test('a lock file that says nothing keeps nobody out', async (t) => {
  const disk = new MemoryDisk()
  disk.files.set('dir/lock', new TextEncoder().encode('x'))
  t.ok(open(disk))
})

t.test(
  'a file that cannot be read is refused with a sentence, kept, and not written over',
  async (t) => {
    const good = writeState({ a: 1 }, sha256)
    const text = new TextDecoder().decode(good)
    const bytesOf = (changed: string) => new TextEncoder().encode(changed)
    const damaged = good.slice()
    damaged[good.length - 2] = 0x32
    const cases = [
      { why: 'empty', bytes: new Uint8Array(), says: /not a state file of uvmem/ },
      { why: 'of another program', bytes: bytesOf('{"format":"x"}\n{}'), says: /not a state file/ },
      { why: 'no text', bytes: new Uint8Array(5_000).fill(0xff), says: /not a state file/ },
      {
        why: 'a later version',
        bytes: bytesOf(text.replace('"version":1', '"version":2')),
        says: /it has version 2; this program reads 1/,
      },
      { why: 'cut short', bytes: good.slice(0, -1), says: /should have 7 bytes .* and has 6/ },
      { why: 'too long', bytes: bytesOf(`${text} `), says: /should have 7 bytes .* and has 8/ },
      { why: 'one byte changed', bytes: damaged, says: /checksum does not fit/ },
    ]
    for (const { why, bytes, says } of cases) {
      const disk = new MemoryDisk()
      disk.files.set('dir/host.state', bytes)
      const dir = open(disk)
      const loaded = dir.load()
      t.match('error' in loaded ? loaded.error : '', says, why)
      t.match(dir.save({ b: 2 }), /was refused and is not written over/, why)
      t.same(disk.files.get('dir/host.state'), bytes, `${why}: kept`)
    }
  },
)

t.test('content that is not JSON, though its checksum fits, is refused', async (t) => {
  const body = new TextEncoder().encode('{')
  const head = { format: 'uvmem-state', version: 1, bytes: 1, sha256: sha256(body) }
  const file = new TextEncoder().encode(`${JSON.stringify(head)}\n{`)
  t.same(readState(file, sha256), { error: 'it is damaged: its content is not JSON' })
})

t.test(
  'a state that does not fit the host can be refused too, and the one before is named',
  async (t) => {
    const disk = new MemoryDisk()
    const dir = open(disk)
    dir.save({ n: 1 })
    dir.save({ n: 2 })
    t.match(dir.refuse('its pool has another size').error, /kept as it is: its pool .*previous\.$/)
    t.type(dir.save({ n: 3 }), 'string')
    t.same(stateIn(disk, 'host.state'), { state: { n: 2 } })
  },
)

t.test('on a real disk', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'uvmem-')), 'deep', 'dir')
  t.teardown(() => rmSync(join(path, '..', '..'), { recursive: true }))
  const dir = open(nodeDisk, process.pid, [], path)
  t.same(dir.load(), { state: undefined })
  dir.save({ n: 1 })
  dir.save({ n: 2 })
  t.same(dir.load(), { state: { n: 2 } })
  t.match(readFileSync(join(path, 'host.state'), 'utf8'), /^\{"format":"uvmem-state","version":1,/)
  t.equal(statSync(join(path, 'host.state')).mode & 0o777, 0o600, 'nobody else reads it')
  t.equal(nodeDisk.create(join(path, 'lock'), 'x'), false)
  dir.close()
  t.equal(nodeDisk.create(join(path, 'lock'), 'x'), true)
  t.throws(() => nodeDisk.read(path), { code: 'EISDIR' })
  t.throws(() => nodeDisk.create(join(path, 'none', 'lock'), 'x'), { code: 'ENOENT' })
})
