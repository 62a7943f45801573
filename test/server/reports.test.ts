/** What a client does wrong is logged, but not without bound: all of it is counted. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { Line, listening } from './line.ts'

interface LogLine {
  readonly level: number
  readonly kind?: string
  readonly reports?: number
  readonly msg: string
}

t.test('two thousand bad messages are twenty-two lines, and every one is counted', async (t) => {
  const logged: LogLine[] = []
  const sink = new Writable({
    write: (line, _encoding, done) => {
      logged.push(JSON.parse(String(line)) as LogLine)
      done()
    },
  })
  const { app, uv } = await listening(t, { app: { log: pino({ level: 'info' }, sink) } })
  const line = await Line.open(t, uv)
  for (let n = 0; n < 2_000; n++) line.socket.send('nonsense')
  await line.call('H_SVM_INIT_DONE', { lpid: 1 })
  const warnings = logged.filter(({ level }) => level === 40)
  const sums = warnings.filter(({ reports }) => reports !== undefined)
  t.equal(warnings.length, 22)
  t.same(
    sums.map(({ reports, kind }) => [reports, kind]),
    [32, 64, 128, 256, 512, 1_024].map((count) => [count, 'fault']),
  )
  const [connection] = app.uv.connections
  t.equal(connection?.peer.counters.faultsReceived, 2_000)

  const other = await Line.open(t, uv)
  other.socket.send('nonsense')
  await other.call('H_SVM_INIT_DONE', { lpid: 2 })
  t.equal(
    logged.filter(({ level }) => level === 40).length,
    23,
    'another client is told of in full',
  )
  line.socket.terminate()
  while (!logged.some(({ msg }) => msg === 'connection ended')) {
    await new Promise((done) => setImmediate(done))
  }
  t.match(
    logged.find(({ msg }) => msg === 'connection ended'),
    { reports: 2_000 },
    'the whole number comes with the end',
  )
})
