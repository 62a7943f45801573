import { request } from 'node:http'
import t from 'tap'
import { WebSocket } from 'ws'
import { ProblemDocument } from '../../schemas/rest/problem.ts'
import { Line, listening } from './line.ts'

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-protocol': 'uvmem.v1.json',
}

/** Asks for an upgrade; the status, and the problem when it was refused. */
function upgrade(url: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; body: string }>((done, fail) => {
    const asked = request(url, { method, headers: { ...UPGRADE, ...headers } })
    asked.on('error', fail)
    asked.on('upgrade', (response, socket) => {
      socket.destroy()
      done({ status: response.statusCode ?? 0, body: '' })
    })
    asked.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => done({ status: response.statusCode ?? 0, body }))
    })
    asked.end()
  })
}

t.test('an upgrade that fits is taken', async (t) => {
  const { url } = await listening(t)
  t.equal((await upgrade(`${url}/v1/uv`, {})).status, 101)
  t.equal((await upgrade(`${url}/v1/uv?name=x`, {})).status, 101, 'a query is not looked at')
})

t.test(
  'an upgrade that does not fit is refused with a problem, and no session begins',
  async (t) => {
    const { app, url } = await listening(t, { token: 'secret' })
    const token = { authorization: 'Bearer secret' }
    const cases: [Record<string, string>, number, RegExp, string][] = [
      [{}, 401, /bearer token/, 'no token'],
      [{ authorization: 'Bearer wrong' }, 401, /bearer token/, 'wrong token'],
      [{ ...token, origin: 'https://evil.example' }, 403, /origin/, 'a page of another origin'],
      [{ ...token, host: 'evil.example' }, 403, /Host/, 'a name that is rebound'],
      [
        { ...token, 'sec-websocket-protocol': 'chat' },
        426,
        /uvmem\.v1\.json/,
        'no known subprotocol',
      ],
      [{ ...token, 'sec-websocket-protocol': '' }, 426, /uvmem\.v1\.json/, 'no subprotocol'],
      [{ ...token, upgrade: 'h2c' }, 426, /WebSocket/, 'another upgrade'],
    ]
    for (const [headers, status, detail, why] of cases) {
      const answer = await upgrade(`${url}/v1/uv`, headers)
      t.equal(answer.status, status, why)
      t.match(ProblemDocument.parse(JSON.parse(answer.body)).detail, detail, why)
    }
    t.equal((await upgrade(`${url}/v1/vms`, token)).status, 404, 'another path')
    t.equal((await upgrade(`${url}/v1/uv`, token, 'POST')).status, 426, 'another method')
    t.equal((await upgrade(`${url}/v1/uv`, { ...token, 'sec-websocket-key': 'x' })).status, 400)
    t.equal((await upgrade(`${url}/v1/uv`, { ...token, 'sec-websocket-version': '7' })).status, 426)
    t.equal((await upgrade(`${url}/v1/uv`, token)).status, 101, 'with the token it goes')
    t.equal(app.hv.sessions.size, 0)
  },
)

t.test('a plain request for the WebSocket is told what it is', async (t) => {
  const { url } = await listening(t)
  const answer = await fetch(`${url}/v1/uv`)
  t.equal(answer.status, 426)
  t.equal(answer.headers.get('upgrade'), 'websocket')
  t.match(await answer.json(), { type: 'urn:uvmem:problem:upgrade-required' })
})

t.test('of the subprotocols that are offered, the server takes the one it prefers', async (t) => {
  const { uv } = await listening(t)
  const chosen = (offered: string[]) =>
    new Promise<string>((done, fail) => {
      const socket = new WebSocket(uv, offered)
      t.teardown(() => socket.terminate())
      socket.on('error', fail)
      socket.on('open', () => done(socket.protocol))
    })
  t.equal(await chosen(['chat', 'uvmem.v1.json']), 'uvmem.v1.json')
  t.equal(await chosen(['uvmem.v1.json', 'uvmem.v1.bin']), 'uvmem.v1.bin')
})

t.test('who is told to stop takes nobody new', async (t) => {
  const { app, url } = await listening(t)
  app.hv.stop()
  t.equal((await upgrade(`${url}/v1/uv`, {})).status, 503)
})

t.test('one session more than the limit is told so', async (t) => {
  const { app, uv } = await listening(t, { limits: { sessionsMax: 2 } })
  const first = await Line.open(t, uv)
  await Line.open(t, uv)
  const third = new Line(uv)
  await third.opened()
  // Only now: it might have been the owner of a session, back before its old connection is missed.
  t.match(await third.call('SESSION_OPEN', { name: 'one more' }), {
    error: { code: -32009, data: { limit: 'sessionsMax', max: 2 } },
  })
  t.same(await third.closed, { code: 4001, reason: 'Too many sessions.' })
  t.equal(app.hv.sessions.size, 2)
  first.socket.close()
  await first.closed
  await Line.open(t, uv)
})
