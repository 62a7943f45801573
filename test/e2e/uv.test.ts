/** A server and an ultravisor, each a process of its own. */
import t, { type Test } from 'tap'
import { asGpa, asLpid, PAGE_SIZE } from '../../src/abi/page.ts'
import { HvRest, RestError } from '../../src/peer/hv-rest.ts'
import { run, start, startServer, until } from './program.ts'

/** One server for the tests that leave it as it is; each has LPIDs of its own. */
const server = await startServer(['--vm', '5:16MiB,8MiB'])
t.teardown(() => server.process.kill('SIGKILL'))
const rest = new HvRest({ url: server.url })

t.setTimeout(300_000)

t.test('a guest turns secure over a socket, and both sides agree on every frame', async (t) => {
  const words = ['--url', server.url, '--memory', '32MiB', '--slots', '2']

  const person = await run(['uv', ...words])
  t.equal(person.code, 0)
  // 64 pages of kernel, 16 of initrd, one each of RTAS, blob and tree.
  t.match(person.out, /^LPID 1: secure in .*: 83 pages in, 1 shared, 86 hypercalls, /)
  t.match(person.out, /frames: 511 SECURE, 1 PSEUDO_SHARED\n$/)

  const machine = await run(['uv', ...words, '--lpid', '2', '--count', '2', '--json'])
  t.equal(machine.code, 0)
  const { guests, broken, hypervisor } = JSON.parse(machine.out)
  t.match(hypervisor, { pageShift: 16, profile: 'linux-6' })
  t.same(broken, [])
  t.equal(guests.length, 2)
  for (const [i, guest] of guests.entries()) {
    t.match(guest, { lpid: 2 + i, ok: true, page_ins: 83, shares: 1, disagreements: 0 })
    t.same(guest.states, { SECURE: 511, PSEUDO_SHARED: 1 })
  }
  for (const lpid of [1, 2, 3]) {
    t.match(await rest.call('getVm', { path: { lpid } }), { state: 'secure', slots: 2 })
  }
})

t.test('a VM that has memory already keeps it; all its pages can be brought in', async (t) => {
  const words = ['uv', '--url', server.url, '--lpid', '5', '--content', 'tag', '--json']
  const { code, out } = await run([...words, '--strategy', 'all', '--protocol', 'bin'])
  t.equal(code, 0)
  const [guest] = JSON.parse(out).guests
  // 24 MiB are 384 pages; each has a tag or bytes, so that each needs a UV_PAGE_IN.
  t.match(guest, { page_ins: 384, pages_taken: 385, strategy: 'all' })
  t.same(guest.states, { SECURE: 383, PSEUDO_SHARED: 1 })
})

t.test('a wrong digest ends with 1 and names the part, the call and the code', async (t) => {
  const words = ['uv', '--url', server.url, '--memory', '32MiB', '--lpid', '10']
  const { pool } = await rest.call('getHost')
  for (const part of ['kernel', 'bootargs']) {
    const { code, out, err } = await run([...words, '--wrong-digest', part])
    t.equal(code, 1, part)
    t.equal(out, '')
    const why = `the digest differs: ${part}; UV_ESM answered H_PARAMETER (-4)`
    t.equal(err, `LPID 10: UV_ESM failed at step digests: ${why}\n`)
  }
  t.match(await rest.call('getVm', { path: { lpid: 10 } }), { state: 'normal', fault: null })
  t.match(await rest.call('getHost'), { pool: { used: pool.used } }, 'every PFN is back')
})

t.test('a hypervisor that refuses is named with its call and code', async (t) => {
  const server = await startServer(['--pool', '20'])
  t.teardown(() => server.process.kill('SIGKILL'))
  const { code, err } = await run(['uv', '--url', server.url, '--memory', '32MiB'])
  t.equal(code, 1)
  t.match(err, /UV_ESM failed at step \w+: .*; H_SVM_PAGE_IN of LPID 1 at 0x[0-9a-f]+ answered/)
  t.match(err, /answered H_PARAMETER \(-4\)/)
})

