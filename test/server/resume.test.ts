/** Sessions that outlive their connection, as a client by hand sees them. */
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { asGfn, asLpid } from '../../src/abi/page.ts'
import { Line, listening, until } from './line.ts'
import { ask, type ServerOptions } from './server.ts'

const PAGE = 65_536
const LPID = asLpid(1)
const SLOT = { lpid: 1, start_gpa: 0, size: 4 * PAGE, flags: 0, slotid: 0 }
const pageIn = (gfn: number) => ({ lpid: 1, gpa: gfn * PAGE, flags: 0, order: 16 })

/** H_SVM_INIT_DONE with an id above all that were used: ids count up in a session that is resumed. */
function done(line: Line) {
  line.send({ jsonrpc: '2.0', id: 5_000, method: 'H_SVM_INIT_DONE', params: { lpid: 1 } })
  line.serve = (call) => line.answer(call)
  return line.answerTo(5_000)
}

/** A server and a client whose VM is on its way to secure; `token` resumes its session. */
async function started(t: Test, options: ServerOptions = {}) {
  const { app, uv } = await listening(t, options)
  const line = new Line(uv)
  t.teardown(() => line.socket.terminate())
  await line.opened()
  const { result } = await line.call('SESSION_OPEN', { name: 'test' })
  const token = String(result?.['token'])
  await line.call('UV_REGISTER_MEM_SLOT', SLOT)
  await line.call('H_SVM_INIT_START', { lpid: 1 })
  await app.vmm.fill(LPID, asGfn(0), 4, 7n, 1n)
  const again = async (
    more: object = {},
  ): Promise<{ line: Line; answer: Awaited<ReturnType<Line['call']>> }> => {
    const next = new Line(uv)
    t.teardown(() => next.socket.terminate())
    await next.opened()
    next.serve = () => undefined
    return {
      line: next,
      answer: await next.call('SESSION_OPEN', { name: 'test', resume: token, ...more }),
    }
  }
  const cut = async (which = line): Promise<void> => {
    which.socket.terminate()
    await until(() => app.hv.grace.size === 1, 'the server has seen the end')
  }
  return { app, uv, line, token, again, cut }
}

t.test(
  'a session goes on with its token; its VMs stay its own, and what was asked comes again',
  async (t) => {
    const { app, uv, line, token, again, cut } = await started(t)
    line.serve = () => undefined
    line.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_IN', params: pageIn(2) })
    const asked = await line.next(({ method }) => method === 'UV_PAGE_IN')
    await cut()
    const { sessions } = (await ask(app, 'listSessions')).body as {
      sessions: { ms_left: number }[]
    }
    t.match(sessions, [{ id: 's1', lpids: [1], state: 'detached', resumes: 0 }])
    const left = sessions[0]?.ms_left ?? 0
    t.ok(left > 20_000 && left <= 30_000, `${left} ms are left`)
    t.match((await ask(app, 'getHost')).body, { sessions: 1, detached: { sessions: 1 } })
    const stranger = await Line.open(t, uv)
    t.match(await stranger.call('H_SVM_INIT_DONE', { lpid: 1 }), { error: { code: -32000 } })
    t.equal(app.hv.queueLength(LPID), 1, 'the operation waits')

    const { line: next, answer } = await again()
    t.match(answer, { result: { ret: 0, session: 's1', token } })
    t.same(await next.next(({ method }) => method === 'UV_PAGE_IN'), asked, 'to the last member')
    next.answer(asked)
    next.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_IN', params: pageIn(2) })
    t.match(await next.answerTo(77), { result: { ret: 0 } })
    t.equal(app.inspected.counters.callCount('H_SVM_PAGE_IN'), 1, 'executed once')
    t.match((await ask(app, 'listSessions')).body, {
      sessions: [{ id: 's1', state: 'attached', ms_left: null, resumes: 1 }, { id: 's2' }],
    })
    const { events } = (await ask(app, 'listJournal', { query: { kind: 'session' } })).body as {
      events: { call: string }[]
    }
    t.same(
      events
        .map(({ call }) => call)
        .toReversed()
        .filter((call) => call !== 'open'),
      ['detach', 'resume'],
    )
  },
)

t.test(
  'a resume that comes before the server has missed the connection fences it off',
  async (t) => {
    const { app, line, again } = await started(t)
    const { answer, line: next } = await again()
    t.match(answer, { result: { ret: 0, session: 's1' } })
    t.same(await line.closed, {
      code: 4007,
      reason: 'The session goes on over another connection.',
    })
    t.equal(app.hv.sessions.size, 1)
    t.equal(app.hv.grace.size, 0, 'its end is not that of the session')
    t.match(await done(next), { result: { ret: 0 } })
    const { events } = (await ask(app, 'listJournal', { query: { kind: 'session' } })).body as {
      events: { call: string }[]
    }
    t.same(
      events.map(({ call }) => call),
      ['resume', 'fence', 'open'],
    )
  },
)

