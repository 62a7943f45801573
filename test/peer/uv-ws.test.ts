/** The client's WebSocket: how connecting fails, and how a connection ends. */
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createPlain } from 'node:net'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { CLOSE } from '../../schemas/errors.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { connectUv } from '../../src/peer/uv-client.ts'
import { connectWs, type Ending } from '../../src/peer/ws-transport.ts'

const listen = (server: Server | ReturnType<typeof createPlain>): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1/uv`)
    })
  })

/** A server that does `greet` with each connection. */
async function serverThat(t: Test, greet: (socket: WebSocket) => void): Promise<string> {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket) => {
    socket.on('error', () => undefined)
    greet(socket)
  })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    http.close()
  })
  return await listen(http)
}

interface Heard {
  readonly messages: WireData[]
  readonly endings: Ending[]
  readonly failures: unknown[]
}

function connect(url: string, more: Partial<Parameters<typeof connectWs>[0]> = {}) {
  const heard: Heard = { messages: [], endings: [], failures: [] }
  const done = connectWs({
    url,
    subprotocol: 'uvmem.v1.json',
    receive: (data) => heard.messages.push(data),
    ended: (ending) => heard.endings.push(ending),
    failed: (error) => heard.failures.push(error),
    ...more,
  })
  return { done, heard }
}

const until = async (holds: () => boolean): Promise<void> => {
  const end = Date.now() + 20_000
  while (!holds()) {
    if (Date.now() > end) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('what cannot be connected to is named, with the reason', async (t) => {
  const gone = createServer()
  const nowhere = await listen(gone)
  await new Promise((resolve) => gone.close(resolve))
  const refusals = [
    {
      status: 401,
      body: '{"detail":"A token is needed."}',
      says: '401 Unauthorized: A token is needed.',
    },
    { status: 404, body: '', says: '404 Not Found' },
    { status: 503, body: 'later\nperhaps', says: '503 Service Unavailable: later' },
    { status: 400, body: '{"detail":', says: '400 Bad Request: {"detail":' },
    { status: 400, body: '[1]', says: '400 Bad Request' },
  ]
  await t.rejects(connect(nowhere).done, {
    name: 'ConnectError',
    message: /^cannot connect to ws:\/\/127.*: connect ECONNREFUSED 127/,
  })
  await t.rejects(connect('nonsense').done, { message: /^cannot connect to nonsense: / })
  for (const { status, body, says } of refusals) {
    const http = createServer()
    http.on('upgrade', (_, socket) => {
      const head = `HTTP/1.1 ${status} ${says.replace(/^\d+ ([\w ]+).*/, '$1')}\r\n`
      socket.end(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
    })
    const url = await listen(http)
    const error = await connect(url).done.catch((thrown) => thrown)
    t.equal(error.message, `cannot connect to ${url}: the server answered ${says}`)
    await new Promise((resolve) => http.close(resolve))
  }
})

t.test('a server that says nothing is given up', async (t) => {
  const silent = createPlain(() => undefined)
  t.teardown(() => silent.close())
  const url = await listen(silent)
  await t.rejects(connect(url, { connectMsMax: 50 }).done, {
    name: 'ConnectError',
    message: /Opening handshake has timed out/,
  })
})

t.test('a token and the subprotocol are shown, messages come as they are', async (t) => {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http })
  const shown: unknown[] = []
  sockets.on('connection', (socket, { headers }) => {
    shown.push(headers.authorization, socket.protocol)
    socket.send('text')
    socket.send(Uint8Array.of(1, 2))
    socket.on('message', (data) => socket.send(`got ${String(data)}`))
  })
  t.teardown(() => http.close())
  const url = await listen(http)
  const { done, heard } = connect(url, { token: 'abc' })
  const transport = await done
  transport.send('hello')
  await until(() => heard.messages.length === 3)
  t.same(shown, ['Bearer abc', 'uvmem.v1.json'])
  t.same(heard.messages, ['text', Buffer.from([1, 2]), 'got hello'])
  transport.close(CLOSE.NORMAL.code, CLOSE.NORMAL.text)
  await until(() => heard.endings.length === 1)
  t.match(heard.endings, [{ code: 1000 }])
  transport.send('after the end')
  t.equal(heard.failures.length, 0, 'nothing is thrown')
})

t.test('every end of a connection is told once, in words', async (t) => {
  const cases = [
    {
      end: (s: WebSocket) => s.close(1001, 'The server is shutting down.'),
      says: 'the connection was closed with 1001: The server is shutting down.',
    },
    {
      end: (s: WebSocket) => s.close(4002),
      says: 'the connection was closed with 4002: The peer reads too slowly.',
    },
    {
      end: (s: WebSocket) => s.close(4999),
      says: 'the connection was closed with 4999: no reason given',
    },
    { end: (s: WebSocket) => s.terminate(), says: 'the connection broke without a word' },
  ]
  for (const { end, says } of cases) {
    const url = await serverThat(t, (socket) => setTimeout(() => end(socket), 10))
    const { done, heard } = connect(url)
    await done
    await until(() => heard.endings.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.same(
      heard.endings.map(({ sentence }) => sentence),
      [says],
    )
  }
})

t.test('a mistake of ours while a message is read closes with 1011', async (t) => {
  const codes: number[] = []
  const url = await serverThat(t, (socket) => {
    socket.on('close', (code) => codes.push(code))
    socket.send('{}')
  })
  const mistake = new Error('a mistake')
  const { done, heard } = connect(url, {
    receive: () => {
      throw mistake
    },
  })
  await done
  await until(() => codes.length > 0)
  t.same(codes, [1011])
  t.same(heard.failures, [mistake])
})

t.test('a server that shows no sign of life is given up; one that pongs is not', async (t) => {
  const deaf = await serverThat(t, (socket) => socket.pause())
  const lost = connect(deaf, { pingIntervalMs: 30, pongWaitMsMax: 60 })
  await lost.done
  await until(() => lost.heard.endings.length > 0)
  const sentence = 'the connection was closed with 4003: No sign of life.'
  t.same(lost.heard.endings, [{ code: 4003, sentence }])
  const url = await serverThat(t, () => undefined)
  const kept = connect(url, { pingIntervalMs: 50, pongWaitMsMax: 1_000 })
  const transport = await kept.done
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  t.same(kept.heard.endings, [])
  transport.close(1000, 'Done.')
})

t.test('a client whose server goes away rejects what waits, and what comes after', async (t) => {
  const url = await serverThat(t, (socket) => {
    socket.once('message', () => socket.close(1001, 'The server is shutting down.'))
  })
  const endings: string[] = []
  const client = await connectUv({ url, ended: ({ sentence }) => endings.push(sentence) })
  const expected = {
    name: 'UvCallError',
    code: 'CONNECTION_LOST',
    message:
      'SESSION_OPEN failed: CONNECTION_LOST: the connection was closed with 1001: The server is shutting down.',
  }
  await t.rejects(client.open(), expected)
  await t.rejects(client.open(), expected)
  t.equal(endings.length, 1)
  client.close()
})
