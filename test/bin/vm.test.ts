/** `uvmem vm` and `uvmem frames` against a server. */
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { asGpa, asLpid, createEmulator } from '../../src/index.ts'
import { run } from './command-line.ts'

const emulator = await createEmulator({ poolPages: 64 })
t.teardown(() => emulator.close())
const env = { UVMEM_URL: emulator.url }

t.test('VMs are made, listed, shown and removed', async (t) => {
  const none = await run(['vm', 'ls'], env)
  t.equal(none.out, 'LPID  STATE  MEMORY  SLOTS  CALLS  SESSION  NOTES\n')
  const made = await run(['vm', 'create', '7', '--slot', '1MiB', '--slot', '64KiB,128KiB'], env)
  t.equal(made.err, '')
  t.equal(made.code, 0)
  await run(['vm', 'create', '--no-radix', '--no-svm'], env)
  const { out } = await run(['vm', 'ls'], env)
  t.equal(
    out,
    [
      'LPID  STATE    MEMORY  SLOTS  CALLS  SESSION  NOTES',
      '   1  normal        0      0      0  -        hash, cannot turn secure',
      '   7  normal  1216KiB      3      0  -',
      '',
    ].join('\n'),
  )
  const shown = await run(['vm', 'show', '7'], env)
  t.match(shown.out, 'memory:          1216KiB (19 pages)\n')
  t.match(shown.out, 'frames:          19 normal\n')
  t.match(shown.out, 'SLOT       GPA    SIZE  PAGES  NOTES\n   0       0x0    1MiB     16\n')
  t.match(shown.out, '   2  0x110000  128KiB      2\n')
  const removed = await run(['vm', 'rm', '1', '7'], env)
  t.equal(removed.out, 'LPID 1 is removed: OK\nLPID 7 is removed: OK\n')
  t.equal((await run(['vm', 'ls'], env)).out, none.out)
})

t.test('with --json programs read the same', async (t) => {
  const made = await run(['vm', 'create', '--json', '--slot', '64KiB'], env)
  const { lpid } = JSON.parse(made.out)
  t.match(JSON.parse((await run(['vm', 'ls', '--json'], env)).out), { vms: [{ lpid, frames: 1 }] })
  const shown = JSON.parse((await run(['vm', 'show', String(lpid), '--json'], env)).out)
  t.match(shown, { vm: { lpid }, slots: [{ id: 0, pages: 1 }], frames: { normal: 1, secure: 0 } })
  const removed = await run(['vm', 'rm', String(lpid), '--json'], env)
  t.same(JSON.parse(removed.out), { removed: [{ lpid, code: 0, name: 'OK' }] })
})

t.test('more VMs than one answer holds are all listed', async (t) => {
  await using many = await createEmulator()
  for (let i = 0; i < 1_001; i++) await many.rest.call('createVm', { body: {} })
  const { vms } = JSON.parse((await run(['vm', 'ls', '--json', '--url', many.url])).out)
  t.equal(vms.length, 1_001)
  t.equal(new Set(vms.map(({ lpid }: { lpid: number }) => lpid)).size, 1_001)
})

t.test('frames are shown as runs, and one in detail', async (t) => {
  const client = await emulator.connect()
  const lpid = asLpid(20)
  await run(['vm', 'create', '20', '--slot', '512KiB'], env)
  t.equal((await emulator.rest.write(lpid, asGpa(0x20000), Uint8Array.of(1))) > 0, true)
  const rows = ['       GFN             GPA      PAGES       SIZE  STATE']
  const all = await run(['frames', '20'], env)
  rows.push('       0x0             0x0          8     512KiB  normal', '')
  t.equal(all.out, rows.join('\n'))
  t.equal((await run(['frames', '20', '--state', 'secure'], env)).out, `${rows[0]}\n`)
  const backed = await run(['frames', '20', '--backing', '--json', '--from', '0x2'], env)
  const runs = backed.out.trim().split('\n')
  t.match(JSON.parse(runs[0] ?? ''), { from: 2, count: 1, state: 'normal', maps: 'frame' })
  t.equal(runs.length, 2)
  const two = await run(['frames', '20', '--backing', '--limit', '2', '--json'], env)
  t.equal(two.out.trim().split('\n').length, 2)
  const one = await run(['frames', '20', '--gfn', '0x2'], env)
  t.match(one.out, /^GFN: +0x2\nGPA: +0x20000\nslot: +0\nstate: +normal\n/)
  t.match(one.out, /host maps: +frame at 0x[0-9a-f]+, holds bytes\n/)
  client.close()
})