t.test('of two that race with one token the later one has the session', async (t) => {
  const { app, again } = await started(t)
  const [first, second] = await Promise.all([again(), again()])
  t.match([first.answer, second.answer], [{ result: { ret: 0 } }, { result: { ret: 0 } }])
  const loser = await Promise.race([
    first.line.closed.then(() => 'first'),
    second.line.closed.then(() => 'second'),
  ])
  const winner = loser === 'first' ? second : first
  t.match(await done(winner.line), { result: { ret: 0 } })
  t.equal(app.hv.sessions.size, 1)
})

t.test('an attempt that was sent before the one that succeeded is too late', async (t) => {
  const { again } = await started(t)
  const { answer, line } = await again({ attempt: 5 })
  t.match(answer, { result: { ret: 0 } })
  for (const attempt of [4, 5]) {
    const late = await again({ attempt })
    t.match(late.answer, { error: { code: -32002, data: { attempt, last: 5 } } })
  }
  t.match(await done(line), { result: { ret: 0 } }, 'nobody was fenced')
  t.match((await again({ attempt: 6 })).answer, { result: { ret: 0 } })
  t.match((await again()).answer, { result: { ret: 0 } }, 'no number, no check')
})

t.test('when the grace time is over the session is unknown and its calls fail', async (t) => {
  const { app, line, again, cut } = await started(t, { limits: { sessionGraceMs: 150 } })
  line.serve = () => undefined
  line.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_IN', params: pageIn(2) })
  await line.next(({ method }) => method === 'UV_PAGE_IN')
  await cut()
  t.equal(app.hv.queueLength(LPID), 1)
  await until(() => app.hv.sessions.size === 0, 'the session is given up')
  t.equal(app.hv.queueLength(LPID), 0, 'nobody waits for ever')
  t.equal(app.hv.isOrphan(LPID), true)
  t.match((await again()).answer, { error: { code: -32002, message: 'No such session.' } })
})

t.test('without a grace time a session ends with its connection, as ever', async (t) => {
  const { app, line, again } = await started(t, { limits: { sessionGraceMs: 0 } })
  line.socket.terminate()
  await until(() => app.hv.sessions.size === 0, 'it is gone')
  t.equal(app.hv.isOrphan(LPID), true)
  t.match((await again()).answer, { error: { code: -32002 } })
})

t.test('who says goodbye, or breaks the wire, leaves no session behind', async (t) => {
  for (const leave of [
    (line: Line) => line.socket.close(1_000),
    (line: Line) => line.socket.close(1_001),
    (line: Line) => line.socket.close(),
    (line: Line) => line.socket.send(Buffer.from([1])),
  ]) {
    const { app, line, again } = await started(t)
    leave(line)
    await line.closed
    await until(() => app.hv.sessions.size === 0, 'it is gone')
    t.match((await again()).answer, { error: { code: -32002 } })
  }
  const { app, line } = await started(t)
  line.socket.close(4_999)
  await until(() => app.hv.grace.size === 1, 'any other code leaves it')
  t.equal(app.hv.sessions.size, 1)
})

t.test(
  'a token is a secret of one session: another one opens nothing, and no log has it',
  async (t) => {
    const lines: string[] = []
    const sink = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk))
        done()
      },
    })
    const log = pino({ level: 'trace' }, sink)
    const { app, uv, token, again, cut } = await started(t, { app: { log } })
    await cut()
    for (const wrong of [token.slice(1), `${token}x`, token.toUpperCase(), 's1', '0']) {
      const line = new Line(uv)
      t.teardown(() => line.socket.terminate())
      await line.opened()
      const answer = await line.call('SESSION_OPEN', { name: 'thief', resume: wrong })
      t.match(answer, { error: { code: -32002, message: 'No such session.' } })
      t.equal(answer.error?.data, undefined, 'and nothing more')
    }
    t.match((await again()).answer, { result: { ret: 0 } })
    const { body } = await ask(app, 'listJournal', { query: { limit: '1000' } })
    t.ok(lines.length > 0)
    t.notMatch(lines.join('') + JSON.stringify(body), token)
  },
)

t.test(
  'sessions without a connection count, and may come back when there are no more',
  async (t) => {
    const { app, uv, again, cut } = await started(t, { limits: { sessionsMax: 1 } })
    await cut()
    const other = new Line(uv)
    t.teardown(() => other.socket.terminate())
    await other.opened()
    t.match(await other.call('SESSION_OPEN', { name: 'one more' }), {
      error: { code: -32009, data: { limit: 'sessionsMax', max: 1 } },
    })
    t.match((await again()).answer, { result: { ret: 0 } })
    t.match((await again()).answer, { result: { ret: 0 } }, 'also while the older line seems alive')
    t.equal(app.hv.sessions.size, 1)
  },
)

