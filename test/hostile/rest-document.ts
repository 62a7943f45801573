/** The OpenAPI document as a judge: what an operation takes, and whether an answer is one of its own. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { documentAt } from './documents.ts'

/** JSON Schema, as far as it is looked into here. */
export type Schema = Readonly<Record<string, unknown>>

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

interface RawOperation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** One operation, with what its answers must be. */
export interface Operation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** Type and schema of the body; none is taken without it. */
  readonly body: { readonly type: string; readonly schema: Schema } | undefined
  /** Schemas by status, then by type. */
  readonly answers: ReadonlyMap<number, ReadonlyMap<string, Schema>>
}

const document = documentAt('generated/openapi.json') as Document
const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false })
const validators = new Map<Schema, ValidateFunction>()

/** Made when it is asked for first: all of them take seconds. */
function validatorOf(schema: Schema): ValidateFunction {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const made = ajv.compile({ ...schema, components: document.components })
  validators.set(schema, made)
  return made
}

/** A problem document, wherever it comes from. */
const PROBLEM: Schema = { $ref: '#/components/schemas/Problem' }

function operationOf(path: string, method: string, raw: RawOperation): Operation {
  const [type, content] = Object.entries(raw.requestBody?.content ?? {})[0] ?? []
  const answers = Object.entries(raw.responses).map(([status, { content: kinds = {} }]) => {
    const byType = Object.entries(kinds).map(([kind, { schema }]) => [kind, schema] as const)
    return [Number(status), new Map(byType)] as const
  })
  return {
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    parameters: raw.parameters ?? [],
    body:
      type === undefined || content === undefined ? undefined : { type, schema: content.schema },
    answers: new Map(answers),
  }
}

export const REST_OPERATIONS: readonly Operation[] = Object.entries(document.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => operationOf(path, method, raw)),
)

export interface RestAnswer {
  readonly status: number
  /** Without its parameters. */
  readonly type: string
  readonly text: string
}

/** What any request may be answered, whatever it asks for. */
const ANYWHERE: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 426, 431])

/**
 * What is wrong with an answer; undefined when it is one that the document knows. `operation` is
 * undefined for a request that is for none.
 */
export function misanswer(
  operation: Operation | undefined,
  answer: RestAnswer,
): string | undefined {
  const { status, type, text } = answer
  const isHuge = status === 500 || (operation === undefined && status > 500)
  if (isHuge) return `status ${status}: ${text.slice(0, 300)}`
  if (operation === undefined) {
    if (!ANYWHERE.has(status)) return `status ${status} for what is no operation`
    return problemFault(answer)
  }
  const kinds = operation.answers.get(status)
  if (kinds === undefined) return `status ${status} is not documented: ${text.slice(0, 300)}`
  if (status >= 400) return problemFault(answer)
  if (status === 304) return text === '' ? undefined : 'a 304 with a body'
  const schema = kinds.get(type)
  if (schema === undefined) return `an answer of type ${type}`
  if (type !== 'application/json') return undefined
  const validate = validatorOf(schema)
  return validate(JSON.parse(text))
    ? undefined
    : `${ajv.errorsText(validate.errors)}: ${text.slice(0, 300)}`
}

function problemFault({ status, type, text }: RestAnswer): string | undefined {
  if (type !== 'application/problem+json') return `a problem of type ${type}: ${text.slice(0, 300)}`
  const parsed = JSON.parse(text) as { status?: number }
  if (!validatorOf(PROBLEM)(parsed)) return `no problem document: ${text.slice(0, 300)}`
  return parsed.status === status ? undefined : `status ${status} with ${text.slice(0, 300)}`
}
