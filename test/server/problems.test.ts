import t from 'tap'
import { OPERATIONS } from '../../schemas/rest/operations.ts'
import { ProblemDocument } from '../../schemas/rest/problem.ts'
import { bodyBytesMax } from '../../src/server/app.ts'
import { ask, server } from './server.ts'

const HOST = { host: 'localhost:8080' }

/** Sends a request as it is; the answer must be a problem document. */
async function send(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD',
  url: string,
  more = {},
) {
  const answer = await server().http.inject({ method, url, headers: HOST, ...more })
  const type = String(answer.headers['content-type'])
  if (!type.startsWith('application/problem+json')) throw new Error(`${answer.statusCode} ${type}`)
  return { ...ProblemDocument.parse(answer.json()), allow: answer.headers['allow'] }
}

t.test('an unknown path is a problem, too', async (t) => {
  for (const url of ['/v1', '/v1/virtual', '/v2/vms', '/v1/vms/1/frames/1/touch/x'])
    t.match(await send('GET', url), { type: 'urn:uvmem:problem:not-found', status: 404 }, url)
})

t.test('a method that a path does not have says which ones it has', async (t) => {
  t.match(await send('PUT', '/v1/vms'), { status: 405, allow: 'GET, POST' })
  t.match(await send('PATCH', '/v1/vms/1'), { status: 405, allow: 'GET, DELETE' })
  t.match(await send('GET', '/v1/vms/1/reset'), { status: 405, allow: 'POST' })
  t.match(await send('POST', '/metrics'), { status: 405, allow: 'GET' })
  t.match(await send('POST', '/v1/uv'), { status: 405, allow: 'GET' })
  for (const url of ['/', '/docs', '/dashboard/main.js']) {
    t.match(await send('POST', url), { status: 405, allow: /^GET/ }, url)
  }
})

t.test('a body that cannot be read', async (t) => {
  const json = { 'content-type': 'application/json', ...HOST }
  const post = (payload: string, headers: object = json) =>
    send('POST', '/v1/vms', { payload, headers })
  t.match(await post('{"lpid":'), { status: 400, errors: [{ field: 'body', expected: 'JSON' }] })
  t.match(await post(''), { status: 400 })
  t.match(await post('{"__proto__":{"lpid":1}}'), { status: 400 }, 'a prototype is no member')
  t.match(await post('{"constructor":{"prototype":{}}}'), { status: 400 })
  t.match(await post('lpid=1', { ...HOST, 'content-type': 'text/plain' }), { status: 415 })
  t.match(await post('lpid=1', { ...HOST, 'content-type': 'application/x-www-form-urlencoded' }), {
    status: 415,
  })
  const bytes = { ...HOST, 'content-type': 'application/octet-stream' }
  t.match(await post('{}', bytes), { status: 415 }, 'bytes where JSON belongs')
  const put = { payload: '{}', headers: json }
  t.match(await send('PUT', '/v1/vms/1/memory?gpa=0', put), { status: 415 }, 'and the other way')
})

t.test('a JSON body may be as long as the limit, and no longer', async (t) => {
  const pad = (length: number) => `{"lpid":1${' '.repeat(length - 10)}}`
  const headers = { ...HOST, 'content-type': 'application/json' }
  const app = server()
  const fits = { method: 'POST', url: '/v1/vms', headers, payload: pad(bodyBytesMax) } as const
  t.equal((await app.http.inject(fits)).statusCode, 201)
  const longer = { payload: pad(bodyBytesMax + 1), headers }
  t.match(await send('POST', '/v1/vms', longer), {
    type: 'urn:uvmem:problem:too-large',
    status: 413,
  })
})

t.test('a mistake of ours is a problem that gives nothing away', async (t) => {
  const app = server()
  app.vmm.denyFrames = () => {
    throw new Error('secret detail')
  }
  const answer = await app.http.inject({
    method: 'POST',
    url: '/v1/host/deny-frames',
    headers: HOST,
    payload: { denied: true },
  })
  t.equal(answer.statusCode, 500)
  t.same(answer.json(), {
    type: 'urn:uvmem:problem:internal',
    title: 'The server is at fault.',
    status: 500,
    detail: 'The log has the details.',
  })
})

t.test('health: alive always, ready until told to stop', async (t) => {
  const app = server()
  t.same((await ask(app, 'getLive')).body, { status: 'ok' })
  t.same((await ask(app, 'getReady')).body, { status: 'ready' })
  app.hv.stop()
  t.same((await ask(app, 'getLive')).body, { status: 'ok' })
  t.match(await ask(app, 'getReady'), { status: 503 })
})

t.test('the facts of the host', async (t) => {
  const app = server({ hv: { profile: 'spec', poolPages: 5 }, limits: { vmsMax: 3 } })
  t.match((await ask(app, 'getHost')).body, {
    version: '1.2.3',
    profile: 'spec',
    page_bytes: 65_536,
    pool: { size: 5, used: 0, free: 5 },
    frames: { total: 0, used: 0, denied: false },
    vms: 0,
    sessions: 0,
    deadlocks: 0,
    limits: { vmsMax: 3, slotsPerVmMax: 512 },
  })
  t.same((await ask(app, 'getInvariants')).body, { quiet: true, unexplained: 0, violations: [] })
})

t.test('the OpenAPI document has every operation and resolves every reference', async (t) => {
  const { body } = await ask(server(), 'getOpenApi')
  t.equal(body['openapi'], '3.1.0')
  const paths = body['paths'] as Record<string, Record<string, { operationId: string }>>
  const ids = Object.values(paths).flatMap((path) =>
    Object.values(path).map((each) => each.operationId),
  )
  t.same(ids.sort(), Object.keys(OPERATIONS).sort())
  for (const [, pointer = ''] of JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const target = pointer
      .split('/')
      .reduce<unknown>((at, key) => Reflect.get(at as object, key), body)
    t.type(target, 'object', pointer)
  }
  for (const [route, path] of Object.entries(paths)) {
    const named = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const operation of Object.values(path)) {
      const { parameters = [] } = operation as { parameters?: { name: string; in: string }[] }
      const here = parameters.filter((each) => each.in === 'path').map(({ name }) => name)
      t.same(here, named, `${route}: every parameter of the path is described`)
    }
  }
})
