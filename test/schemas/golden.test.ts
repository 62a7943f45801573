import t from 'tap'
import { ErrorResponse } from '../../schemas/envelope.ts'
import { WIRE_ERROR } from '../../schemas/errors.ts'
import type { Method } from '../../schemas/method.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { hvJsonCodec, uvJsonCodec } from '../../src/peer/rpc-json.ts'
import { namesIn, textOf } from './files.ts'

interface Golden {
  readonly sender: readonly string[]
  readonly call: { readonly id: number; readonly params: { readonly parent?: number } }
  readonly answer: object
}

const golden = (name: string): Golden => JSON.parse(textOf(`golden/${name}.json`))

/** What the golden calls mean, written out by hand. */
const BODIES: Readonly<Record<string, object>> = {
  SESSION_OPEN: { name: 'uv on rack 3' },
  H_SVM_INIT_START: { lpid: 1 },
  H_SVM_INIT_DONE: { lpid: 4_095 },
  H_SVM_INIT_ABORT: { lpid: 1 },
  H_SVM_TPM_COMM: { lpid: 1 },
  H_SVM_PAGE_IN: { lpid: 1, gpa: 65_536, flags: 1, order: 16 },
  H_SVM_PAGE_OUT: { lpid: 1, gpa: 107_374_182_400, flags: 0, order: 16 },
  HDSI: { lpid: 1, gpa: 74_565 },
  MEM_READ: { lpid: 1, ra: 131_072, offset: 65_533, length: 3 },
  MEM_WRITE: { lpid: 1, ra: 131_072, offset: 16, bytes: Buffer.from('foob') },
  UV_REGISTER_MEM_SLOT: { lpid: 1, startGpa: 0, size: 107_374_182_400, flags: 0, slotId: 0 },
  UV_UNREGISTER_MEM_SLOT: { lpid: 1, slotId: 511 },
  UV_PAGE_IN: {
    lpid: 1,
    ra: 131_072,
    gpa: 65_536,
    flags: 0,
    order: 16,
    page: 18_446_744_073_709_551_615n,
  },
  UV_PAGE_OUT: { lpid: 1, ra: 196_608, gpa: 65_536, flags: 1, order: 16 },
  UV_PAGE_INVAL: { lpid: 1, gpa: 65_536, order: 16 },
  UV_SVM_TERMINATE: { lpid: 1 },
  UV_WRITE_PATE: { lpid: 1, dw0: 9_223_372_036_854_775_809n, dw1: 0n },
}

/** What the golden answers mean; the id is the call's. */
const ANSWERS: Readonly<Record<string, object>> = {
  SESSION_OPEN: {
    ret: 0,
    session: {
      session: 's-1',
      token: 'c2VjcmV0',
      host: { pageShift: 16, poolPages: 1_638_400, profile: 'linux-6' },
    },
  },
  H_SVM_INIT_START: { ret: 0 },
  H_SVM_INIT_DONE: { ret: -75 },
  H_SVM_INIT_ABORT: { ret: -4 },
  H_SVM_TPM_COMM: { ret: -2 },
  H_SVM_PAGE_IN: { ret: 0 },
  H_SVM_PAGE_OUT: { ret: -67 },
  HDSI: { ret: -14 },
  MEM_READ: { ret: 0, bytes: Buffer.from('foo') },
  MEM_WRITE: { ret: 0 },
  UV_REGISTER_MEM_SLOT: { ret: 0 },
  UV_UNREGISTER_MEM_SLOT: { ret: 0 },
  UV_PAGE_IN: { ret: -56 },
  UV_PAGE_OUT: { ret: 0, page: 42n },
  UV_PAGE_INVAL: { ret: -55 },
  UV_SVM_TERMINATE: { ret: 0 },
  UV_WRITE_PATE: { ret: 0 },
}

type AnyMethod = Method<{ readonly call: never }>
const CODECS = {
  ultravisor: { made: UP_METHODS, sender: uvJsonCodec(), server: hvJsonCodec() },
  hypervisor: { made: DOWN_METHODS, sender: hvJsonCodec(), server: uvJsonCodec() },
}

t.test('there is one example of every call', async (t) => {
  const names = [...new Set([...Object.keys(UP_METHODS), ...Object.keys(DOWN_METHODS)])]
  t.same(namesIn('golden'), [...names, 'errors'].map((name) => `${name}.json`).toSorted())
  for (const name of names) {
    const senders = Object.entries(CODECS).filter(([, { made }]) => name in made)
    t.same(
      golden(name).sender.toSorted(),
      senders.map(([side]) => side).toSorted(),
      `${name}: who sends it`,
    )
  }
})

t.test('every example is read as what it means, and is what would be sent', async (t) => {
  for (const [name, meaning] of Object.entries(BODIES)) {
    const { sender, call, answer } = golden(name)
    for (const side of sender) {
      const { made, sender, server } = CODECS[side === 'ultravisor' ? 'ultravisor' : 'hypervisor']
      const method = Reflect.get(made, name) as AnyMethod
      t.ok(method.request.safeParse(call).success, `${name}: the request schema takes it`)
      t.ok(method.response.safeParse(answer).success, `${name}: the response schema takes it`)
      const body = { call: name, ...meaning }
      const parent = call.params.parent ?? 0
      const [readCall] = server.decode(JSON.stringify(call), () => undefined)
      t.same(readCall, { kind: 'call', id: call.id, parent, body }, `${name} from ${side}`)
      t.equal(sender.encode([readCall as never], 0).data, JSON.stringify(call))
      const [readAnswer] = sender.decode(JSON.stringify(answer), () => body as never)
      t.same(readAnswer, { kind: 'answer', id: call.id, call: name, ...ANSWERS[name] })
      t.equal(server.encode([readAnswer as never], 0).data, JSON.stringify(answer))
    }
  }
})

t.test(
  'there is one example of every error that is sent, and it is what would be sent',
  async (t) => {
    const errors: { id: number | null; error: { code: number; message: string } }[] = JSON.parse(
      textOf('golden/errors.json'),
    )
    const sent = Object.entries(WIRE_ERROR).filter(([, { when }]) => !when.startsWith('Never sent'))
    t.same(
      errors.map(({ error }) => [error.code, error.message]),
      sent.map(([, { code, text }]) => [code, text]),
    )
    for (const example of errors) {
      t.ok(ErrorResponse.safeParse(example).success)
      const [read] = uvJsonCodec().decode(
        JSON.stringify(example),
        () => ({ call: 'HDSI' }) as never,
      )
      t.match(read, { kind: 'error', id: example.id ?? 0, code: example.error.code })
      t.equal(hvJsonCodec().encode([read as never], 0).data, JSON.stringify(example))
    }
  },
)
