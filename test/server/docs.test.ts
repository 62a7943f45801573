import t from 'tap'
import { openApiDocument } from '../../schemas/rest/openapi.ts'
import { docsForm } from './dashboard-modules.ts'
import { server } from './server.ts'

const { exampleOf, fieldsOf, targetOf } = docsForm

const HEADERS = { host: '127.0.0.1' }

t.test(
  '/docs leads to a page that loads nothing from elsewhere, also where a token is wanted',
  async (t) => {
    const app = server({ token: 'secret' })
    const get = (url: string) => app.http.inject({ url, headers: HEADERS })
    const moved = await get('/docs')
    t.equal(moved.statusCode, 302)
    t.equal(moved.headers['location'], '/dashboard/docs.html')
    const page = await get('/dashboard/docs.html')
    t.equal(page.statusCode, 200)
    t.match(page.headers['content-security-policy'], /default-src 'none'; script-src 'self'/)
    t.notMatch(page.payload, /https?:\/\//)
    t.notMatch(page.payload, /<script(?![^>]* src=)/, 'no script is written into the page')
    for (const [, file = ''] of page.payload.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)) {
      t.equal((await get(file)).statusCode, 200, file)
    }
    t.equal((await get('/openapi.json')).statusCode, 401, 'what the page asks for needs the token')
  },
)

t.test('a request is made of a route and of what was typed', async (t) => {
  const parameters = [
    { name: 'lpid', in: 'path' },
    { name: 'limit', in: 'query' },
    { name: 'state', in: 'query' },
  ]
  const of = (values: object) => targetOf('/v1/vms/{lpid}/frames', parameters, values)
  t.equal(of({ lpid: '1', limit: '', state: 'secure' }), '/v1/vms/1/frames?state=secure')
  t.equal(of({ lpid: '1/2 ?', limit: '5' }), '/v1/vms/1%2F2%20%3F/frames?limit=5')
  t.equal(of({}), '/v1/vms//frames')
})

t.test(
  'the example of every body is taken by the server, or refused for what it means',
  async (t) => {
    const { paths } = openApiDocument('1') as {
      paths: Record<
        string,
        Record<string, { requestBody?: { content: Record<string, { schema: object }> } }>
      >
    }
    let bodies = 0
    for (const [route, methods] of Object.entries(paths)) {
      for (const [method, { requestBody }] of Object.entries(methods)) {
        const schema = requestBody?.content['application/json']?.schema
        if (schema === undefined) continue
        bodies++
        const reply = await server().http.inject({
          method: method.toUpperCase() as 'POST',
          url: route.replace(/\{\w+\}/g, '1'),
          headers: HEADERS,
          payload: exampleOf(schema) as object,
        })
        t.not(reply.statusCode, 400, `${method} ${route}: ${reply.payload.slice(0, 200)}`)
        t.not(reply.statusCode, 500, `${method} ${route}`)
      }
    }
    t.equal(bodies, 7)
  },
)

t.test('the members of a body are listed with what is said of them', async (t) => {
  const schema = {
    type: 'object',
    properties: {
      size: { description: 'how much' },
      how: { enum: ['reclaim', 'discard'] },
      gpa: { anyOf: [] },
    },
    required: ['size'],
  }
  t.same(fieldsOf(schema), [
    { name: 'size', about: 'how much', required: true },
    { name: 'how', about: 'reclaim, discard', required: false },
    { name: 'gpa', about: '', required: false },
  ])
  t.same([fieldsOf(undefined), fieldsOf({ type: 'string' })], [[], []])
})
