/** `uvmem exec`: a command with an emulator of its own, as processes. */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { run, start, until } from './program.ts'

t.setTimeout(120_000)

const LOOK = `
const { UVMEM_URL, UVMEM_HTTP, UVMEM_WS } = process.env
const vm = await (await fetch(UVMEM_URL + '/v1/vms/3')).json()
const { pool } = await (await fetch(UVMEM_HTTP + '/v1/host')).json()
console.log(JSON.stringify({ UVMEM_URL, UVMEM_WS, frames: vm.frames, pool: pool.size }))
`
const node = (text: string): string[] => [process.execPath, '--input-type=module', '-e', text]

t.test('the command finds its emulator, and its code is the code', async (t) => {
  const words = ['exec', '--pool', '7', '--vm', '3:64KiB,128KiB', '--']
  const { code, out, err } = await run([...words, ...node(`${LOOK}; process.exitCode = 42`)])
  t.equal(err, '')
  t.equal(code, 42)
  const { UVMEM_URL, UVMEM_WS, frames, pool } = JSON.parse(out)
  t.match(UVMEM_URL, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal(UVMEM_WS, `${UVMEM_URL.replace('http', 'ws')}/v1/uv`)
  t.equal(frames, 3)
  t.equal(pool, 7)
  await t.rejects(fetch(UVMEM_URL), 'the emulator has ended with it')
})

t.test('it takes what a server takes: seed, faults, record, state, token', async (t) => {
  const folder = t.testdir({
    'seed.json': '{"vms":[{"lpid":3,"slots":[{"size":65536}]}]}',
    'faults.json': '{"rules":[{"call":"pin","action":{"do":"answer","code":-14}}]}',
    token: 'open-sesame',
  })
  const ask = `
const { UVMEM_URL, UVMEM_TOKEN } = process.env
const headers = { authorization: 'Bearer ' + UVMEM_TOKEN }
const get = async (path) => (await fetch(UVMEM_URL + path, { headers })).json()
const vm = await fetch(UVMEM_URL + '/v1/vms', { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' })
const { status } = await fetch(UVMEM_URL + '/v1/host')
console.log(JSON.stringify({ status, made: vm.status, rules: (await get('/v1/faults')).rules.length, frames: (await get('/v1/vms/3')).frames }))
`
  const words = ['--seed-file', `${folder}/seed.json`, '--faults', `${folder}/faults.json`]
  const kept = ['--record', `${folder}/run.ndjson`, '--state-dir', `${folder}/state`]
  const all = ['exec', ...words, ...kept, '--token-file', `${folder}/token`, '--', ...node(ask)]
  const first = await run(all)
  t.match([first.code, first.err], [0, ''])
  t.same(JSON.parse(first.out), { status: 401, made: 201, rules: 1, frames: 1 })
  const record = readFileSync(`${folder}/run.ndjson`, 'utf8')
  t.match(record, /"e":"vm","lpid":1,/, 'what the command did is recorded')
  t.equal((await run(['replay', `${folder}/run.ndjson`])).code, 0, 'and runs again')
  const second = await run(all)
  t.same([second.code, JSON.parse(second.out).frames], [0, 1], 'the state goes from run to run')
  t.notOk(existsSync(`${folder}/state/lock`), 'the directory is given back')
  const locked = await run(['exec', '--state-dir', `${folder}/token`, '--', 'true'])
  t.match([locked.code, locked.err], [1, /^--state-dir /])
})

t.test('options behind the command are its own', async (t) => {
  const words = [process.execPath, '-p', 'process.argv.slice(1).join()', 'a', '--pool', '1']
  const { code, out } = await run(['exec', ...words])
  t.equal(code, 0)
  t.equal(out, 'a,--pool,1\n')
})

t.test('other uvmem commands find it, too', async (t) => {
  const words = ['exec', '--pool', '1GiB', '--', process.execPath, '--import=tsx']
  const { code, out } = await run([...words, 'src/bin/uvmem.ts', 'uv', '--memory', '32MiB'])
  t.equal(code, 0)
  t.match(out, /^LPID 1: secure in /)
})

t.test('a signal is passed on, and what the command makes of it counts', async (t) => {
  const polite = `process.on('SIGTERM', () => process.exit(7)); console.log('on'); setInterval(() => 0, 1e3)`
  const first = start(['exec', '--', ...node(polite)])
  await until(() => (first.said().out === 'on\n' ? true : undefined))
  first.process.kill('SIGTERM')
  t.equal((await first.ended).code, 7)

  const second = start(['exec', '--', ...node(`console.log('on'); setInterval(() => 0, 1e3)`)])
  await until(() => (second.said().out === 'on\n' ? true : undefined))
  second.process.kill('SIGHUP')
  t.equal((await second.ended).code, 128 + 1, 'it did not handle SIGHUP')
})

t.test('what cannot be run', async (t) => {
  const missing = await run(['exec', '--', 'no-such-command'])
  t.equal(missing.code, 127)
  t.match(missing.err, /^no-such-command: .*ENOENT/)
  const folder = await run(['exec', '--', '/'])
  t.equal(folder.code, 126)
  const nothing = await run(['exec'])
  t.equal(nothing.code, 2)
  t.match(nothing.err, /missing required argument 'command'/)
  const bad = await run(['exec', '--profile', 'linux-7', '--', 'true'])
  t.equal(bad.code, 2)
  t.match(bad.err, /^--profile "linux-7": expected a profile: one of/)
  const image = await run(['exec', '--vm', '1:64KiB', '--load', '1:0:/no/file', '--', 'true'])
  t.equal(image.code, 1)
  t.match(image.err, /^--load .*\/no\/file: ENOENT/)
})
