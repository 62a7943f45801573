/** Tokens and TLS from the command line: who gets in, and what is told of it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { connectUv } from '../../src/peer/uv-client.ts'
import { run, start } from './command.ts'
import { run as runHere } from './command-line.ts'

const READER = 'reader-token-of-16'
const OPERATOR = 'operator-token-16'
const BOTH = 'operator-and-uv-16'
const STRANGER = 'nobody-knows-this-one'
const TOKENS = `reader look ${READER}\noperator work ${OPERATOR}\noperator,uv ci ${BOTH}\n`

const pathOf = (name: string): string => fileURLToPath(new URL(`../tls/${name}`, import.meta.url))
const AUTHORITY = pathOf('authority.pem')
const TLS = ['--tls-cert', pathOf('certificate.pem'), '--tls-key', pathOf('key.pem')]

function folder(t: Test): (name: string, text: string) => string {
  const dir = mkdtempSync(join(tmpdir(), 'uvmem-access-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return (name, text) => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
}

/** Bytes over TLS that are no HTTP request; resolves at the end of the connection. */
function speakBadly(port: number): Promise<void> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(AUTHORITY) }, () => {
      socket.end(`GET / HTTP/1.1\r\nAuthorization: Bearer ${READER}\r\nHo st: x\r\n\r\n`)
    })
    socket.on('error', () => done()).on('close', () => done())
    socket.resume()
  })
}

t.test('a server with tokens and TLS, used by every command', async (t) => {
  const file = folder(t)
  const tokens = file('tokens', TOKENS)
  const server = start(t, [
    ...['hv', '--port', '0', '--tokens-file', tokens, ...TLS],
    ...['--log-level', 'trace', '--log-calls'],
  ])
  const { url, uv } = JSON.parse(await server.firstLine) as { url: string; uv: string }
  t.match([url, uv], [/^https:/, /^wss:/])
  const at = ['--url', url, '--tls-ca', AUTHORITY]
  const as = (token: string) => ({ UVMEM_TOKEN: token })

  t.match(await runHere(['vm', 'ls', ...at], as(READER)), { code: 0 })
  t.match(await runHere(['vm', 'create', '1', '--slot', '64MiB', ...at], as(READER)), {
    code: 1,
    err: /403 The role operator is needed; the token of look gives reader/,
  })
  t.match(await runHere(['vm', 'create', '9', ...at], as(OPERATOR)), { code: 0 })
  for (const words of [['frames', '9'], ['journal'], ['fault', 'ls'], ['vm', 'show', '9']])
    t.match(await runHere([...words, ...at], as(READER)), { code: 0 }, words.join(' '))
  const rule = ['fault', 'add', '--call', 'UV_PAGE_IN', '--answer', '-4']
  t.match(await runHere([...rule, ...at], as(READER)), { code: 1, err: /403/ })
  t.match(await runHere(['vm', 'ls', ...at]), { code: 1, err: /401 .*token is needed/ })
  t.match(await runHere(['vm', 'ls', ...at], as(STRANGER)), { code: 1, err: /401 .*not known/ })
  t.match(await runHere(['vm', 'ls', '--url', url], as(READER)), { code: 1, err: /certificate/ })
  t.match(await runHere(['vm', 'ls', '--url', url.replace('https', 'http')], as(READER)), {
    code: 1,
  })
  t.match(await runHere(['uv', '--lpid', '2', ...at], as(READER)), { code: 1, err: /403/ })
  const both = file('both', `${BOTH}\n`)
  const guest = ['--lpid', '3', '--memory', '32MiB', '--tls-ca', AUTHORITY]
  const switched = await runHere(['uv', '--url', url, '--token-file', both, ...guest])
  t.equal(switched.code, 0, `it has its VM made: ${switched.err}`)
  const load = ['load', ...at, '--token-file', both, '--duration', '1s', '--clients', '2']
  const loaded = await run(t, [...load, '--lpid', '20', '--mix', 'boot=1', '--workers', '1'])
  t.match(loaded.out, /0 differences/, `${loaded.out}${loaded.err}`)

  await t.rejects(connectUv({ url: uv, token: BOTH }), /certificate/)
  const ca = readFileSync(AUTHORITY, 'utf8')
  await t.rejects(connectUv({ url: uv, ca, token: OPERATOR }), /403 Forbidden: The role uv/)
  await t.rejects(connectUv({ url: uv, ca }), /401 Unauthorized/)
  await t.rejects(connectUv({ url: `${uv}?token=${BOTH}`, ca, token: BOTH }), /400 .*in a URL/)
  const client = await connectUv({ url: uv, ca, token: BOTH })
  const session = await client.open()
  await speakBadly(Number(new URL(url).port))
  const shown = await runHere(['journal', ...at], as(READER))
  client.close()

  server.child.kill('SIGTERM')
  const { code, out, err } = await server.ended
  t.equal(code, 0)
  t.match(err, /"level":/, 'it has a log')
  const said = `${out}${err}${shown.out}`
  for (const secret of [READER, OPERATOR, BOTH, STRANGER, session.token]) {
    t.notMatch(said, secret)
    t.notOk(said.includes([...Buffer.from(secret)].join(',')), 'nor as the bytes of a packet')
  }
})

t.test('tokens come from files and variables, and from nowhere else', async (t) => {
  const file = folder(t)
  const plain = file('tokens', TOKENS)
  t.match(await runHere(['hv', '--token', BOTH]), { code: 2, err: /unknown option '--token'/ })
  for (const words of [['vm', 'ls'], ['uv'], ['load']]) {
    t.match(await runHere([...words, '--token', BOTH]), { code: 2, err: /unknown option/ })
    for (const url of [`http://x:${BOTH}@127.0.0.1:1`, `http://127.0.0.1:1/?token=${BOTH}`]) {
      const said = await runHere([...words, '--url', url])
      t.match(said, { code: 2, err: /holds neither a name, nor a token/ })
      t.notMatch(said.err, BOTH)
    }
  }
  const wrong = file('wrong', `reader look ${READER} more\n`)
  const said = await runHere(['hv', '--tokens-file', wrong])
  t.match(said, { code: 2, err: /--tokens-file .*: line 1: lpids=/ })
  t.notMatch(said.err, READER)
  t.match(await runHere(['hv', '--host', '0.0.0.0']), { code: 2, err: /--tokens-file/ })
  const cert = pathOf('certificate.pem')
  t.match(await runHere(['hv', '--tls-cert', cert]), { code: 2, err: /come together/ })
  t.match(await runHere(['hv', '--tls-cert', cert, '--tls-key', cert]), { code: 2, err: /fit/ })
  t.match(await runHere(['vm', 'ls', '--tls-ca', plain]), { code: 2, err: /PEM file/ })
})

t.test('a server that others reach says what they can do', async (t) => {
  const dangers = async (words: readonly string[]) => {
    const server = start(t, ['hv', '--host', '0.0.0.0', '--port', '0', ...words])
    const { url } = JSON.parse(await server.firstLine) as { url: string }
    const port = new URL(url).port
    const status = async (host: string) =>
      (await fetch(`http://127.0.0.1:${port}/livez`, { headers: { host } })).status
    t.equal(await status('127.0.0.1'), 200)
    server.child.kill('SIGTERM')
    const { err } = await server.ended
    return err.split('\n').filter((line) => line.includes('"level":40'))
  }
  t.match(await dangers(['--no-auth']), [/may do everything: there are no tokens/])
  const tokens = folder(t)('tokens', TOKENS)
  t.match(await dangers(['--tokens-file', tokens]), [/travel in the clear/])
})
