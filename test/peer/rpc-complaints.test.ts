/** What is wrong on a line is counted, and told in words. */
import t from 'tap'
import { Complaints } from '../../src/peer/rpc-complaints.ts'
import { newCounters } from '../../src/peer/rpc-counters.ts'
import type { Report } from '../../src/peer/rpc-options.ts'

const MESSAGE = 'The parent is no open call of this side.'

function listen() {
  const reports: Report[] = []
  const counters = newCounters()
  const complaints = new Complaints(counters, (report) => reports.push(report))
  return { reports, counters, complaints }
}

t.test('a fault is answered, counted on both sides, and told with what it is about', async (t) => {
  const { reports, counters, complaints } = listen()
  const data = { parent: 7 }
  const answer = complaints.fault({ kind: 'fault', error: 'PARENT_UNKNOWN', id: 3, data }, 3)
  t.same(answer, { kind: 'error', id: 3, code: -32_008, message: MESSAGE, data })
  t.same(reports, [{ kind: 'fault', text: `${MESSAGE} {"parent":7}` }])
  const bare = complaints.fault({ kind: 'fault', error: 'PARENT_UNKNOWN', id: 0 }, 0)
  t.same(bare, { kind: 'error', id: 0, code: -32_008, message: MESSAGE })
  t.notOk('data' in bare, 'what is not known is not there')
  t.equal(reports[1]?.text, `${MESSAGE} {}`)
  t.same(counters, { ...newCounters(), faultsReceived: 2, errorsSent: 2 })
})

t.test('a message that ends the connection is a fault, and no error goes out for it', async (t) => {
  const { reports, counters, complaints } = listen()
  complaints.breakage('SHUTTING_DOWN')
  t.same(reports, [{ kind: 'fault', text: 'The server is shutting down.' }])
  t.same(counters, { ...newCounters(), faultsReceived: 1 })
})

t.test('an answer to no call is a stray, an error about no call a complaint', async (t) => {
  const { reports, counters, complaints } = listen()
  complaints.stray('why')
  complaints.received({ kind: 'error', id: 0, code: -32_008, message: MESSAGE })
  t.same(reports, [
    { kind: 'stray', text: 'why' },
    { kind: 'complaint', text: `-32008 ${MESSAGE}` },
  ])
  t.same(counters, { ...newCounters(), straysReceived: 1 })
})

t.test('nobody need listen', async (t) => {
  const counters = newCounters()
  new Complaints(counters).stray('why')
  t.equal(counters.straysReceived, 1)
})
