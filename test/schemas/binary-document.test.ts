import t from 'tap'
import { BINARY_CALLS } from '../../schemas/binary-calls.ts'
import {
  ANSWER_BYTES,
  CALL_BYTES,
  COUNTED_BYTES_MAX,
  FIELDS,
  FrameKind,
  HEADER_BYTES,
  Payload,
  SESSION_HEAD_BYTES,
} from '../../schemas/binary-layout.ts'
import { CLOSE, WIRE_ERROR } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import { DOWN_METHODS, UP_METHODS } from '../../schemas/methods.ts'
import { H, U } from '../../src/abi/codes.ts'
import { textOf } from './files.ts'

const text = textOf('binary.md')
const flat = text.replaceAll(/\s+/g, ' ')

/** The rows of the table whose first heading cell is this. */
function tableOf(firstCell: string): readonly (readonly string[])[] {
  const lines = text.split('\n')
  const head = lines.findIndex(
    (line, at) =>
      line.split('|')[1]?.trim() === firstCell && lines[at + 1]?.startsWith('| ---') === true,
  )
  const rest = lines.slice(head + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

t.test('the document places every field where the code does', async (t) => {
  for (const part of ['header', 'call', 'answer', 'error', 'session'] as const) {
    t.same(
      tableOf(`${part} field`).map(([name, at, type]) => ({ name, at: Number(at), type })),
      FIELDS[part],
      part,
    )
  }
})

t.test('the document lists every call as the code has it', async (t) => {
  const rows = Object.entries(BINARY_CALLS).map(([name, call]) => [
    name,
    `0x${call.number.toString(16)}`,
    [...(name in DOWN_METHODS ? ['HV'] : []), ...(name in UP_METHODS ? ['UV'] : [])].join(', '),
    ...[0, 1, 2, 3].map((index) => call.registers[index] ?? '–'),
    call.payloads.join(', '),
    call.answers.join(', '),
  ])
  const sorted = (table: readonly (readonly string[])[]) =>
    table.map((row) => row.join(' | ')).toSorted()
  t.same(sorted(tableOf('call')), sorted(rows))
  const outputs = Object.entries(BINARY_CALLS).filter(([, { output }]) => output !== undefined)
  t.same(
    outputs.map(([name, { output }]) => [name, output]),
    [['SESSION_OPEN', 'pool_pages']],
    'the one output register that the document names',
  )
})

t.test('the document has the kinds, payloads, sizes and limits of the code', async (t) => {
  t.same(FrameKind, { Call: 1, Answer: 2, Error: 3 })
  t.match(text, '1 call, 2 answer, 3 error')
  t.same(
    tableOf('payload').map(([number, name]) => [Number(number), name]),
    Object.entries(Payload).map(([name, number]) => [number, name.toLowerCase()]),
  )
  const count = (number: number): string => number.toLocaleString('en-US')
  for (const sentence of [
    `A header of ${HEADER_BYTES} bytes`,
    `A call without payload has ${CALL_BYTES} bytes`,
    `An answer without payload has ${ANSWER_BYTES} bytes`,
    `at most ${count(LIMITS.messageBytesMax)} bytes and ${count(LIMITS.itemsPerMessageMax)} frames`,
    `u32 count 1 to ${count(COUNTED_BYTES_MAX)}`,
    `The count is ${SESSION_HEAD_BYTES} plus the three lengths`,
    `1 to ${LIMITS.sessionNameCharsMax} characters`,
    `at most ${LIMITS.tokenCharsMax} characters`,
    `At most ${count(LIMITS.callsInFlightMax)} calls of one side may be open without a parent`,
    `and ${count(LIMITS.nestedCallsInFlightMax)} with one`,
    `SESSION_OPEN does not come within ${LIMITS.handshakeMsMax / 1_000} seconds`,
    `a ping is not answered for ${LIMITS.pongWaitMsMax / 1_000}`,
    `BAD_FRAME ${WIRE_ERROR.BAD_FRAME.code}`,
    `UNKNOWN_METHOD ${WIRE_ERROR.UNKNOWN_METHOD.code}`,
    `BAD_PARAMS ${WIRE_ERROR.BAD_PARAMS.code}`,
    `close ${CLOSE.BAD_FRAME.code}`,
    `close ${CLOSE.BAD_TEXT.code}`,
    `close ${CLOSE.WRONG_KIND.code}`,
    `close ${CLOSE.TOO_BIG.code}`,
  ])
    t.ok(flat.includes(sentence), sentence)
})

const sorted = (values: Iterable<unknown>): number[] =>
  Array.from(values, Number).sort((a, b) => a - b)

t.test('the document names every return code', async (t) => {
  const listed = tableOf('ret').flatMap(([a, first = '', b, second = '']) => [
    ...first.split(', ').map((name) => [name, Number(a)]),
    ...second
      .split(', ')
      .filter((name) => name !== '')
      .map((name) => [name, Number(b)]),
  ])
  const codes = new Map<unknown, unknown>([
    ...Object.entries(H).map(([name, code]) => [`H_${name}`, code] as const),
    ...Object.entries(U).map(([name, code]) => [`U_${name}`, code] as const),
  ])
  for (const [name, code] of listed) t.equal(codes.get(name), code, String(name))
  const values = new Set(listed.map(([, code]) => code))
  t.same(sorted(values), sorted(new Set(codes.values())), 'and every value')
})
