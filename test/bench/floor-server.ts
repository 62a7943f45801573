/**
 * What the wire could do with no emulator on it. `floor-server MODE` prints its address and serves:
 *
 *   echo    every message comes back
 *   sink    messages are counted; a text message asks how many bytes there were, and forgets them
 *   source  a text message `COUNT SIZE` is answered when so many messages of so many bytes are there,
 *           each with bytes of its own, as pages have; the next message gets them
 *   pages   the frames of page-ins: a call is met with a nested call, an answer with an answer; as
 *           many in a message as came in one
 *   awake   the same, and it does not fall asleep between them
 */
import { randomFillSync } from 'node:crypto'
import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
// As the emulator has it: what is compared is the emulator.
import '../../src/bin/v8-flags.ts'
import { BUSY_POLL } from '../../src/peer/busy-poll.ts'
import { answersOf, CALL_BYTES, callsOf, NESTED_BYTES, pageMessage } from './floor-frames.ts'

const pages = (socket: WebSocket): void => {
  socket.on('message', (data: Buffer) => {
    const answers = answersOf(data, CALL_BYTES)
    socket.send(pageMessage(callsOf(data), NESTED_BYTES, answers))
  })
}

let memory = Buffer.alloc(0)

function messagesOf(wish: string): Buffer[] {
  const [count = 0, size = 0] = wish.split(' ').map(Number)
  if (memory.length !== count * size) memory = randomFillSync(Buffer.allocUnsafeSlow(count * size))
  return Array.from({ length: count }, (_, i) => memory.subarray(i * size, (i + 1) * size))
}

function sendAll(socket: WebSocket, messages: readonly Buffer[]): void {
  let next = 0
  const send = (): void => {
    for (; next < messages.length && socket.bufferedAmount < 4_000_000; next++) {
      socket.send(messages[next] as Buffer)
    }
    if (next < messages.length) setImmediate(send)
  }
  send()
}

const serve: Readonly<Record<string, (socket: WebSocket) => void>> = {
  echo: (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  sink: (socket) => {
    let bytes = 0
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) bytes += data.length
      else {
        socket.send(String(bytes))
        bytes = 0
      }
    })
  },
  source: (socket) => {
    let messages: readonly Buffer[] = []
    socket.on('message', (data: Buffer) => {
      if (messages.length === 0) {
        messages = messagesOf(data.toString())
        socket.send('ready')
      } else sendAll(socket, messages)
    })
  },
  pages,
  awake: (socket) => {
    socket.on('message', () => BUSY_POLL.heard())
    pages(socket)
  },
}

const mode = serve[process.argv[2] ?? '']
if (mode === undefined) throw new Error(`modes: ${Object.keys(serve).join(', ')}`)
const http = createServer()
new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', mode)
http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  if (typeof address === 'object') console.log(`ws://127.0.0.1:${address?.port}`)
})
process.on('SIGTERM', () => process.exit(0))