t.test('a slow reader that was cut goes on, and misses nothing', async (t) => {
  // It is not paused before: what it asks for leaves by four pages, and would wait for it.
  const limits = { sendBufferBytesMax: 1_000_000, sendBufferHighBytes: 1_000_000 }
  const { app, line, again } = await started(t, { limits })
  await app.vmm.writePage(LPID, asGfn(1), 0, new Uint8Array(PAGE).fill(1))
  line.socket.pause()
  const read = { lpid: 1, ra: '0x10000', offset: 0, length: PAGE }
  const calls = Array.from({ length: 100 }, (_, i) => ({
    jsonrpc: '2.0',
    id: 1_000 + i,
    method: 'MEM_READ',
    params: read,
  }))
  line.socket.send(JSON.stringify(calls))
  await until(() => app.hv.grace.size === 1, 'it is cut, and its session waits')
  const { line: next, answer } = await again({ unanswered: 100 })
  t.match(answer, { result: { ret: 0 } })
  next.socket.send(JSON.stringify(calls))
  for (let id = 1_000; id < 1_100; id++) {
    t.equal((await next.answerTo(id)).result?.ret, 0, `call ${id}`)
  }
})

t.test(
  'more than the send buffer is said again all the same, to a client that reads',
  async (t) => {
    const pages = 120
    const limits = { sendBufferBytesMax: 2_097_152, sendBufferHighBytes: 1_000_000 }
    const { app, line, again, cut } = await started(t, {
      limits,
      hv: { poolPages: 256, window: pages },
    })
    const slot = { lpid: 1, start_gpa: 16 * PAGE, size: pages * PAGE, flags: 0, slotid: 1 }
    await line.call('UV_REGISTER_MEM_SLOT', slot)
    for (let n = 0; n < pages; n++) {
      await app.vmm.writePage(LPID, asGfn(16 + n), 0, new Uint8Array(PAGE).fill(n))
    }
    line.serve = () => undefined
    line.socket.pause()
    const calls = Array.from({ length: pages }, (_, n) => ({
      jsonrpc: '2.0',
      id: 1_000 + n,
      method: 'H_SVM_PAGE_IN',
      params: pageIn(16 + n),
    }))
    line.socket.send(JSON.stringify(calls))
    await until(() => app.hv.queueLength(LPID) === pages, 'all are under way')
    if (app.hv.grace.size === 0) await cut()
    const { line: next } = await again()
    const asked = new Set<unknown>()
    while (asked.size < pages) {
      const call = await next.next(({ method, id }) => method === 'UV_PAGE_IN' && !asked.has(id))
      asked.add(call.id)
    }
    const read = { lpid: 1, ra: '0x0', offset: 0, length: 8 }
    next.send({ jsonrpc: '2.0', id: 5_000, method: 'MEM_READ', params: read })
    t.ok((await next.answerTo(5_000)).result, 'it is not cut for it')
  },
)

t.test('a reset ends sessions that wait, and what waits for them', async (t) => {
  const { app, line, again, cut } = await started(t)
  line.serve = () => undefined
  line.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_IN', params: pageIn(2) })
  await line.next(({ method }) => method === 'UV_PAGE_IN')
  await cut()
  t.match((await ask(app, 'resetHost')).body, { code: 0 })
  t.equal(app.hv.sessions.size + app.hv.grace.size + app.hv.host.vms.size, 0)
  t.match((await again()).answer, { error: { code: -32002 } })
})

t.test('a VM is destroyed when its ultravisor is back, or is given up', async (t) => {
  const { app, again, cut } = await started(t)
  await cut()
  const destroyed = ask(app, 'deleteVm', { path: { lpid: 1 } })
  await new Promise((done) => setTimeout(done, 50))
  t.equal(app.hv.host.vms.size, 1, 'its ultravisor has not been told')
  const { line } = await again()
  line.answer(await line.next(({ method }) => method === 'UV_SVM_TERMINATE'))
  t.equal((await destroyed).status, 200)
  t.equal(app.hv.host.vms.size, 0)
})

t.test('the server ends at once, whoever is waited for', async (t) => {
  const { app, line, cut } = await started(t)
  line.serve = () => undefined
  line.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_IN', params: pageIn(2) })
  await line.next(({ method }) => method === 'UV_PAGE_IN')
  await cut()
  await app.close()
  t.equal(app.hv.sessions.size + app.hv.grace.size, 0)
  t.equal(app.hv.openOperations, 0)
})

t.test('a fault rule that cuts the connection lets the client go on', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const { app, line, again } = await started(t)
    app.inspected.faults.add({ call: 'H_SVM_PAGE_OUT', nth: 1, action: { do: 'cut', when } })
    line.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_OUT', params: pageIn(3) })
    await line.closed
    const { line: next } = await again({ unanswered: 1 })
    next.send({ jsonrpc: '2.0', id: 77, method: 'H_SVM_PAGE_OUT', params: pageIn(3) })
    t.ok((await next.answerTo(77)).result !== undefined, when)
    t.equal(app.inspected.counters.callCount('H_SVM_PAGE_OUT'), 1, `${when}: once`)
  }
})
