/** Server-sent events, in whatever pieces they come. */
import t from 'tap'
import { messagesOf } from '../../src/peer/event-stream.ts'

async function read(pieces: readonly string[]): Promise<string[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece, 'latin1')
  }
  const messages: string[] = []
  for await (const message of messagesOf(chunks())) messages.push(message)
  return messages
}

t.test('each message is told once, whole', async (t) => {
  t.same(await read(['data: a\n\ndata: b\n\n']), ['a', 'b'])
  t.same(await read(['da', 'ta: a', '\n', '\ndata:b', '\n\n']), ['a', 'b'], 'however it is cut')
  t.same(await read(['data: a\ndata: b\n\n']), ['a\nb'], 'lines of data belong together')
  t.same(await read(['id: 7\ndata: a\nretry: 3\n\n']), ['a'], 'other fields are left out')
})

t.test('a comment is no message, and neither is what does not end', async (t) => {
  t.same(await read([': still here\n\n', 'data: a\n\n']), ['a'])
  t.same(await read(['data: a\n\ndata: b\n']), ['a'])
  t.same(await read([]), [])
})

t.test('a character that two pieces share is one', async (t) => {
  const bytes = Buffer.from('data: ö\n\n', 'utf8').toString('latin1')
  t.same(await read([bytes.slice(0, 7), bytes.slice(7)]), ['ö'])
})

t.test('a message of 16 MiB is taken, one that never ends is not', async (t) => {
  const half = 'x'.repeat(8_388_605)
  t.equal((await read([`data: ${half}`, half, '\n\n']))[0]?.length, 16_777_210)
  await t.rejects(read([`data: ${half}`, half, 'xx']), { message: /does not end/ })
})