t.test('what is refused, and what cannot be understood', async (t) => {
  const missing = await run(['vm', 'show', '99'], env)
  t.equal(missing.code, 1)
  t.match(missing.err, /^GET \/v1\/vms\/99: 404 /)
  const some = await run(['vm', 'create', '30'], env).then(() => run(['vm', 'rm', '98', '30'], env))
  t.equal(some.code, 1)
  t.equal(some.out, 'LPID 30 is removed: OK\n', 'one that is not there does not keep the other')
  t.match(some.err, /^DELETE \/v1\/vms\/98: 404 /)
  const nobody = await run(['vm', 'ls', '--url', 'http://127.0.0.1:65535'])
  t.equal(nobody.code, 1)
  t.match(nobody.err, /ECONNREFUSED/)
  const usage = [
    [['vm', 'show', '0'], /value '0' is invalid for argument 'lpid'. An LPID is\s1 to 4095/],
    [['vm', 'show', '4096'], /An LPID is\s+1 to 4095/],
    [
      ['vm', 'create', '5', '--slot', '100'],
      /^--slot "100": expected a size in whole 64 KiB pages/,
    ],
    [['vm', 'ls', '--url', 'ftp://x'], /^--url "ftp:\/\/x": expected http/],
    [['vm', 'ls', 'x'], /too many arguments/],
    [['vm', 'paint'], /unknown command 'paint'/],
    [['frames'], /missing required argument 'lpid'/],
    [['frames', '1', '--limit', '0'], /^--limit "0": expected runs: an integer 1 to /],
    [['frames', '1', '--gfn', 'x'], /^--gfn "x": expected a GFN: decimal, or with 0x/],
  ] as const
  for (const [words, says] of usage) {
    const { code, err, out } = await run(words, env)
    t.equal(code, 2, words.join(' '))
    t.match(err, says)
    t.equal(out, '')
  }
})

t.test('a config file has a section for each, one inside the other', async (t) => {
  const folder = t.testdir()
  const file = `${folder}/uvmem.json`
  const write = (content: object) => writeFileSync(file, JSON.stringify(content))
  write({ vm: { ls: { url: emulator.url, json: true } }, hv: { port: 1 } })
  t.match(JSON.parse((await run(['vm', 'ls', '--config', file])).out), { vms: [{ lpid: 20 }] })
  write({ vm: { ls: { colour: true } } })
  const unknown = await run(['vm', 'ls', '--config', file])
  t.equal(unknown.code, 2)
  t.match(unknown.err, 'vm.ls.colour is not an option.')
  write({ vm: { ls: 1 } })
  t.match((await run(['vm', 'ls', '--config', file])).err, 'vm.ls is not an object.')
  write({ vm: { ls: { url: 1 } } })
  t.match((await run(['vm', 'ls', '--config', file])).err, /vm\.ls\.url 1: expected an address/)
})

t.test('help shows examples and exit codes', async (t) => {
  for (const words of [['vm'], ['vm', 'create'], ['frames']]) {
    const { out, code } = await run([...words, '--help'])
    t.equal(code, 0)
    t.match(out, 'Examples:')
    t.match(out, 'Exit codes: 0 done, 1 refused or no answer, 2 bad usage.')
  }
})
