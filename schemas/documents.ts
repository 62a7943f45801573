/**
 * The documents of the wire and of files, made from the same schemas that validate them: JSON Schema of
 * every message, of seed and fault files, OpenAPI, AsyncAPI.
 */
import { z } from 'zod'
import { asyncApiDocument } from './asyncapi.ts'
import { ErrorResponse } from './envelope.ts'
import { FaultFile } from './faults.ts'
import * as hypercalls from './hypercalls.ts'
import * as memoryBus from './memory-bus.ts'
import { DOWN_METHODS, UP_METHODS } from './methods.ts'
import { openApiDocument } from './rest/openapi.ts'
import { SeedFile } from './seed.ts'
import * as session from './session.ts'
import * as ultracalls from './ultracalls.ts'

/** What a document needs of a method. */
interface Described {
  readonly name: string
  readonly request: z.ZodType
  readonly response: z.ZodType
}
interface Reference {
  readonly $ref: string
}
/** A JSON document; `$id` is its file name. */
export type Document = Readonly<Record<string, unknown>>

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

const schemaOf = (schema: z.ZodType): Document => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

const METHODS: readonly Described[] = Object.values({ ...UP_METHODS, ...DOWN_METHODS })

/** The methods that a file defines, in the order of the dispatch tables. */
const definedIn = (file: object): readonly Described[] =>
  METHODS.filter((method) => Object.values(file).includes(method))

/** Each has a document of its own. */
const FAMILIES: Readonly<Record<string, readonly Described[]>> = {
  hypercalls: definedIn(hypercalls),
  ultracalls: definedIn(ultracalls),
  'memory-bus': definedIn(memoryBus),
  session: definedIn(session),
}

const familyDocument = (family: string, methods: readonly Described[]): Document => ({
  $schema: DRAFT,
  $id: `${family}.json`,
  $defs: Object.fromEntries(
    methods.flatMap(({ name, request, response }) => [
      [`${name}.request`, schemaOf(request)],
      [`${name}.response`, schemaOf(response)],
    ]),
  ),
})

const referencesTo = (names: readonly string[], part: string): readonly Reference[] =>
  Object.entries(FAMILIES).flatMap(([family, methods]) =>
    methods
      .filter(({ name }) => names.includes(name))
      .map(({ name }) => ({ $ref: `${family}.json#/$defs/${name}.${part}` })),
  )

/** Everything that one side may receive: calls it serves, answers to its own, errors, batches. */
const sideDocument = (
  file: string,
  title: string,
  served: readonly string[],
  made: readonly string[],
): Document => ({
  $schema: DRAFT,
  $id: file,
  title,
  anyOf: [
    { $ref: '#/$defs/item' },
    { type: 'array', minItems: 1, items: { $ref: '#/$defs/item' } },
  ],
  $defs: {
    item: {
      anyOf: [
        ...referencesTo(served, 'request'),
        ...referencesTo(made, 'response'),
        { $ref: 'error.json' },
      ],
    },
  },
})

/** Of the API's documents; a server that shows them gives its own version. */
const API_VERSION = '1'

const fileDocument = (file: string, schema: z.ZodType): Document => ({
  $schema: DRAFT,
  $id: file,
  ...schemaOf(schema),
})

/** Every document by its file name in `schemas/generated`. */
export function documents(): Readonly<Record<string, Document>> {
  const up = Object.keys(UP_METHODS)
  const down = Object.keys(DOWN_METHODS)
  const families = Object.entries(FAMILIES).map(([family, methods]): [string, Document] => [
    `${family}.json`,
    familyDocument(family, methods),
  ])
  const hv = 'hypervisor-receives.json'
  const uv = 'ultravisor-receives.json'
  return {
    ...Object.fromEntries(families),
    'asyncapi.json': asyncApiDocument(API_VERSION),
    'openapi.json': openApiDocument(API_VERSION),
    'seed.json': fileDocument('seed.json', SeedFile),
    'faults.json': fileDocument('faults.json', FaultFile),
    'error.json': { $schema: DRAFT, $id: 'error.json', ...schemaOf(ErrorResponse) },
    [hv]: sideDocument(hv, 'A message from an ultravisor to the hypervisor', up, down),
    [uv]: sideDocument(uv, 'A message from the hypervisor to an ultravisor', down, up),
  }
}

/** The text of a document's file. */
export const documentText = (document: Document): string => `${JSON.stringify(document, null, 2)}\n`
