/** Every limit of the REST API: what is at it is taken, what is one past it is refused by name. */
import { Readable } from 'node:stream'
import t from 'tap'
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { OperationName } from '../../schemas/rest/operations.ts'
import { tableUnder } from '../schemas/files.ts'
import { ask, fieldsOf, problemOf, server } from './server.ts'

t.test('schemas/README.md lists every limit of the REST API with its value', async (t) => {
  t.same(
    tableUnder('### Limits of the REST API').map(([name, value]) => [
      name,
      Number(value?.replaceAll(',', '')),
    ]),
    Object.entries(REST_LIMITS),
  )
})

const QUERIES: readonly [OperationName, string, number, Record<string, string>][] = [
  ['listVms', 'limit', 1_000, {}],
  ['listFrames', 'limit', 10_000, {}],
  ['listJournal', 'limit', 10_000, {}],
  ['getFrameMap', 'frames', 16_777_216, {}],
]

t.test('what a query asks for at once has an end', async (t) => {
  const app = server()
  await ask(app, 'createVm', { body: { lpid: 1, slots: [{ size: 65_536 }] } })
  for (const [name, field, max, more] of QUERIES) {
    const path = name === 'listFrames' || name === 'getFrameMap' ? { lpid: 1 } : {}
    const of = (value: number) => ask(app, name, { path, query: { [field]: `${value}`, ...more } })
    t.equal((await of(max)).status, 200, `${name} ${field} ${max}`)
    for (const value of [0, max + 1]) {
      t.same(fieldsOf(await of(value)), [`query.${field}`], `${name} ${field} ${value}`)
    }
  }
})

t.test('the stream of the journal takes so many events at once, and no more', async (t) => {
  const app = server()
  for (const [field, max] of [
    ['most', 4_096],
    ['backlog', 1_000],
  ] as const) {
    const refused = await ask(app, 'followJournal', { query: { [field]: `${max + 1}` } })
    t.same(fieldsOf(refused), [`query.${field}`])
    const other = { [field]: `${max}`, kind: 'no' }
    t.same(
      fieldsOf(await ask(app, 'followJournal', { query: other })),
      ['query.kind'],
      `${max} fits`,
    )
  }
})

t.test('a snapshot that is announced or comes longer than the limit is not read', async (t) => {
  const app = server()
  const announced = (length: number) =>
    ask(app, 'putSnapshot', {
      body: Buffer.from('{}'),
      headers: { 'content-length': String(length) },
    })
  t.equal(problemOf(await announced(268_435_456)), 'snapshot-unfit', 'it is read, and is none')
  t.equal(problemOf(await announced(268_435_457)), 'too-large')
  const chunk = Buffer.alloc(16_777_216)
  let taken = 0
  async function* pieces() {
    for (let i = 0; i < 64; i++) {
      taken++
      yield chunk
    }
  }
  const { statusCode } = await app.http.inject({
    method: 'PUT',
    url: '/v1/snapshot',
    headers: { host: '127.0.0.1', 'content-type': 'application/octet-stream' },
    payload: Readable.from(pieces()),
  })
  t.equal(statusCode, 413)
  t.ok(taken >= 17, 'sixteen fit')
})
