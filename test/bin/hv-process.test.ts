import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { run, start } from './command.ts'

interface Ready {
  readonly url: string
  readonly uv: string
}

async function hv(t: Parameters<typeof start>[0], words: readonly string[] = [], env = {}) {
  const running = start(t, ['hv', '--port', '0', '--log-level', 'warn', ...words], env)
  const ready = JSON.parse(await running.firstLine) as Ready
  return { ...running, ...ready }
}

t.test('the first line says where the server is, and it is there', async (t) => {
  const { child, ended, url, uv, firstLine } = await hv(t, ['--pool', '1MiB'])
  t.match(JSON.parse(await firstLine), {
    event: 'ready',
    url: /^http:\/\/127\.0\.0\.1:\d+$/,
    uv: /^ws:\/\/127\.0\.0\.1:\d+\/v1\/uv$/,
    profile: 'linux-6',
    pool_pages: 16,
  })
  t.notMatch(url, ':0')
  t.ok(uv.startsWith(url.replace('http', 'ws')))
  t.match(await (await fetch(`${url}/v1/host`)).json(), { pool: { size: 16 } })
  child.kill('SIGTERM')
  t.match(await ended, { code: 0, signal: null })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} ends it within 3 seconds, also with a client that never answers`, async (t) => {
    const { child, ended, uv } = await hv(t)
    const client = new WebSocket(uv, 'uvmem.v1.json')
    t.teardown(() => client.terminate())
    const texts: string[] = []
    client.on('message', (data: Buffer) => texts.push(data.toString()))
    const closed = new Promise<number>((done) => client.on('close', done))
    await new Promise((done) => client.on('open', done))
    const call = (id: number, method: string, params: object) => ({
      jsonrpc: '2.0',
      id,
      method,
      params,
    })
    client.send(
      JSON.stringify([
        call(1, 'SESSION_OPEN', { name: 'mute' }),
        call(2, 'UV_REGISTER_MEM_SLOT', {
          lpid: 1,
          start_gpa: 0,
          size: 65_536,
          flags: 0,
          slotid: 0,
        }),
        call(3, 'H_SVM_INIT_START', { lpid: 1 }),
      ]),
    )
    while (!texts.some((text) => text.includes('"method"'))) {
      await new Promise((done) => setTimeout(done, 20))
    }
    const start = performance.now()
    child.kill(signal)
    t.match(await ended, { code: 0, signal: null })
    t.ok(performance.now() - start < 3_000)
    t.equal(await closed, 1001)
    t.match(texts.at(-1), '"id":3,"error":{"code":-32004')
  })
}

t.test('it ends also when the client has stopped reading, and when a request hangs', async (t) => {
  const { child, ended, uv, url } = await hv(t, ['--vm', '1:1MiB'])
  const client = new WebSocket(uv, 'uvmem.v1.json')
  t.teardown(() => client.terminate())
  await new Promise((done) => client.on('open', done))
  client.pause()
  const hanging = fetch(`${url}/v1/vms/1/memory?gpa=0`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: new ReadableStream({ pull: () => new Promise(() => undefined) }),
    duplex: 'half',
  } as RequestInit).catch(() => undefined)
  await new Promise((done) => setTimeout(done, 200))
  const start = performance.now()
  child.kill('SIGTERM')
  t.match(await ended, { code: 0 })
  t.ok(performance.now() - start < 3_000)
  await hanging
})

t.test('a second signal ends it at once', async (t) => {
  const { child, ended, uv } = await hv(t)
  const client = new WebSocket(uv, 'uvmem.v1.json')
  t.teardown(() => client.terminate())
  await new Promise((done) => client.on('open', done))
  client.pause()
  child.kill('SIGINT')
  await new Promise((done) => setTimeout(done, 100))
  const start = performance.now()
  child.kill('SIGINT')
  t.match(await ended, { code: 1 })
  t.ok(performance.now() - start < 500)
})

t.test('VMs and images are there before the first call', async (t) => {
  const image = randomBytes(150_000)
  const path = join(t.testdir(), 'image:with:colons')
  writeFileSync(path, image)
  const words = ['--vm', '1:1MiB,128KiB', '--vm', '5:64KiB', '--load', `1:0x1234:${path}`]
  const { url } = await hv(t, words)
  t.match(await (await fetch(`${url}/v1/vms`)).json(), {
    vms: [
      { lpid: 1, slots: 2, frames: 18 },
      { lpid: 5, slots: 1, frames: 1 },
    ],
  })
  const got = await fetch(`${url}/v1/vms/1/memory?gpa=0x1234&length=150000`)
  t.ok(image.equals(Buffer.from(await got.arrayBuffer())))
})

t.test('an image for a VM that is not named gets one that is big enough', async (t) => {
  const path = join(t.testdir({ image: 'x'.repeat(70_000) }), 'image')
  const { url } = await hv(t, ['--load', `2:0x10000:${path}`])
  t.match(await (await fetch(`${url}/v1/vms/2`)).json(), { frames: 3, slots: 1 })
})

t.test('what cannot be started says why: 1', async (t) => {
  const missing = await run(t, ['hv', '--port', '0', '--load', '1:0:/does/not/exist'])
  t.match(missing, { code: 1, out: '', err: /--load \/does\/not\/exist: ENOENT/ })
  const path = join(t.testdir({ image: 'x'.repeat(70_000) }), 'image')
  const small = await run(t, ['hv', '--port', '0', '--vm', '1:64KiB', '--load', `1:0:${path}`])
  t.match(small, { code: 1, out: '', err: /NOSLOT/ })
  const { url } = await hv(t)
  const taken = await run(t, ['hv', '--port', new URL(url).port])
  t.match(taken, { code: 1, out: '', err: /EADDRINUSE/ })
})

t.test('what cannot be understood ends it before it listens: 2', async (t) => {
  const ended = await run(t, ['hv', '--port', '65536'])
  t.match(ended, {
    code: 2,
    out: '',
    err: /^--port "65536": expected a port: an integer 0 to 65535\n$/,
  })
})

t.test('a token is needed where there is one, and is in no log', async (t) => {
  const env = { UVMEM_TOKEN: 'hunter2-hunter2' }
  const { child, ended, url } = await hv(t, ['--log-level', 'trace', '--log-calls'], env)
  t.equal((await fetch(`${url}/v1/vms`)).status, 401)
  const headers = { authorization: 'Bearer hunter2-hunter2' }
  t.equal((await fetch(`${url}/v1/vms`, { headers })).status, 200)
  child.kill('SIGTERM')
  const { out, err } = await ended
  t.notMatch(out + err, 'hunter2')
})

t.test('--log-calls prints a line for every call, with the reason of a refusal', async (t) => {
  const { child, ended, url } = await hv(t, ['--log-calls', '--vm', '1:64KiB'])
  await fetch(`${url}/v1/vms/1/frames/7/touch`, { method: 'POST' })
  child.kill('SIGTERM')
  const { err } = await ended
  t.match(err, /vm 1 host_touch gfn 0x7 -> NOSLOT \(gfn_to_hva: the GFN is in no memory slot\)\n/)
})
