import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import type { FromUv } from './pair.ts'
import { pair } from './pair.ts'

const done = (id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'H_SVM_INIT_DONE',
  params: { lpid: 1 },
})
const ids = (served: readonly FromUv[]) => served.map(({ id }) => id)

t.test(
  'while the transport is congested nothing is taken in, and later everything in order',
  async (t) => {
    const served: FromUv[] = []
    const { hv, hvLine } = pair({ hvServes: (call) => served.push(call) })
    hv.receive(JSON.stringify([done(1), done(2)]))
    Object.assign(hvLine, { congested: true })
    hv.receive(JSON.stringify([done(3), done(4)]))
    hv.receive(JSON.stringify(done(5)))
    t.same(ids(served), [1, 2])
    hv.resume()
    t.same(ids(served), [1, 2], 'still congested')
    Object.assign(hvLine, { congested: false })
    hv.resume()
    t.same(ids(served), [1, 2, 3, 4, 5])
    hv.receive(JSON.stringify(done(6)))
    t.same(ids(served), [1, 2, 3, 4, 5, 6])
    hv.resume()
    t.equal(served.length, 6, 'nothing comes twice')
    t.equal(hv.counters.faultsReceived, 0)
  },
)

t.test('a message is left in the middle when its answers congest the transport', async (t) => {
  const served: FromUv[] = []
  const { hv, hvLine } = pair({
    hvServes: (call) => {
      served.push(call)
      if (call.id === 2) Object.assign(hvLine, { congested: true })
    },
  })
  hv.receive(JSON.stringify([done(1), done(2), done(3)]))
  hv.receive(JSON.stringify(done(4)))
  t.same(ids(served), [1, 2])
  Object.assign(hvLine, { congested: false })
  hv.resume()
  t.same(ids(served), [1, 2, 3, 4])
  t.equal(hv.counters.faultsReceived, 0, 'and nothing came twice')
})

t.test('what congests the transport again leaves the rest, message by message', async (t) => {
  const served: FromUv[] = []
  const { hv, hvLine } = pair({
    hvServes: (call) => {
      served.push(call)
      if (call.id % 2 === 0) Object.assign(hvLine, { congested: true })
    },
  })
  for (let id = 1; id <= 6; id += 3) {
    hv.receive(JSON.stringify([done(id), done(id + 1)]))
    hv.receive(JSON.stringify(done(id + 2)))
  }
  const goOn = (): void => {
    Object.assign(hvLine, { congested: false })
    hv.resume()
  }
  t.same(ids(served), [1, 2])
  goOn()
  t.same(ids(served), [1, 2, 3, 4])
  goOn()
  t.same(ids(served), [1, 2, 3, 4, 5, 6])
  goOn()
  t.same(ids(served), [1, 2, 3, 4, 5, 6])
  t.equal(hv.counters.faultsReceived, 0)
})

t.test('a message that ends the connection ends what was left behind it', async (t) => {
  const served: FromUv[] = []
  const { hv, hvLine } = pair({ hvServes: (call) => served.push(call) })
  Object.assign(hvLine, { congested: true })
  hv.receive(JSON.stringify(done(1)))
  hv.receive(JSON.stringify(Array.from({ length: 5_000 }, (_, i) => done(i + 2))))
  hv.receive(JSON.stringify(done(9_000)))
  Object.assign(hvLine, { congested: false })
  hv.resume()
  t.same(hvLine.closed, [{ code: 1009, reason: 'The message is too big.' }])
  t.same(ids(served), [1])
  hv.receive(JSON.stringify(done(9_001)))
  t.same(ids(served), [1])
  t.equal(hv.counters.messagesReceived, 3, 'it is not even counted')
})

t.test('what was left is forgotten when the connection ends', async (t) => {
  const served: FromUv[] = []
  const { hv, hvLine } = pair({ hvServes: (call) => served.push(call) })
  Object.assign(hvLine, { congested: true })
  hv.receive(JSON.stringify([done(1)]))
  hv.end()
  Object.assign(hvLine, { congested: false })
  hv.resume()
  t.same(served, [])
})

t.test('four pages of bytes are not gathered any longer', async (t) => {
  const bytes = new Uint8Array(65_536)
  const { hv, hvLine } = pair({ hvServes: (call) => call.answer(0, { bytes }) })
  const read = (id: number) => ({
    jsonrpc: '2.0',
    id,
    method: 'MEM_READ',
    params: { lpid: asLpid(1), ra: 65_536, offset: 0, length: 65_536 },
  })
  hv.receive(JSON.stringify(Array.from({ length: 3 }, (_, i) => read(i + 1))))
  t.equal(hvLine.sent.length, 0)
  hv.receive(JSON.stringify(read(4)))
  t.ok(hvLine.sent.length > 0, 'sent within the turn')
})
