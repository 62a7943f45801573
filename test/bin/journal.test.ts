/** `uvmem journal` and `uvmem fault` against a server. */
import t from 'tap'
import { asGpa, asLpid, asSlotId, createEmulator, PAGE_SIZE } from '../../src/index.ts'
import { run, start } from './command-line.ts'

const emulator = await createEmulator({ poolPages: 64 })
t.teardown(() => emulator.close())
const env = { UVMEM_URL: emulator.url }

const slot = (lpid: number) => ['vm', 'create', String(lpid), '--slot', '128KiB']

async function until(look: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !look(); i++) await new Promise((resolve) => setTimeout(resolve, 20))
  if (!look()) throw new Error('it did not happen within ten seconds')
}

t.test('the journal shows what happened, oldest first, refusals with their reason', async (t) => {
  await run(slot(1), env)
  await run(['vm', 'create', '2', '--no-svm', '--slot', '64KiB'], env)
  const path = { lpid: 1, gfn: 1 }
  await emulator.rest.call('touchFrame', { path })
  const { out, code } = await run(['journal', '--lpid', '1'], env)
  t.equal(code, 0)
  const lines = out.trimEnd().split('\n')
  t.match(lines[0], /^ +\d+ +\d+\.\d{3} vm 1 vm none -> normal by create/)
  t.match(lines.at(-1), /vm 1 .*host_touch gfn 0x1.* -> OK {2}\d+\.\d\d ms$/)
  t.notMatch(out, ' vm 2 ')
  const one = await run(['journal', '--call', 'host_touch', '--json', '--limit', '1'], env)
  t.match(JSON.parse(one.out), { kind: 'operation', call: 'host_touch', gfn: 1, name: 'OK' })
  const none = await run(['journal', '--kind', 'ultracall', '--refused'], env)
  t.equal(none.out, '')
})

t.test('with -f what happens is told as it happens, until a signal comes', async (t) => {
  const following = start(['journal', '-f', '--lpid', '9', '--limit', '1'], env)
  const other = start(['journal', '--follow', '--json', '--kind', 'session'], env)
  const client = await emulator.connect({ name: 'watched' })
  t.equal(await client.svm(asLpid(9)).registerSlot(asSlotId(0), asGpa(0), PAGE_SIZE), 0)
  await until(() => following.out().includes('UV_REGISTER_MEM_SLOT'))
  t.match(
    following.out(),
    /vm 9 UV_REGISTER_MEM_SLOT start_gpa 0x0 size 0x10000 .* -> \w+ {2}\d+\.\d\d ms\n/,
  )
  await until(() => other.out().includes('watched'))
  t.match(JSON.parse(other.out().split('\n')[0] ?? ''), { kind: 'session', call: 'open' })
  client.close()
  following.signal('SIGINT')
  other.signal('SIGTERM')
  t.match(await following.ended, { code: 0, err: '' })
  t.match(await other.ended, { code: 0, err: '' })
})

t.test('a server that goes away ends -f with 1', async (t) => {
  const short = await createEmulator()
  const following = start(['journal', '-f', '--url', short.url])
  await until(() => following.watching())
  await new Promise((resolve) => setTimeout(resolve, 300))
  await short.close()
  const { code, err } = await following.ended
  t.equal(code, 1)
  t.match(err, /^GET .*\/v1\/journal\/stream: /)
})

t.test('rules are added, listed, met and removed', async (t) => {
  const none = await run(['fault', 'ls'], env)
  t.equal(none.out, 'ID  CALL  WHICH  WHAT HAPPENS  SEEN  HITS  NAME\n')
  const words = ['--call', 'host_touch', '--lpid', '1', '--nth', '2', '--answer', '-7']
  const added = await run(['fault', 'add', ...words, '--name', 'lost page'], env)
  t.equal(added.err, '')
  t.match(added.out, /^f1 {2}host_touch {2}lpid 1, nth 2 {2}answer -7 +0 +0 {2}lost page$/m)
  const path = { lpid: 1, gfn: 0 }
  await emulator.rest.call('touchFrame', { path })
  await t.rejects(emulator.rest.call('touchFrame', { path }), { message: / 409 / })
  const listed = JSON.parse((await run(['fault', 'ls', '--json'], env)).out)
  t.match(listed, { rules: [{ id: 'f1', seen: 2, hits: 1, rule: { action: { do: 'answer' } } }] })
  const preset = await run(['fault', 'add', '--preset', 'page-in-refused'], env)
  t.match(preset.out, /^f2 {2}UV_PAGE_IN {2}nth 1 {2}answer -4 /m)
  const removed = await run(['fault', 'rm', 'f1', 'f9'], env)
  t.equal(removed.code, 1)
  t.match(removed.out, /^f1 {2}host_touch/m)
  t.match(removed.err, /^DELETE \/v1\/faults\/f9: 404 /)
  t.match((await run(['fault', 'rm', '--all'], env)).out, /^f2 /m)
  t.equal((await run(['fault', 'ls'], env)).out, none.out)
  t.match(
    (await run(['fault', 'presets'], env)).out,
    /^page-in-refused\n {2}The ultravisor refuses/m,
  )
})

t.test('what cannot be understood ends with 2', async (t) => {
  const usage = [
    [['journal', '--limit', '0'], /^--limit "0": expected events: an integer 1 to 10000/],
    [['journal', '--kind', 'x'], /^--kind "x": expected a kind: one of hypercall/],
    [['fault', 'add', '--answer', '0'], /^--call is missing/],
    [['fault', 'add', '--call', 'pin'], /^expected one of --answer, .*, not 0/],
    [['fault', 'add', '--call', 'pin', '--drop', '--answer', '0'], /not 2/],
    [['fault', 'add', '--call', 'paint'], /^--call "paint": expected a call: one of/],
    [
      ['fault', 'add', '--call', 'pin', '--probability', '2'],
      /^--probability "2": expected a share/,
    ],
    [['fault', 'rm'], /^expected ids of rules, or --all/],
    [['fault', 'rm', '--all', 'f1'], /^expected ids of rules, or --all/],
  ] as const
  for (const [words, says] of usage) {
    const { code, err, out } = await run(words, env)
    t.equal(code, 2, words.join(' '))
    t.match(err, says)
    t.equal(out, '')
  }
  // The server knows which actions fit which calls.
  const misfit = await run(['fault', 'add', '--call', 'pin', '--drop'], env)
  t.equal(misfit.code, 1)
  t.match(misfit.err, /pin is no call of the wire/)
})
