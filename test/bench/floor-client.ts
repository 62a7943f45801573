/** The clients of floor-server.ts: each resolves with a rate. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { ANSWER_BYTES, CALL_BYTES, NESTED_BYTES } from './floor-frames.ts'

async function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await once(socket, 'open')
  return socket
}

const seconds = (since: number): number => (performance.now() - since) / 1_000

/** Messages a second, both ways together, with `inFlight` of `size` characters under way. */
export async function echoRate(url: string, count: number, size: number, inFlight: number) {
  const socket = await connect(url)
  const message = 'x'.repeat(size)
  let sent = 0
  let got = 0
  const start = performance.now()
  await new Promise<void>((done) => {
    socket.on('message', (data: Buffer) => {
      // As the peers do: text is decoded.
      data.toString('utf8')
      got++
      if (sent < count) {
        sent++
        socket.send(message)
      } else if (got === count) done()
    })
    for (; sent < inFlight; sent++) socket.send(message)
  })
  const rate = (2 * count) / seconds(start)
  socket.close()
  return rate
}

/** Bytes a second from the client to the server. */
export async function sinkRate(url: string, count: number, size: number): Promise<number> {
  const socket = await connect(url)
  const message = Buffer.alloc(size, 7)
  const start = performance.now()
  for (let left = count; left > 0; ) {
    for (; left > 0 && socket.bufferedAmount < 4_000_000; left--) socket.send(message)
    if (left > 0) await new Promise((resume) => setImmediate(resume))
  }
  socket.send('how many')
  await once(socket, 'message')
  const rate = (count * size) / seconds(start)
  socket.close()
  return rate
}

/** Bytes a second from the server to the client. */
export async function sourceRate(url: string, count: number, size: number): Promise<number> {
  const socket = await connect(url)
  const start = performance.now()
  socket.send(`${count} ${size}`)
  await new Promise<void>((done) => {
    let bytes = 0
    socket.on('message', (data: Buffer) => {
      bytes += data.length
      if (bytes >= count * size) done()
    })
  })
  const rate = (count * size) / seconds(start)
  socket.close()
  return rate
}

/** Page-ins a second: the frames of `pages` of them, `window` at a time in two halves. */
export async function pageLoopRate(url: string, pages: number, window: number): Promise<number> {
  const socket = await connect(url)
  const half = window / 2
  const calls = Buffer.alloc(half * CALL_BYTES, 1)
  let asked = 0
  let done = 0
  const start = performance.now()
  await new Promise<void>((resolve) => {
    const ask = (): void => {
      asked += half
      socket.send(calls)
    }
    socket.on('message', (data: Buffer) => {
      if (data[0] === 1) {
        socket.send(Buffer.alloc((data.length / NESTED_BYTES) * ANSWER_BYTES, 2))
        return
      }
      done += data.length / ANSWER_BYTES
      if (asked < pages) ask()
      else if (done >= asked) resolve()
    })
    ask()
    ask()
  })
  const rate = done / seconds(start)
  socket.close()
  return rate
}
