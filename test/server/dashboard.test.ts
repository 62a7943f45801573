/** The dashboard's files: what is served, to whom, and with which headers. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import type { App } from '../../src/server/app.ts'
import { server } from './server.ts'

const FOLDER = new URL('../../src/server/dashboard/', import.meta.url)
const NAMES = readdirSync(FOLDER)

const get = (app: App, url: string, headers: Record<string, string> = {}) =>
  app.http.inject({ url, headers: { host: '127.0.0.1', ...headers } })

const pathOf = (name: string): string => (name === 'index.html' ? '/' : `/dashboard/${name}`)

t.test('every file is served with its type, and nothing may come from elsewhere', async (t) => {
  const app = server()
  t.teardown(() => app.close())
  const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' }
  t.ok(NAMES.includes('index.html') && NAMES.includes('main.js'))
  for (const name of NAMES) {
    const { statusCode, headers, body } = await get(app, pathOf(name))
    t.equal(statusCode, 200, name)
    const type = types[name.split('.').at(-1) as keyof typeof types]
    t.match(String(headers['content-type']), new RegExp(`^${type.replace('+', '\\+')}`), name)
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.match(headers['content-security-policy'], /default-src 'none'; script-src 'self'/)
    t.notMatch(headers['content-security-policy'], /unsafe/)
    t.notMatch(
      body.replaceAll('http://www.w3.org/2000/svg', ''),
      /https?:\/\//,
      `${name} is at home`,
    )
  }
})

t.test('what a file names is there: modules, styles, pictures, elements of the page', async (t) => {
  const app = server()
  t.teardown(() => app.close())
  const main = (await get(app, '/')).body
  const docs = (await get(app, '/dashboard/docs.html')).body
  // Two pages share the folder: what begins with docs is of the one at /docs.
  const pageOf = (name: string): string => (name.startsWith('docs') ? docs : main)
  for (const page of [main, docs])
    t.notMatch(page, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/, 'nothing is written inline')
  for (const name of NAMES.filter((each) => each.endsWith('.js'))) {
    t.match(
      pageOf(name),
      `"/dashboard/${name}"`,
      `${name} is fetched with the page, not one after the other`,
    )
  }
  for (const name of NAMES) {
    const { body } = await get(app, pathOf(name))
    const named = [
      ...[...body.matchAll(/from '\.\/([\w.-]+)'/g)].map(([, file]) => `/dashboard/${file}`),
      ...[...body.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)].map(([, url]) => String(url)),
    ]
    for (const url of named) t.equal((await get(app, url)).statusCode, 200, `${name} names ${url}`)
    for (const [, id] of body.matchAll(/byId\('([\w-]+)'\)/g)) {
      t.match(pageOf(name), `id="${id}"`, `${name} looks for #${id}`)
    }
  }
})

t.test('a file that is known is not sent again', async (t) => {
  const app = server()
  t.teardown(() => app.close())
  const etag = String((await get(app, '/')).headers.etag)
  const again = await get(app, '/', { 'if-none-match': etag })
  t.same([again.statusCode, again.rawPayload.length], [304, 0])
  t.equal((await get(app, '/', { 'if-none-match': '"other"' })).statusCode, 200)
})

t.test('the page needs no token, what it shows does', async (t) => {
  const app = server({ token: 'secret' })
  t.teardown(() => app.close())
  t.equal((await get(app, '/')).statusCode, 200)
  t.equal((await get(app, '/dashboard/main.js')).statusCode, 200)
  for (const url of ['/v1/host', '/v1/vms/1/map', '/v1/journal/stream', '/dashboard/none.js']) {
    t.equal((await get(app, url)).statusCode, 401, url)
  }
})

t.test('nothing but the files is there, and not for other hosts', async (t) => {
  const app = server()
  t.teardown(() => app.close())
  for (const url of [
    '/dashboard/',
    '/dashboard/../app.ts',
    '/dashboard/%2e%2e/app.ts',
    '/index.html',
  ]) {
    t.equal((await get(app, url)).statusCode, 404, url)
  }
  t.equal((await get(app, '/', { host: 'evil.example' })).statusCode, 403)
  t.equal(
    (await get(app, '/', { host: '127.0.0.1', origin: 'https://evil.example' })).statusCode,
    403,
  )
})
