import t from 'tap'
import { CASES, PAGE, request } from './malformed.ts'
import { pair } from './pair.ts'

t.test(
  'whatever is malformed gets its error, reaches nobody, and the session goes on',
  async (t) => {
    let served = 0
    const { hv, hvLine, turn } = pair({
      hvServes: (call) => {
        served += 1
        call.answer(0)
      },
    })
    for (const { why, text, id, code, path, reason } of CASES) {
      hv.receive(text)
      turn.end()
      const [sent] = hvLine.sent.splice(0)
      const whole = JSON.parse(String(sent))
      const said = Array.isArray(whole) ? whole[0] : whole
      t.equal(said.error?.code, code, why)
      t.equal(said.id, id ?? null, `${why}: id`)
      if (path !== undefined) t.equal(said.error?.data?.path, path, `${why}: path`)
      if (reason !== undefined) t.equal(said.error?.data?.reason, reason, `${why}: reason`)
      if (code === -32602)
        t.notMatch(said.error?.data?.expected, /^(Invalid|Too|Unrec)/, `${why}: in our words`)
    }
    t.equal(served, 0, 'no handler saw any of them')
    t.equal(hv.callsServed, 0)
    t.equal(hv.counters.faultsReceived, CASES.length)
    t.same(hvLine.closed, [])
    hv.receive(request(`{${PAGE}}`))
    turn.end()
    t.same(hvLine.sent, ['{"jsonrpc":"2.0","id":5,"result":{"ret":0,"name":"H_SUCCESS"}}'])
  },
)
