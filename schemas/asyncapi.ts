/**
 * The AsyncAPI 3 document of the WebSocket at /v1/uv, made of the schemas that validate its messages.
 *
 * It describes the hypervisor's side of subprotocol `uvmem.v1.json`; the binary subprotocol carries
 * the same calls and is described in schemas/binary.md.
 */
import { z } from 'zod'
import { ErrorResponse } from './envelope.ts'
import { DOWN_METHODS, UP_METHODS } from './methods.ts'

type Json = Readonly<Record<string, unknown>>

/** What a document needs of a method. */
interface Described {
  readonly name: string
  readonly request: z.ZodType
  readonly response: z.ZodType
}

const CHANNEL = { $ref: '#/channels/uv' }
const ERROR = 'error'

const UP: readonly Described[] = Object.values(UP_METHODS)
const DOWN: readonly Described[] = Object.values(DOWN_METHODS)

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

const messageOf = (name: string, title: string, schema: z.ZodType): Json => ({
  name,
  title,
  contentType: 'application/json',
  payload: schemaOf(schema),
})

/** Every message by its name; a call of both directions has one request and one response. */
function messages(): Record<string, Json> {
  const all: Record<string, Json> = {}
  for (const { name, request, response } of [...UP, ...DOWN]) {
    all[`${name}.request`] = messageOf(`${name}.request`, `A call of ${name}`, request)
    all[`${name}.response`] = messageOf(`${name}.response`, `The answer to ${name}`, response)
  }
  all[ERROR] = messageOf(ERROR, 'A call that was not carried out', ErrorResponse)
  return all
}

const inChannel = (name: string): Json => ({ $ref: `#/channels/uv/messages/${name}` })

const operation = (action: 'send' | 'receive', name: string, summary: string): Json => ({
  action,
  channel: CHANNEL,
  summary,
  messages: [inChannel(`${name}.request`)],
  reply: { channel: CHANNEL, messages: [inChannel(`${name}.response`), inChannel(ERROR)] },
})

function operations(): Record<string, Json> {
  const up = UP.map(({ name }): [string, Json] => [
    `serve.${name}`,
    operation('receive', name, `An ultravisor calls ${name}`),
  ])
  const down = DOWN.map(({ name }): [string, Json] => [
    `call.${name}`,
    operation('send', name, `The hypervisor calls ${name}`),
  ])
  return Object.fromEntries([...up, ...down])
}

/** `version`: of the document; a server gives its own. */
export function asyncApiDocument(version: string): Json {
  const all = messages()
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'uvmem: hypervisor and ultravisor',
      version,
      description:
        'JSON-RPC 2.0 in both directions over one WebSocket. SESSION_OPEN comes first. Calls nest: one that is made inside another of the other side names its id in parent. A message is one item or an array of items, calls and answers mixed. Subprotocol uvmem.v1.json is described here; uvmem.v1.bin carries the same calls in the form of schemas/binary.md.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      local: {
        host: '127.0.0.1:8080',
        protocol: 'ws',
        security: [{ $ref: '#/components/securitySchemes/token' }],
      },
    },
    channels: {
      uv: {
        address: '/v1/uv',
        title: 'A session of an ultravisor',
        messages: Object.fromEntries(
          Object.keys(all).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: {
          ws: {
            method: 'GET',
            headers: {
              type: 'object',
              required: ['sec-websocket-protocol'],
              properties: {
                'sec-websocket-protocol': {
                  type: 'string',
                  enum: ['uvmem.v1.json', 'uvmem.v1.bin'],
                },
              },
            },
          },
        },
      },
    },
    operations: operations(),
    components: {
      messages: all,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Only where the server was started with tokens: one with the role uv, in the Authorization header of the upgrade.',
        },
      },
    },
  }
}
