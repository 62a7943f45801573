/**
 * What the wire could do with no emulator on it. `floor-server MODE` prints its address and serves:
 *
 *   echo    every message comes back
 *   sink    messages are counted; a text message asks how many bytes there were, and forgets them
 *   source  a text message `COUNT SIZE` gets so many messages of so many bytes
 *   pages   the frames of page-ins: a call is met with a nested call, an answer with an answer; as
 *           many in a message as came in one
 *   awake   the same, and it does not fall asleep between them
 */
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
    socket.on('message', (data: Buffer) => {
      const [count = 0, size = 0] = data.toString().split(' ').map(Number)
      const message = Buffer.alloc(size, 7)
      let left = count
      const send = (): void => {
        for (; left > 0 && socket.bufferedAmount < 4_000_000; left--) socket.send(message)
        if (left > 0) setImmediate(send)
      }
      send()
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
