/** OpenAPI and AsyncAPI documents, looked at by validators that others wrote. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { asyncApiDocument } from '../../schemas/asyncapi.ts'
import { documents } from '../../schemas/documents.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { openApiDocument } from '../../schemas/rest/openapi.ts'

const require = createRequire(import.meta.url)

t.test('the OpenAPI document is one, and a document that is none is told apart', async (t) => {
  const document = openApiDocument('1.2.3')
  const result = await new Validator().validate(structuredClone({ ...document }))
  t.same(result.errors ?? [], [])
  t.equal(result.valid, true)
  const { paths: _paths, ...rest } = document as { paths: unknown }
  const broken = { ...rest, info: { title: 'no version' } }
  t.equal((await new Validator().validate(broken)).valid, false)
})

t.test('the AsyncAPI document is one, and a document that is none is told apart', async (t) => {
  const path = require.resolve('@asyncapi/specs/schemas/3.0.0.json')
  const schema = JSON.parse(readFileSync(path, 'utf8'))
  const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false })
  const validate = ajv.compile(schema)
  const document = asyncApiDocument('1.2.3')
  t.equal(validate(document), true, JSON.stringify(validate.errors?.slice(0, 5)))
  t.equal(validate({ ...document, channels: { uv: { address: 5 } } }), false)
  t.equal(validate({ ...document, asyncapi: '2.0.0' }), false)
})

t.test('the hypervisor receives calls of ultravisors and sends its own', async (t) => {
  const { operations } = asyncApiDocument('1') as {
    operations: Record<string, { action: string; messages: { $ref: string }[] }>
  }
  const named = (prefix: string) =>
    Object.keys(operations)
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .sort()
  t.same(named('serve.'), Object.keys(UP_METHODS).sort())
  t.same(named('call.'), Object.keys(DOWN_METHODS).sort())
  t.match(operations['serve.H_SVM_PAGE_IN'], {
    action: 'receive',
    messages: [{ $ref: '#/channels/uv/messages/H_SVM_PAGE_IN.request' }],
  })
  t.match(operations['call.UV_PAGE_OUT'], { action: 'send' })
})

t.test('the schemas of seed and fault files take what the files may hold', async (t) => {
  const ajv = new Ajv2020({ strict: false })
  const { 'seed.json': seed = {}, 'faults.json': faults = {} } = documents()
  const isSeed = ajv.compile(seed)
  t.ok(isSeed({ vms: [{ lpid: 1, slots: [{ size: 65_536 }], fills: [] }] }))
  t.ok(isSeed({}))
  t.notOk(isSeed({ vms: [{ lpid: 0, slots: [] }] }), 'LPID 0 is the host')
  t.notOk(isSeed({ vm: [] }))
  const isFaults = ajv.compile(faults)
  t.ok(isFaults({ rules: [{ call: 'H_SVM_PAGE_IN', action: { do: 'answer', code: -4 } }] }))
  t.notOk(isFaults({ rules: [{ call: 'H_NOTHING', action: { do: 'drop' } }] }))
})
