/** The REST API under requests grown from its own document: every answer is one that it promises. */
import t from 'tap'
import { server } from '../server/server.ts'
import { misanswer, REST_OPERATIONS } from './rest-document.ts'
import { fuzzRest } from './rest-fuzz.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
t.comment(`seed ${SEED}`)
// A machine that is busy with something else takes its time.
t.setTimeout(600_000)

const SMALL = { vmsMax: 12, slotsPerVmMax: 6, framesPerSlotMax: 64 }

t.test('20,000 requests: valid, nearly valid and wild', async (t) => {
  const options = { limits: SMALL, app: { journalEvents: 1_024 } }
  const { requests, statuses, succeeded, failure } = await fuzzRest(20_000, SEED, options)
  t.equal(failure, undefined)
  t.equal(requests, 20_000, JSON.stringify(statuses))
  for (const status of [200, 201, 400, 403, 404, 405, 409, 413, 415, 422])
    t.ok((statuses[String(status)] ?? 0) > 10, `${status} was among it`)
  t.notOk(statuses['500'], 'never 500')
  const never = REST_OPERATIONS.map(({ id }) => id).filter((id) => !succeeded.has(id))
  t.ok(never.length <= 8, `nearly every operation succeeded at least once, but not ${never}`)
})

t.test('a path that is no URL is answered with a problem as well', async (t) => {
  const app = server()
  t.teardown(() => app.close())
  const long = `/v1/faults/${'x'.repeat(101)}`
  for (const url of ['/v1/vms/%zz', '/%', '/v1/vms/%c3', long]) {
    const answer = await app.http.inject({ url, headers: { host: '127.0.0.1' } })
    t.equal(answer.statusCode, 400, url.slice(0, 20))
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
    t.match(answer.json(), { type: 'urn:uvmem:problem:bad-request', status: 400 })
  }
})

t.test('uploads without a body leave nothing behind', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error): void => {
    warnings.push(warning)
  }
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  const app = server()
  t.teardown(() => app.close())
  for (let n = 0; n < 20; n++) {
    const answer = await app.http.inject({
      method: 'PUT',
      url: '/v1/snapshot',
      headers: { host: '127.0.0.1' },
    })
    t.equal(answer.statusCode, 422, 'no bytes are no snapshot')
  }
  await new Promise((done) => setImmediate(done))
  t.same(warnings, [])
})

t.test('an answer that the document does not know is noticed', async (t) => {
  const listVms = REST_OPERATIONS.find(({ id }) => id === 'listVms')
  const json = (text: string) => ({ status: 200, type: 'application/json', text })
  const problem = (status: number, body: object) => ({
    status,
    type: 'application/problem+json',
    text: JSON.stringify(body),
  })
  t.equal(misanswer(listVms, json('{"vms":[],"next":null}')), undefined)
  t.match(misanswer(listVms, json('{"vms":[]}')), /next/)
  t.match(misanswer(listVms, { ...json('{}'), status: 201 }), /not documented/)
  t.match(misanswer(listVms, { ...json('{}'), type: 'text/html' }), /type text\/html/)
  t.match(misanswer(listVms, { ...json('{}'), status: 400 }), /type application\/json/)
  const good = { type: 'urn:uvmem:problem:bad-request', title: 'x', status: 400, detail: 'x' }
  t.equal(misanswer(listVms, problem(400, good)), undefined)
  t.match(misanswer(listVms, problem(403, good)), /status 403 with/)
  t.match(misanswer(listVms, problem(400, { ...good, detail: 5 })), /no problem document/)
  t.match(misanswer(listVms, problem(500, { ...good, status: 500 })), /status 500/)
  t.match(misanswer(undefined, json('{}')), /no operation/)
})
