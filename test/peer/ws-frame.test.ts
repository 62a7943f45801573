/** Messages of pages that are masked where they lie arrive as they were said. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocketServer } from 'ws'
import { connectWs } from '../../src/peer/ws-transport.ts'

t.test('masked in place or copied, every message arrives whole and in order', async (t) => {
  const http = createServer().listen(0, '127.0.0.1')
  await once(http, 'listening')
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
  t.teardown(() => {
    sockets.close()
    http.close()
  })
  const got: Buffer[] = []
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer, isBinary) => {
      t.equal(isBinary, true)
      got.push(Buffer.from(data))
      if (got.length === 6) socket.close(1000)
    })
  })
  let over = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    over = resolve
  })
  const { port } = http.address() as AddressInfo
  const line = await connectWs({
    url: `ws://127.0.0.1:${port}`,
    subprotocol: 'uvmem.v1.bin',
    receive: () => t.fail('nothing is said to us'),
    failed: (error) => t.fail(String(error)),
    ended: () => over(),
  })
  const sizes = [1, 65_536, 125, 126, 70_000, 262_400]
  const said = sizes.map((size, n) =>
    Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 7 + n)),
  )
  let left = 0
  for (const [n, bytes] of said.entries()) {
    // Every other one is in memory that somebody waits for.
    const copy = Buffer.from(bytes)
    if (n % 2 === 0) line.send(copy)
    else line.send(copy, () => left++)
    if (n % 2 === 0) t.same(copy, bytes, 'memory that is not ours is not written to')
  }
  await ended
  t.equal(got.length, 6)
  for (const [n, bytes] of said.entries()) t.ok(got[n]?.equals(bytes), `message ${n}`)
  t.equal(left, 3, 'each is told of once')
  line.send(Buffer.alloc(65_536), () => left++)
  await new Promise((resume) => setImmediate(resume))
  t.equal(left, 4, 'also after the end')
})
