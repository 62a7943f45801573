/** The clients of floor-server.ts: each resolves with a rate. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { BUSY_POLL } from '../../src/peer/busy-poll.ts'
import { answersOf, CALL_BYTES, callsOf, NESTED_BYTES, pageMessage } from './floor-frames.ts'

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
  socket.send(`${count} ${size}`)
  await once(socket, 'message')
  const start = performance.now()
  socket.send('go')
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

export interface PageLoop {
  readonly url: string
  readonly pages: number
  readonly window: number
  /** It does not fall asleep between messages. */
  readonly awake: boolean
}

/**
 * Page-ins a second, `window` at a time: the best of several ways to cut the window into messages. A
 * message holds what one side has to say at a time: calls, and answers to those of the other side.
 */
export async function pageLoopRate(given: PageLoop): Promise<number> {
  let best = 0
  for (const perMessage of [8, 16, 32].filter((some) => 2 * some <= given.window)) {
    best = Math.max(best, await pageLoop(given, perMessage))
  }
  return best
}

/**
 * `perMessage` page-ins begin in a message and as many end in it. `window` of them are under way: half
 * as calls, half as answers to the calls that are nested in them.
 */
async function pageLoop({ url, pages, window, awake }: PageLoop, perMessage: number) {
  const socket = await connect(url)
  let asked = 0
  let done = 0
  const say = (calls: number, answers: number): void => {
    asked += calls
    socket.send(pageMessage(calls, CALL_BYTES, answers))
  }
  const start = performance.now()
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      if (awake) BUSY_POLL.heard()
      const nested = callsOf(data)
      const ended = answersOf(data, NESTED_BYTES)
      done += ended
      // The first time nothing has ended yet: then the other half of the window begins.
      const more = asked < pages ? Math.max(ended, asked < window ? perMessage : 0) : 0
      if (more + nested > 0) say(more, nested)
      else if (done === asked) resolve()
    })
    for (let half = 0; half < window / 2; half += perMessage) say(perMessage, 0)
  })
  const rate = done / seconds(start)
  socket.close()
  return rate
}