t.test('with --stay the guest can be looked at: its pages come out as ciphertext', async (t) => {
  const uv = start(['uv', '--url', server.url, '--lpid', '20', '--memory', '32MiB', '--stay'])
  t.teardown(() => uv.process.kill('SIGKILL'))
  await until(() => (uv.said().out.includes('secure in') ? true : undefined))
  const path = { lpid: 20, gfn: 70 }
  t.match(await rest.call('getFrame', { path }), { state: 'secure', host: { maps: 'device' } })
  t.match(await rest.call('touchFrame', { path }), { code: 0 })
  t.match(await rest.call('getFrame', { path }), { state: 'paged_out', host: { maps: 'frame' } })
  const pieces: Uint8Array[] = []
  for await (const piece of rest.read(asLpid(20), asGpa(70 * PAGE_SIZE), PAGE_SIZE)) {
    pieces.push(piece)
  }
  const page = Buffer.concat(pieces)
  t.equal(page.length, PAGE_SIZE)
  t.ok(page.filter((byte) => byte === 0).length < 1_000, 'it looks like noise')
  uv.process.kill('SIGTERM')
  t.equal((await uv.ended).code, 0)
  await until(async () => {
    const vm = await rest.call('getVm', { path: { lpid: 20 } })
    return vm.orphaned ? true : undefined
  })
  const again = await run(['uv', '--url', server.url, '--lpid', '20', '--memory', '32MiB'])
  t.equal(again.code, 0, 'an orphaned VM is rebooted')
})

t.test('the server goes away in the middle: 1, and a sentence that says what waited', async (t) => {
  for (const [how, message] of [
    ['0s', /^H_SVM_PAGE_IN of LPID 1 at 0x[0-9a-f]+ failed: CONNECTION_LOST: the connection /],
    [
      '300ms',
      /^resuming: the connection broke.*\nH_SVM_PAGE_IN .* failed: CONNECTION_LOST: .*; the session could not be resumed within 300 ms: cannot connect to /,
    ],
  ] as const) {
    const { code, out, err } = await withoutServer(t, ['--resume-for', how])
    t.equal(code, 1)
    t.equal(out, '')
    t.match(err, message)
    t.notMatch(err, /at .*\.ts:/, 'no stack trace')
  }
})

/** A switch whose server is killed on the way. */
async function withoutServer(t: Test, more: string[]) {
  const server = await startServer(['--pool', '64GiB'])
  t.teardown(() => server.process.kill('SIGKILL'))
  const rest = new HvRest({ url: server.url })
  const big = ['--memory', '32GiB', '--strategy', 'all', '--window', '4', ...more]
  const uv = start(['uv', '--url', server.url, ...big])
  t.teardown(() => uv.process.kill('SIGKILL'))
  await until(async () => {
    const { pool } = await rest.call('getHost')
    return pool.used > 1_000 ? true : undefined
  })
  server.process.kill('SIGKILL')
  return await uv.ended
}

t.test('a server that ends in good order says so', async (t) => {
  const server = await startServer()
  t.teardown(() => server.process.kill('SIGKILL'))
  const uv = start(['uv', '--url', server.url, '--memory', '32MiB', '--stay'])
  t.teardown(() => uv.process.kill('SIGKILL'))
  await until(() => (uv.said().out.includes('secure in') ? true : undefined))
  server.process.kill('SIGTERM')
  const { code, err } = await uv.ended
  t.equal(code, 1)
  t.equal(err, 'the connection was closed with 1001: The server is shutting down.\n')
})

t.test('a server with a token lets only those in who show it', async (t) => {
  const server = await startServer([], { UVMEM_TOKEN: 'open-sesame' })
  t.teardown(() => server.process.kill('SIGKILL'))
  const words = ['uv', '--url', server.url, '--memory', '32MiB']
  const stranger = await run(words)
  t.equal(stranger.code, 1)
  t.match(stranger.err, /^cannot connect to ws:.*\/v1\/uv: the server answered 401 Unauthorized: /)
  const friend = await run(words, { UVMEM_TOKEN: 'open-sesame' })
  t.equal(friend.code, 0)
  t.notMatch(friend.out + friend.err, 'sesame')
  const looks = new HvRest({ url: server.url }).call('getHost')
  await t.rejects(looks, { name: 'RestError', status: 401 })
})

t.test('REST problems arrive as errors that say what was wrong', async (t) => {
  const missing = await rest.call('getVm', { path: { lpid: 77 } }).catch((error) => error)
  t.ok(missing instanceof RestError)
  t.match(missing, { status: 404, problem: { type: 'urn:uvmem:problem:vm-unknown' } })
  t.match(missing.message, /^GET \/v1\/vms\/77: 404 /)
  const bad = rest.call('createVm', { body: { lpid: 5_000 } })
  await t.rejects(bad, { name: 'RestError', status: 400, message: /body\.lpid: expected/ })
  const nobody = new HvRest({ url: 'http://127.0.0.1:65535/' })
  await t.rejects(nobody.call('getHost'), { name: 'RestError', message: /ECONNREFUSED/ })
})
