import t from 'tap'
import { isLoopback } from '../../src/server/guard.ts'
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
    t.equal(answer.headers['www-authenticate'], 'Bearer')
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
  const open = server({ host: '0.0.0.0', token: TOKEN })
  const headers = { host: 'hv:8080', authorization: `Bearer ${TOKEN}` }
  t.equal((await ask(open, 'getHost', { headers })).status, 200, 'elsewhere the token guards')
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
