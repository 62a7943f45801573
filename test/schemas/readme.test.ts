import t from 'tap'
import { CLOSE, WIRE_ERROR, wireErrorName } from '../../schemas/errors.ts'
import { LIMIT_TEXTS } from '../../schemas/limit-texts.ts'
import { LIMITS } from '../../schemas/limits.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { tableUnder } from './files.ts'

t.test('the README lists every error as it is', async (t) => {
  const entries = Object.entries(WIRE_ERROR)
  t.same(
    tableUnder('### Errors'),
    entries.map(([name, { code, text, when }]) => [name, String(code), text, when]),
  )
  t.equal(new Set(entries.map(([, { code }]) => code)).size, entries.length, 'no code twice')
  t.equal(wireErrorName(-32001), 'DEADLOCK')
  t.equal(wireErrorName(-1), undefined)
})

t.test(
  'the README lists every close code as it is, and each reason fits a close frame',
  async (t) => {
    const entries = Object.entries(CLOSE)
    t.same(
      tableUnder('### Close codes'),
      entries.map(([name, { code, text, when }]) => [name, String(code), text, when]),
    )
    for (const [name, { text }] of entries) t.ok(Buffer.byteLength(text) <= 123, name)
    t.equal(new Set(entries.map(([, { code }]) => code)).size, entries.length, 'no code twice')
  },
)

t.test('the README lists every limit with its value', async (t) => {
  t.same(
    tableUnder('## Limits').map(([name, value]) => [name, Number(value?.replaceAll(',', ''))]),
    Object.entries(LIMITS),
  )
})

t.test('the README says of every limit what --help says', async (t) => {
  t.same(
    tableUnder('## Limits').map(([name, , what]) => [name, what]),
    Object.entries(LIMIT_TEXTS),
  )
})

t.test('the README lists every call with its sides, params and results', async (t) => {
  interface Shape {
    readonly properties: Readonly<Record<string, unknown>>
    readonly required?: readonly string[]
  }
  const { z } = await import('zod')
  const fieldsOf = (schema: import('zod').ZodType, without: readonly string[]): string => {
    const { properties, required = [] } = z.toJSONSchema(schema, {
      io: 'input',
    }) as unknown as Shape
    const fields = Object.keys(properties).filter((field) => !without.includes(field))
    return fields.map((field) => (required.includes(field) ? field : `${field}?`)).join(', ') || '–'
  }
  const methods = { ...UP_METHODS, ...DOWN_METHODS }
  const actual = Object.entries(methods).map(([name, { params, result }]) => [
    name,
    [...(name in DOWN_METHODS ? ['HV'] : []), ...(name in UP_METHODS ? ['UV'] : [])].join(', '),
    fieldsOf(params, ['parent']),
    fieldsOf(result, ['ret', 'name']),
  ])
  const rows = (table: readonly (readonly (string | undefined)[])[]) =>
    table.map((row) => row.join(' | ')).toSorted()
  t.same(rows(tableUnder('### Calls')), rows(actual))
})
