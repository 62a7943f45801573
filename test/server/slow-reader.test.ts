/** A peer that does not read: what it costs the server is bounded, and nobody else notices. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { asGfn, asLpid } from '../../src/abi/page.ts'
import { Line, listening, until } from './line.ts'

const SLOT = { lpid: 1, start_gpa: 0, size: 16 * 65_536, flags: 0, slotid: 0 }
const READ = { lpid: 1, ra: '0x10000', offset: 0, length: 65_536 }
const HIGH_BYTES = 300_000
/** What one answer takes on the wire: 65,536 bytes in base64, and its frame. */
const ANSWER_BYTES = 90_000

const readCall = (id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'MEM_READ', params: READ })

t.test('memory stays bounded, a warning is logged, and other clients go on', async (t) => {
  const warnings: string[] = []
  const sink = new Writable({
    write: (line, _encoding, done) => {
      warnings.push((JSON.parse(String(line)) as { msg: string }).msg)
      done()
    },
  })
  const log = pino({ level: 'warn' }, sink)
  const limits = { sendBufferHighBytes: HIGH_BYTES, callsInFlightMax: 4_000 }
  const { app, uv } = await listening(t, { limits, app: { log } })
  const slow = await Line.open(t, uv)
  t.match(await slow.call('UV_REGISTER_MEM_SLOT', SLOT), { result: { ret: 0 } })
  await app.vmm.writePage(asLpid(1), asGfn(1), 0, new Uint8Array(65_536).fill(1))
  const other = await Line.open(t, uv)
  const [connection] = app.uv.connections
  slow.socket.pause()
  for (let id = 1_000; id < 2_500; id++) slow.socket.send(readCall(id))
  await until(() => warnings.length > 0, 'the server notices')

  let most = 0
  for (let n = 0; n < 200; n++) {
    t.match(await other.call('H_SVM_INIT_DONE', { lpid: 2 }), { result: { ret: -67 } })
    most = Math.max(most, connection?.buffered ?? 0)
  }
  t.ok(most > HIGH_BYTES, `${most} bytes: it is above the mark`)
  // What is gathered in one turn leaves together, so the mark is passed by one message at most.
  t.ok(most < HIGH_BYTES + 16 * ANSWER_BYTES, `${most} bytes wait, not 1,500 answers`)
  t.same(warnings, ['it does not take its answers: it is not read from'], 'once')

  slow.socket.resume()
  for (let id = 1_000; id < 2_500; id++) {
    if ((await slow.answerTo(id)).result?.ret !== 0) t.fail(`call ${id}`)
  }
  t.equal(app.hv.sessions.size, 2, 'nobody was cut')
})
