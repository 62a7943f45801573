import t from 'tap'
import { buildGuard, isLoopback } from '../../src/server/guard.ts'
import { ask, problemOf, server } from './server.ts'

const TOKEN = 'correct-horse-battery-staple'

t.test('what is loopback, and what is not', async (t) => {
  for (const host of [
    '127.0.0.1',
    '127.1.2.3',
    '::1',
    '[::1]',
    'localhost',
    'LocalHost',
    'a.localhost',
  ])
    t.ok(isLoopback(host), host)
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    'localhost.example',
    '127.0.0.1.nip.io',
    '',
  ])
    t.notOk(isLoopback(host), host)
})

t.test('without a token set, nobody needs one', async (t) => {
  t.equal((await ask(server(), 'getHost')).status, 200)
})

t.test('with a token set, everything but health needs it', async (t) => {
  const app = server({ token: TOKEN })
  for (const authorization of [
    '',
    TOKEN,
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN} x`,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN.toUpperCase()}`,
  ]) {
    const answer = await ask(app, 'createVm', { body: {}, headers: { authorization } })
    t.equal(answer.status, 401, `[${authorization}]`)
    t.match(answer.headers['www-authenticate'], /^Bearer/)
    t.equal(problemOf(answer), 'unauthorized')
    t.notMatch(JSON.stringify(answer.body), TOKEN)
  }
  t.equal(app.hv.host.vms.size, 0, 'nothing was done')
  t.equal((await ask(app, 'getLive')).status, 200)
  t.equal((await ask(app, 'getReady')).status, 200)
  for (const scheme of ['Bearer', 'bearer']) {
    const headers = { authorization: `${scheme} ${TOKEN}` }
    t.equal((await ask(app, 'getHost', { headers })).status, 200)
  }
})

t.test('an unknown path needs the token as well', async (t) => {
  const app = server({ token: TOKEN })
  const answer = await app.http.inject({ url: '/v1/nothing', headers: { host: 'localhost' } })
  t.equal(answer.statusCode, 401)
})

t.test('on loopback only loopback names are served', async (t) => {
  const app = server()
  for (const host of ['127.0.0.1:8080', 'localhost', '[::1]:80', 'lab.localhost:1'])
    t.equal((await ask(app, 'getHost', { headers: { host } })).status, 200, host)
  for (const host of ['evil.example', 'localhost.evil.example:8080', '169.254.1.1'])
    t.equal(problemOf(await ask(app, 'getHost', { headers: { host } })), 'forbidden', host)
})

t.test('elsewhere addresses and named hosts are served, and no other name', async (t) => {
  const app = server({ host: '0.0.0.0', allowedHosts: ['hv', 'Lab.Example'] })
  const status = async (host: string) => (await ask(app, 'getHost', { headers: { host } })).status
  for (const host of ['hv:8080', 'HV', 'lab.example:1', '10.0.0.1:8080', '[fd00::1]', 'localhost'])
    t.equal(await status(host), 200, host)
  for (const host of ['evil.example', 'hv.evil.example', 'xhv:8080', '10.0.0.1.evil.example'])
    t.equal(await status(host), 403, host)
  const named = server({ host: 'lab.example' })
  t.equal((await ask(named, 'getHost', { headers: { host: 'lab.example:8080' } })).status, 200)
})

t.test('what another page makes a browser send without Origin is turned away', async (t) => {
  const app = server()
  const status = async (name: 'getLive' | 'getHost' | 'getPage', site: string, mode: string) => {
    const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode }
    return (await ask(app, name, { path: { lpid: 1, gfn: 0 }, headers })).status
  }
  t.equal(await status('getHost', 'same-origin', 'cors'), 200)
  t.equal(await status('getHost', 'none', 'navigate'), 200, 'typed by hand')
  t.equal(await status('getHost', 'cross-site', 'navigate'), 200, 'a link that changes nothing')
  for (const site of ['cross-site', 'same-site']) {
    t.equal(await status('getHost', site, 'no-cors'), 403, 'an image')
    t.equal(await status('getPage', site, 'navigate'), 403, 'a link that touches a page')
  }
  t.equal(await status('getPage', 'same-origin', 'cors'), 404, 'no VM, but it was asked')
})

t.test('with TLS, pages of the same host without it are strangers', async (t) => {
  const { origin } = buildGuard({
    ...{ token: undefined, host: '127.0.0.1', allowedOrigins: [], isSecure: true },
  })
  const told = (page: string) =>
    origin({ headers: { host: 'localhost', origin: page }, url: '/', access: 'open' })?.problem
  t.equal(told('https://localhost'), undefined)
  t.equal(told('http://localhost'), 'forbidden')
})

t.test('a token in the URL is refused, whatever else is shown, and is not repeated', async (t) => {
  const app = server({ token: TOKEN })
  const headers = { host: 'localhost', authorization: `Bearer ${TOKEN}` }
  for (const name of ['token', 'access_token', 'Authorization', 'auth', 'api_key', 'to%6ben'])
    for (const path of ['/v1/vms', '/livez', '/', '/nothing', '/v1/uv']) {
      const answer = await app.http.inject({ url: `${path}?a=1&${name}=${TOKEN}`, headers })
      t.equal(answer.statusCode, 400, `${path} ${name}`)
      t.notMatch(answer.payload, TOKEN)
    }
  t.equal((await app.http.inject({ url: '/v1/vms?tokenish=1', headers })).statusCode, 400)
  t.equal((await app.http.inject({ url: '/?tokenish=1', headers })).statusCode, 200)
})

t.test('web pages of other origins are turned away', async (t) => {
  const app = server({ allowedOrigins: ['https://lab.example'] })
  const status = async (origin: string) =>
    (await ask(app, 'getHost', { headers: { host: 'localhost:8080', origin } })).status
  t.equal(await status('http://localhost:8080'), 200)
  t.equal(await status('https://lab.example'), 200)
  for (const origin of [
    'http://localhost:8081',
    'https://evil.example',
    'null',
    'https://lab.example.evil',
  ])
    t.equal(await status(origin), 403, origin)
})
