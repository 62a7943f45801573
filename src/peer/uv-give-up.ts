/**
 * Gives up a session whose ultravisor is gone with all that it knew: takes it over with its token, and
 * says goodbye. Without this the hypervisor waits for the ultravisor until its grace time is over.
 */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { Peer } from './rpc-peer.ts'
import type { ConnectOptions } from './uv-client.ts'
import { UvCallError } from './uv-errors.ts'
import { UV_CODECS } from './uv-protocol.ts'
import { connectWs, type Dial } from './ws-transport.ts'

export type GiveUpOptions = Pick<ConnectOptions, 'url' | 'token' | 'ca' | 'protocol' | 'name'>

/**
 * Resolves when the session is given up, or there was none. Rejects with ConnectError when the server
 * cannot be reached, with UvCallError when it refuses for another reason. `dial` makes the connection.
 */
export async function giveUpSession(
  options: GiveUpOptions,
  resume: string,
  dial: Dial = connectWs,
): Promise<void> {
  const { url, token, ca, protocol = 'json', name = 'uv' } = options
  const codec = UV_CODECS[protocol]()
  let how: string | undefined
  let peer: Peer<UpCall, DownCall> | undefined
  const transport = await dial({
    url,
    token,
    ca,
    subprotocol: codec.subprotocol,
    receive: (data) => peer?.receive(data),
    failed: () => peer?.end(),
    ended: ({ sentence }) => {
      how = sentence
      peer?.end()
    },
  })
  const fresh = new Peer<UpCall, DownCall>({
    codec,
    transport,
    defer: queueMicrotask,
    serve: (incoming) => incoming.fail('SESSION_UNKNOWN'),
  })
  peer = fresh
  await new Promise<void>((resolve, reject) => {
    const body = { call: 'SESSION_OPEN', name, resume } as const
    fresh.call(body, 0, (outcome) => {
      fresh.close('NORMAL')
      const error = outcome.kind === 'error' ? new UvCallError(body, outcome, how) : undefined
      if (error === undefined || error.code === 'SESSION_UNKNOWN') resolve()
      else reject(error)
    })
  })
}
